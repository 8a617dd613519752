# shellcheck shell=bash
# Functions shared by the scripts in this directory; sourced, not run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/.tools/bin
# shellcheck disable=SC2034 # used by scripts/test
staticcheck_version=v0.8.2 golangci_version=v2.15.0

# say TEXT: begins a part of the output; the time since the start is shown as well.
say() { printf '\n== %s (%d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# need COMMAND PACKAGE...: makes sure that a command exists. As root it installs the
# Debian packages without starting any service; otherwise it names the packages to
# install and exits.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 && return
  install_packages "$command" "$@"
  command -v "$command" >/dev/null 2>&1 || die "'$command' is still missing after installing $*"
}

# need_file FILE PACKAGE...: makes sure that a file exists, as need does for a command.
need_file() {
  local file=$1
  shift
  [ -e "$file" ] && return
  install_packages "$file" "$@"
  [ -e "$file" ] || die "'$file' is still missing after installing $*"
}

# install_packages WHAT PACKAGE...: installs Debian packages for what is missing.
install_packages() {
  local what=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    die "'$what' is not installed; install the Debian packages: $*"
  fi
  printf 'installing the Debian packages %s (for %s)\n' "$*" "$what"
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  # Exit code 101 of this policy script keeps packages from starting services.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  [ -z "$made" ] || rm -f "$policy"
}

# no_slapd_database: as root, keeps the package slapd from creating a database when it
# is installed.
no_slapd_database() {
  command -v slapd >/dev/null 2>&1 && return
  command -v debconf-set-selections >/dev/null 2>&1 || return 0
  [ "$(id -u)" = 0 ] || return 0
  echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
}

# tool NAME MODULE VERSION: builds a Go tool under .tools, once for each version.
tool() {
  local name=$1 module=$2 version=$3
  if [ ! -x "$tools/$name-$version" ]; then
    printf 'building %s %s (for the checks; kept under .tools)\n' "$name" "$version"
    mkdir -p "$tools"
    GOBIN=$tools GOFLAGS=-mod=mod go install "$module@$version"
    mv "$tools/$name" "$tools/$name-$version"
  fi
}

# build FILE [GOOS GOARCH]: builds the static binary; the same commit gives the same bytes.
build() {
  local version commit date
  version=$(git describe --tags --always --dirty 2>/dev/null || echo development)
  commit=$(git rev-parse --short=12 HEAD 2>/dev/null || true)
  date=$(git log -1 --format=%cs 2>/dev/null || true)
  CGO_ENABLED=0 GOOS=${2:-} GOARCH=${3:-} go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.version=$version -X main.commit=$commit -X main.date=$date" \
    -o "$1" ./cmd/davadmin
}
