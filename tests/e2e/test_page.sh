#!/bin/sh
# The page of sylkitd in headless Chromium with a file for a microphone; the picture is kept in the
# build folder (tests/e2e/page.png).
. "$(dirname "$0")/common.sh"
[ -x "${SYLKITD:?the path of the daemon}" ] || {
    echo "SKIP: sylkitd is not built (no libwebsockets)"
    exit 77
}
chromium=
for name in chromium chromium-browser google-chrome; do
    [ -n "$chromium" ] || chromium=$(command -v "$name")
done
[ -n "$chromium" ] || {
    echo "SKIP: chromium is missing"
    exit 77
}
# The fixture's speech, as a recording that Chromium plays round and round.
python3 - "${GOLDEN:?tests/golden}/small_check.safetensors" <<'P' || exit 1
import array, json, struct, sys, wave
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
tensor = json.loads(data[8:8 + size])["audio"]
audio = array.array("f", data[8 + size:][slice(*tensor["data_offsets"])])
samples = array.array("h", [max(-32768, min(32767, round(32767 * x))) for x in audio])
with wave.open("voice.wav", "wb") as w:
    w.setnchannels(1)
    w.setsampwidth(2)
    w.setframerate(16000)
    w.writeframes(samples.tobytes())
P
"$SYLKIT" tokenize voice.wav >voice.jsonl || exit 1
HOME=$tmp
export HOME
check "the page" python3 -u "$here/page_cases.py" "$chromium" \
    "${PREFIX_BUILD:?the build tree}/tests/e2e/page.png"
finish
