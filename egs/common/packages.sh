# Sourced by egs/*/run.sh and tests/run.sh: the Debian packages that sylkit is built with.

SYLKIT_PACKAGES="autoconf automake libtool pkg-config gcc make libc6-dev libdnnl-dev
libsndfile1-dev libsoxr-dev libfftw3-dev libjansson-dev libcairo2-dev
libwebsockets-dev portaudio19-dev"
# What the tests want on top.
export SYLKIT_TEST_PACKAGES="g++ libcmocka-dev python3 python3-numpy ffmpeg libopenmpi-dev openmpi-bin
libasound2-plugins pulseaudio pulseaudio-utils"

# as_root COMMAND...: runs it as root, with sudo where that is needed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "this needs root: $*" >&2
        echo "run it as root, or install sudo" >&2
        return 1
    fi
}

# install_packages PACKAGE...: installs those that dpkg does not have yet.
install_packages() {
    local missing="" p
    for p in "$@"; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $p"
    done
    [ -z "$missing" ] && return 0
    echo "installing:$missing"
    # Package lists that are old or absent are the usual reason for a failure: fetch and retry.
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing && return 0
    as_root apt-get update || return 1
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}
