# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by setup and run: where test kernels are kept, and under which name.

cache=${ILB_KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ilb/kernels}
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")

# The User-Mode Linux binary: a new configuration is a new kernel.
uml_path()
{
	echo "$cache/uml-6.12-$(sha256sum <"$here/uml.config" | cut -c1-12)"
}

# Debian's cloud kernel of a series (6.12, 6.1), unpacked.
qemu_path()
{
	echo "$cache/debian-$1-cloud"
}
