#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh SECTION...: installs what these sections of packages.txt list and the machine lacks.
# When nothing is missing it calls no apt; two at once wait for each other.
set -euo pipefail

list=$(dirname "$(realpath "$0")")/../../packages.txt

wanted()
{
	awk -v sections=" $* " '
		/^\[/ { name = $0; gsub(/[][]/, "", name); listed = index(sections, " " name " "); next }
		listed && NF && !/^#/ { print $1 }' "$list"
}

missing()
{
	comm -23 <(wanted "$@" | sort -u) \
		<(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | awk '$2 == "installed" { print $1 }' | sort -u)
}

install()
{
	local names
	mapfile -t names < <(missing "$@")
	[ ${#names[@]} -gt 0 ] || return 0
	echo "installing ${names[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "${names[@]}" >&2
}

if [ "$1" = --locked ]; then
	shift
	install "$@"
elif [ -n "$(missing "$@")" ]; then
	as_root=()
	[ "$(id -u)" = 0 ] || as_root=(sudo)
	"${as_root[@]}" flock /var/lib/apt "$(realpath "$0")" --locked "$@"
fi
