# shellcheck shell=bash
# Shared by the scripts in this folder; sourced, not run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/.tools/bin
# shellcheck disable=SC2034 # used by scripts/test
staticcheck_version=v0.8.2 golangci_version=v2.15.0

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# need COMMAND PACKAGE...: makes sure that a command is there. As root it
# installs the Debian packages, starting no service; otherwise it says what to
# install and ends.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    die "needs '$command'; install the Debian packages: $*"
  fi
  printf 'installing the Debian packages %s (for %s)\n' "$*" "$command"
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  # A policy of 101 keeps packages from starting services.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  [ -z "$made" ] || rm -f "$policy"
  command -v "$command" >/dev/null 2>&1 || die "'$command' is still missing after installing $*"
}

# tool NAME MODULE VERSION: installs a Go tool under .tools, once per version.
tool() {
  local name=$1 module=$2 version=$3
  if [ ! -x "$tools/$name-$version" ]; then
    printf 'building %s %s (for the checks; kept under .tools)\n' "$name" "$version"
    mkdir -p "$tools"
    GOBIN=$tools GOFLAGS=-mod=mod go install "$module@$version"
    mv "$tools/$name" "$tools/$name-$version"
  fi
}

# build FILE [GOOS GOARCH]: the static binary, the same bytes for the same commit.
build() {
  local version commit date
  version=$(git describe --tags --always --dirty 2>/dev/null || echo development)
  commit=$(git rev-parse --short=12 HEAD 2>/dev/null || true)
  date=$(git log -1 --format=%cs 2>/dev/null || true)
  CGO_ENABLED=0 GOOS=${2:-} GOARCH=${3:-} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.version=$version -X main.commit=$commit -X main.date=$date" \
    -o "$1" ./cmd/davadmin
}
