#!/bin/sh
# The system says no: rights, full disks, readers that go away; and wrong usage.
. "$(dirname "$0")/common.sh"

audio voice.wav
mounted=
cleanup() {
    [ -n "$mounted" ] && umount "$tmp/small"
    chmod -R u+rwx "$tmp"
    rm -rf "$tmp"
}

# Root may read everything, so a test as root becomes nobody.
mkdir locked
cp voice.wav locked/
chmod 000 locked
chmod 755 "$tmp"
if [ "$(id -u)" -ne 0 ]; then
    expect 1 "an unreadable folder" "$SYLKIT" segment locked
    says "locked.*Permission denied" "an unreadable folder"
elif command -v setpriv >/dev/null 2>&1 &&
    setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$SYLKIT_MODEL" &&
    setpriv --reuid 65534 --regid 65534 --clear-groups "$SYLKIT" --version >/dev/null 2>&1; then
    expect 1 "an unreadable folder" \
        setpriv --reuid 65534 --regid 65534 --clear-groups "$SYLKIT" segment locked voice.wav
    says "locked.*Permission denied" "an unreadable folder"
    check "an unreadable folder: the rest is done" json out "len(lines) == 1"
else
    echo "not tried: an unreadable folder (nobody cannot run the program here)"
fi
expect 1 "a missing folder" "$SYLKIT" segment nowhere/
says "nowhere" "a missing folder"

mkdir limited
expect 1 "a file at its limit" bash -c 'ulimit -f 1; exec "$1" features -o limited/f.npy voice.wav' - "$SYLKIT"
says "limited/f.npy" "a file at its limit: named"
check "a file at its limit: nothing is left" test -z "$(ls -A limited)"
if [ -w /dev/full ]; then
    "$SYLKIT" segment voice.wav >/dev/full 2>err
    check "a full disk on standard output" test $? -eq 1
    says "No space left" "a full disk on standard output"
fi
mkdir small
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=16k tmpfs small 2>/dev/null; then
    mounted=1
    dd if=/dev/zero of=small/fill bs=4k count=4 2>/dev/null
    expect 1 "a full disk" "$SYLKIT" features -o small/f.npy voice.wav
    says "No space left" "a full disk"
    check "a full disk: nothing is left behind" test "$(ls small)" = fill
    rm small/fill
    expect 1 "a disk that fills up" "$SYLKIT" features -o small/f.npy voice.wav
    check "a disk that fills up: nothing is left behind" test -z "$(ls small)"
else
    echo "not tried: a full disk (no right to mount)"
fi

mkfifo pipe
"$SYLKIT" segment voice.wav >pipe 2>err &
exec 3<pipe
exec 3<&-
wait $!
check "a reader that goes away at once" test $? -eq 1
says "Broken pipe" "a reader that goes away at once"

python3 - <<'P'
import struct
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 7), }".ljust(117) + "\n"
data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
open("narrow.npy", "wb").write(data + struct.pack("<28f", *range(28)))
P
expect 1 "a codebook of the wrong width" "$SYLKIT" segment --codebook narrow.npy voice.wav
says "narrow.npy" "a codebook of the wrong width"
expect 1 "a model that is none" "$SYLKIT" segment --model voice.wav voice.wav
expect 1 "a model that is not there" "$SYLKIT" segment --model nowhere.safetensors voice.wav

expect 0 "--version" "$SYLKIT" --version
expect 0 "--help" "$SYLKIT" --help
for c in segment tokenize stream features plot info presegment kmeans continuum eval convert bpv; do
    expect 0 "help $c" "$SYLKIT" help $c
    check "help $c: has a usage line" grep -q "^Usage: sylkit $c" out
    expect 2 "$c with an unknown option" "$SYLKIT" $c --no-such-option
done
expect 2 "no command" "$SYLKIT"
expect 2 "an unknown command" "$SYLKIT" sing
expect 2 "no input" "$SYLKIT" segment
expect 2 "a number that is none" "$SYLKIT" segment --jobs two voice.wav
expect 2 "a number out of range" "$SYLKIT" segment --jobs 0 voice.wav
expect 2 "an unknown format" "$SYLKIT" segment --format xml voice.wav
expect 2 "features without output" "$SYLKIT" features voice.wav
expect 0 "info" "$SYLKIT" info
expect 0 "info of both kinds" "$SYLKIT" info --json voice.wav "$SYLKIT_MODEL"
check "info: JSON" json out "lines[0]['channels'] == 1 and lines[1]['dim'] > 0"
finish
