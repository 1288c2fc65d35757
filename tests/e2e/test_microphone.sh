#!/bin/sh
# sylkit stream --mic: a microphone that is a file (ALSA), and one that hears a null sink
# (PulseAudio). What is missing here is skipped.
. "$(dirname "$0")/common.sh"

skip() {
    echo "SKIP: $*"
    exit 77
}
"$SYLKIT" stream --list-devices >/dev/null 2>err || skip "this build has no PortAudio"
[ -e /usr/share/alsa/alsa.conf ] || skip "alsa-lib's configuration is missing"
# PulseAudio's and PortAudio's threads keep memory to the end.
LSAN_OPTIONS="detect_leaks=0"
export LSAN_OPTIONS
pulse=
cleanup() {
    [ -n "$pulse" ] && kill "$pulse"
    rm -rf "$tmp"
}

audio voice.wav --seconds 4
tail -c +45 voice.wav >voice.raw

# ---- a file, as fast as it is read
sed "s|@RAW@|$tmp/voice.raw|" "$here/../audio/fakemic.conf" >fakemic.conf
ALSA_CONFIG_PATH=$tmp/fakemic.conf
export ALSA_CONFIG_PATH
expect 0 "--list-devices" "$SYLKIT" stream --list-devices
check "--list-devices: number, name, what it is" grep -q "^[0-9]*	fakemic	ALSA, " out
check "--list-devices: nothing else is said" test ! -s err
if ! grep -q fakemic out; then
    echo "not tried: the fake microphone (alsa-lib has no file plugin here)"
else
    expect 0 "the fake microphone" "$SYLKIT" stream --mic fakemic --seconds 5 --save heard.wav
    cp out events
    check "the fake microphone: what was heard" python3 - <<'P'
import json, wave
heard, said = wave.open("heard.wav"), open("voice.raw", "rb").read()
assert (heard.getframerate(), heard.getnchannels(), heard.getnframes()) == (16000, 1, 80000)
data = heard.readframes(80000)
assert data[:2000] == said[:2000]
end = [json.loads(x) for x in open("events")][-1]
assert end["ended"] == "limit" and end["seconds"] == 5.0 and end["samples"] == 80000, end
P
    "$SYLKIT" tokenize heard.wav >want
    check "the fake microphone: like tokenize of what was heard" python3 - <<'P'
import json
want = json.loads(open("want").read())["segments"]
got = [json.loads(x) for x in open("events")]
got = [(x["start"], x["end"], x["token"]) for x in got if x["type"] == "syllable"]
assert got == [(s["start"], s["end"], s["token"]) for s in want] and got
P
    expect 0 "by a part of its name, and its number" "$SYLKIT" stream --mic akemi --seconds 0.5
    expect 0 "by its number" "$SYLKIT" stream --mic 0 --seconds 0.5
    # Half a minute comes in an instant, which no model keeps up with: the ring runs over.
    expect 0 "overruns" "$SYLKIT" stream --mic fakemic --seconds 30
    check "overruns: told with place and length" json out \
        "(lambda o, e: len(o) == e['overruns'] and len(o) > 0 and all(x['seconds'] > 0 and \
0 <= x['at'] <= 30 for x in o) and abs(sum(x['seconds'] for x in o) - e['overrun_seconds']) < 0.01)\
([x for x in lines if x['type'] == 'overrun'], lines[-1])"
    says "were lost at .* (overrun)" "overruns"
    expect 2 "--raw with a microphone" "$SYLKIT" stream --mic --raw s16le:16000:1
    python3 - "$SYLKIT" <<'P'
import signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "stream", "--quiet", "--mic", "fakemic"],
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
time.sleep(1.5)
p.send_signal(signal.SIGINT)
out, _ = p.communicate(timeout=30)
assert p.returncode == 0 and b'"ended":"signal"' in out.splitlines()[-1], out[-300:]
P
    check "SIGINT" test $? -eq 0
fi

# ---- a null sink's monitor, in real time
command -v pulseaudio >/dev/null 2>&1 && command -v paplay >/dev/null 2>&1 || {
    echo "not tried: a null sink (PulseAudio is missing)"
    finish
}
HOME=$tmp XDG_RUNTIME_DIR=$tmp PULSE_RUNTIME_PATH=$tmp
ALSA_CONFIG_PATH=$here/../audio/monitor.conf
export HOME XDG_RUNTIME_DIR PULSE_RUNTIME_PATH
pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes \
    -L module-native-protocol-unix \
    -L "module-null-sink sink_name=fake rate=16000 channels=1 format=s16le" >pulse.log 2>&1 &
pulse=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
    pactl list short sources 2>/dev/null | grep -q fake.monitor && break
    sleep 0.3
done
if ! pactl list short sources 2>/dev/null | grep -q fake.monitor; then
    echo "not tried: a null sink (PulseAudio does not start here)"
    pulse=
    finish
fi
if ! "$SYLKIT" stream --list-devices | grep -q "	monitor	"; then
    echo "not tried: a null sink (alsa-lib has no pulse plugin here)"
    finish
fi
(
    sleep 1
    paplay --device=fake voice.wav
) &
begin=$(date +%s%N)
expect 0 "a null sink" "$SYLKIT" stream --mic monitor --seconds 6 --save heard.wav
took=$((($(date +%s%N) - begin) / 1000000))
cp out events
check "a null sink: in real time ($took ms)" test "$took" -ge 5000
check "a null sink: nothing was lost" json events \
    "lines[-1]['overruns'] == 0 and lines[-1]['seconds'] == 6.0 and lines[-1]['syllables'] >= 4"
# PulseAudio fades the first samples in.
check "a null sink: what was played is what was heard" python3 - <<'P'
import wave
heard, said = wave.open("heard.wav").readframes(96000), open("voice.raw", "rb").read()
at = heard.find(said[4000:-4000])
assert at >= 0 and at % 2 == 0, at
P
"$SYLKIT" tokenize heard.wav >want
check "a null sink: like tokenize of what was heard" python3 - <<'P'
import json
want = json.loads(open("want").read())["segments"]
got = [json.loads(x) for x in open("events")]
got = [(x["start"], x["end"], x["token"]) for x in got if x["type"] == "syllable"]
assert got == [(s["start"], s["end"], s["token"]) for s in want] and got
P
finish
