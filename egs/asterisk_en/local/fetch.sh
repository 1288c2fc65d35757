#!/bin/sh
# usage: fetch.sh PACKAGE DIR: downloads a Debian package and unpacks it into DIR (no root needed).
set -eu
[ $# -eq 2 ] || { echo "usage: fetch.sh PACKAGE DIR" >&2; exit 2; }
package=$1 dir=$2
[ ! -e "$dir/.complete" ] || exit 0
rm -rf "$dir.part"
mkdir -p "$dir.part"
cd "$dir.part"
apt-get -q -o APT::Sandbox::User=root download "$package" || {
    echo "fetch.sh: apt-get download $package failed (apt-get update first?)" >&2
    exit 1
}
dpkg -x "$package"_*.deb .
rm -f "$package"_*.deb
touch .complete
rm -rf "$dir"
mv "$dir.part" "$dir"
