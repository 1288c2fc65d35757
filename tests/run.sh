#!/bin/bash
# Installs what is missing, builds, runs every test. Debian 12, as root or with sudo.
#   tests/run.sh [BUILD_FOLDER [CONFIGURE_ARGUMENT...]]
# The last line is "N passed, N failed, N skipped".
set -euo pipefail

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
    exit 0
fi
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
shift $(($# > 0 ? 1 : 0))
# shellcheck source=egs/common/packages.sh
. "$root/egs/common/packages.sh"

install_packages $SYLKIT_PACKAGES $SYLKIT_TEST_PACKAGES
export PYTHON=/usr/bin/python3 # the one that Debian's numpy is for
[ -x "$root/configure" ] || (cd "$root" && autoreconf -fi)
mkdir -p "$build"
cd "$build"
[ -f Makefile ] || "$root/configure" "$@"
make -j"$(nproc)"
status=0
make check -j"$(nproc)" VERBOSE=1 || status=$?

# The totals of automake's report.
total() { sed -n "s/^# $1: *//p" test-suite.log | head -n 1; }
failed=$(($(total FAIL) + $(total XPASS) + $(total ERROR)))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1 # the tests did not even build
echo "$(total PASS) passed, $failed failed, $(total SKIP) skipped"
[ "$failed" -eq 0 ]
