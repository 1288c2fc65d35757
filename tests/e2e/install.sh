#!/bin/sh
# What `make install` puts in place is enough: the header's own example compiles against it with
# pkg-config and finds the syllables that the program finds.
# Wants also $PREFIX_BUILD, $PREFIX_SRC (build and source trees), $GOLDEN (tests/golden), $CC.
[ -z "${SAN_FLAGS:-}" ] || {
    echo "SKIP: a build with sanitizers is not for installing"
    exit 77
}
. "$(dirname "$0")/common.sh"
for tool in pkg-config make nm; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "SKIP: $tool is missing"
        exit 77
    }
done
CC=${CC:-cc}
root=$tmp/root
unset MAKEFLAGS MFLAGS MAKELEVEL

expect 0 "make install" "${MAKE:-make}" -C "${PREFIX_BUILD:?the build tree}" install DESTDIR="$root"
found() { find "$root" -path "$1" | head -n 1; }
header=$(found '*/include/sylkit.h') pc=$(found '*/pkgconfig/sylkit.pc')
program=$(found '*/bin/sylkit') library=$(found '*/libsylkit.so')
for file in header pc program library; do
    eval "path=\$$file"
    check "installed: $file" test -s "${path:-/nonexistent}"
done
for page in "${PREFIX_SRC:?the source tree}"/lib/cli/man/*.1; do
    check "installed: ${page##*/}" test -s "$(found "*/man1/${page##*/}")"
done
if [ -x "${SYLKITD:?the path of the daemon}" ]; then
    for file in bin/sylkitd man8/sylkitd.8 sylkit/web/index.html sylkit/web/app.js \
        sylkit/web/worklet.js sylkit/web/style.css system/sylkitd.service system/sylkitd.socket \
        completions/sylkitd etc/sylkitd.conf; do
        check "installed: $file" test -s "$(found "*/$file")"
    done
    echo "max-clients 5" >"$(found '*/etc/sylkitd.conf')"
    expect 0 "make install once more" "${MAKE:-make}" -C "$PREFIX_BUILD" install DESTDIR="$root"
    check "the administrator's file stays" grep -q 'max-clients 5' "$(found '*/etc/sylkitd.conf')"
    cp "$PREFIX_SRC/stream/daemon/sylkitd.conf" "$(found '*/etc/sylkitd.conf')"
    if command -v systemd-analyze >/dev/null 2>&1; then # also with what is commented out
        for unit in sylkitd.service sylkitd.socket; do
            sed -e "s|^ExecStart=[^ ]*|ExecStart=$(found '*/bin/sylkitd')|" -e '/^Documentation=/d' \
                -e 's/^#Load/Load/' "$(found "*/system/$unit")" >"$unit"
        done
        expect 0 "systemd takes the units" systemd-analyze verify ./sylkitd.service ./sylkitd.socket
        check "systemd says nothing of them" test ! -s err
        check "no @ is left in them" test "$(grep -c @sysconf sylkitd.service)" -eq 0
    else
        echo "not tried: systemd's view of the units (systemd-analyze is missing)"
    fi
fi
check "installed: bash completion" test -s "$(found '*completions/sylkit')"
check "installed: the model" cmp "$(found '*/sylkit/sylber-small.safetensors')" "$SYLKIT_MODEL"
[ "$failures" -eq 0 ] || finish

# The library gives out what the header declares, and nothing else.
nm -D --defined-only "$library" | awk '$2 ~ /^[TDBRVWi]$/ { print $3 }' | sort >exported
tr '\n' ' ' <"$header" | grep -o 'SYL_API [^;]*;' | grep -o 'syl_[a-z_]*(' | tr -d '(' | sort -u \
    >declared
check "exports only syl_" sh -c '! grep -v "^syl_" exported'
check "exports what is declared" diff declared exported

PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
LD_LIBRARY_PATH=$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_ALLOW_SYSTEM_CFLAGS \
    PKG_CONFIG_ALLOW_SYSTEM_LIBS LD_LIBRARY_PATH
check "pkg-config and the program: one version" test \
    "sylkit $(pkg-config --modversion sylkit)" = "$("$program" --version)"

{
    sed -n '/^ \*     #include <stdio.h>$/,/^ \*     }$/p' "$header" | sed 's/^ \* \{0,5\}//'
    cat <<'C'

int main(int argc, char **argv)
{
    static float samples[1 << 22];
    FILE *file = fopen(argv[argc - 1], "rb");
    if (argc != 3 || !file) return 2;
    size_t n = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, file);
    fclose(file);
    return syllables(argv[1], samples, n, 16000);
}
C
} >example.c
expect 0 "the header's example compiles" sh -c \
    "$CC -std=c11 -Wall -Wextra -Werror -o example example.c \$(pkg-config --cflags --libs sylkit)"
if command -v c++ >/dev/null 2>&1; then
    echo '#include <sylkit.h>' >header.cc
    expect 0 "the header is C++ too" sh -c \
        'c++ -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags sylkit) header.cc'
fi

# The fixture's speech as bare floats and as a WAV of the same floats.
python3 - "${GOLDEN:?tests/golden}/small_check.safetensors" <<'P' || exit 1
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
tensor = json.loads(data[8:8 + size])["audio"]
assert tensor["dtype"] == "F32"
audio = data[8 + size:][slice(*tensor["data_offsets"])]
open("voice.f32", "wb").write(audio)
chunk = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
body = b"WAVEfmt " + struct.pack("<I", 16) + chunk + b"data" + struct.pack("<I", len(audio)) + audio
open("voice.wav", "wb").write(b"RIFF" + struct.pack("<I", len(body)) + body)
P
expect 0 "the example runs" ./example "$SYLKIT_MODEL" voice.f32
cp out example.txt
for run in "$SYLKIT" "$program"; do
    expect 0 "tokenize" "$run" tokenize --format csv voice.wav
    check "the example and tokenize agree" python3 - out example.txt <<'P'
import csv, sys
rows = ["%.2f %.2f %d\n" % (float(r["start"]), float(r["end"]), int(r["token"]))
        for r in csv.DictReader(open(sys.argv[1], newline=""))]
assert len(rows) >= 3 and rows == list(open(sys.argv[2])), rows
P
done
expect 1 "the example without a model" ./example missing.safetensors voice.f32
says "missing.safetensors" "the example names the model"

expect 0 "make uninstall" "${MAKE:-make}" -C "$PREFIX_BUILD" uninstall DESTDIR="$root"
check "uninstall leaves no file" test -z "$(find "$root" ! -type d)"
finish
