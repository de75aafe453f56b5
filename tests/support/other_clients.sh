#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# other_clients.sh nats|npm: fetches a NATS client that is not ours, for tests/system/test_other_clients.py, and
# prints where it is: the nats command line, built as a Go module, or the directory with npm's client. Where Go, npm
# or their registries are missing it says so on stderr and exits with 1. What it fetched stays in the cache.
set -euo pipefail

cli=v0.1.6
npm=3.4.0
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ilb/clients/$1
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

case $1 in
nats)
	if [ ! -x "$cache/$cli/nats" ] && ! GOBIN=$cache/$cli nice go install "github.com/nats-io/natscli/nats@$cli" >&2; then
		echo "no nats command line: go is missing, or cannot fetch or build it" >&2
		exit 1
	fi
	echo "$cache/$cli/nats"
	;;
npm)
	if [ ! -d "$cache/$npm/node_modules/@nats-io" ] && ! { command -v node && mkdir -p "$cache/$npm" &&
		npm install --prefix "$cache/$npm" --silent --no-audit --no-fund "@nats-io/transport-node@$npm"; } >&2; then
		echo "no npm NATS client: node or npm is missing, or cannot fetch it" >&2
		exit 1
	fi
	echo "$cache/$npm"
	;;
esac
