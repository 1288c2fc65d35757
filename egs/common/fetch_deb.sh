#!/bin/sh
# usage: fetch_deb.sh DIR PACKAGE...: downloads Debian packages and unpacks them into DIR (no root
# needed, nothing is installed). What is there is kept; a new PACKAGE joins it.
set -eu
[ $# -ge 2 ] || { echo "usage: fetch_deb.sh DIR PACKAGE..." >&2; exit 2; }
dir=$1
shift
mkdir -p "$dir"
cd "$dir"
for package; do
    [ ! -e ".complete-$package" ] || continue
    rm -rf .part
    mkdir .part
    (cd .part && apt-get -q -o APT::Sandbox::User=root download "$package" >log 2>&1) || {
        cat .part/log >&2
        echo "fetch_deb.sh: apt-get download $package failed (apt-get update first?)" >&2
        exit 1
    }
    dpkg -x .part/"$package"_*.deb .
    rm -rf .part
    touch ".complete-$package"
done
