#!/bin/sh
# sylkit stream: files, pipes and signals; what it says is what tokenize says.
. "$(dirname "$0")/common.sh"

audio voice.wav --seconds 4
"$SYLKIT" tokenize voice.wav >want
cat >same.py <<'P'
import json, sys
want = json.loads(open(sys.argv[1]).read())["segments"]
lines = [json.loads(x) for x in open(sys.argv[2])]
got = [(x["start"], x["end"], x["token"]) for x in lines[:-1]]
assert all(x["type"] == "syllable" and x["final"] is True for x in lines[:-1])
assert got == [(s["start"], s["end"], s["token"]) for s in want] and got
end = lines[-1]
assert end["type"] == "end" and end["ended"] == sys.argv[3], end
assert end["syllables"] == len(got) and end["overruns"] == 0 and end["overrun_seconds"] == 0
assert abs(end["seconds"] - float(sys.argv[4])) < 1e-9
P
same() { check "$1: like tokenize" python3 same.py want out "$2" "$3"; }

expect 0 "a file" "$SYLKIT" stream voice.wav
same "a file" end 4
expect 0 "standard input, a file" "$SYLKIT" stream - <voice.wav
same "standard input, a file" end 4
cat voice.wav | expect 0 "a pipe" "$SYLKIT" stream -
same "a pipe" end 4
tail -c +45 voice.wav | expect 0 "raw 16 bits" "$SYLKIT" stream --raw s16le:16000:1 -
same "raw 16 bits" end 4
audio float.wav --seconds 4 --float
"$SYLKIT" tokenize float.wav >want
tail -c +45 float.wav | expect 0 "raw floats" "$SYLKIT" stream --raw f32le:16000:1 -
same "raw floats" end 4
audio wide.wav --seconds 4 --rate 44100 --channels 2
"$SYLKIT" tokenize wide.wav >want
cat wide.wav | expect 0 "44.1 kHz, two channels" "$SYLKIT" stream -
same "44.1 kHz, two channels" end 4
mkfifo pipe
cat wide.wav >pipe &
expect 0 "a FIFO by its name" "$SYLKIT" stream pipe
same "a FIFO by its name" end 4
"$SYLKIT" tokenize voice.wav >want
python3 -c '
import sys, time
data = open("voice.wav", "rb").read()
for i in range(0, 4000):
    sys.stdout.buffer.write(data[i:i + 1])
    sys.stdout.buffer.flush()
sys.stdout.buffer.write(data[4000:])' | expect 0 "a byte at a time" "$SYLKIT" stream -
same "a byte at a time" end 4

# ---- recording
expect 0 "--save" "$SYLKIT" stream --save heard.wav voice.wav
check "--save: the same samples" python3 - <<'P'
import wave
a, b = wave.open("voice.wav"), wave.open("heard.wav")
assert a.getparams()[:4] == b.getparams()[:4] and a.readframes(10**6) == b.readframes(10**6)
P
expect 0 "--save of two channels" "$SYLKIT" stream --save heard2.wav --seconds 1.5 wide.wav
check "--save, --seconds" python3 - <<'P'
import wave
a, b = wave.open("wide.wav"), wave.open("heard2.wav")
assert (b.getnchannels(), b.getframerate(), b.getnframes()) == (2, 44100, 66150)
assert b.readframes(66150) == a.readframes(66150)
P
check "--seconds: says so" json out "lines[-1]['ended'] == 'limit' and lines[-1]['seconds'] == 1.5"
expect 1 "--save where nothing can be" "$SYLKIT" stream --save nowhere/x.wav voice.wav
says "nowhere/x.wav" "--save where nothing can be"

# ---- pace
begin=$(date +%s%N)
expect 0 "--realtime" "$SYLKIT" stream --realtime voice.wav
took=$((($(date +%s%N) - begin) / 1000000))
same "--realtime" end 4
check "--realtime: took as long as it lasts ($took ms)" test "$took" -ge 3900

# A syllable is there before the sound ends: the pipe stays open until then, or for half a minute.
mkfifo open.pipe
"$SYLKIT" stream --raw s16le:16000:1 - >out 2>err <open.pipe &
pid=$!
exec 3>open.pipe
tail -c +45 voice.wav >&3
for i in $(seq 300); do
    [ "$(grep -c syllable out)" -ge 3 ] && break
    sleep 0.1
done
cp out early
exec 3>&-
wait $pid
check "syllables come while the pipe is open" json early \
    "len(lines) >= 3 and all(x['type'] == 'syllable' for x in lines)"
same "syllables come while the pipe is open" end 4

# ---- signals: the program itself gets them, so it is not behind a function
# interrupted SIGNAL NAME INPUT...: what it says until it was stopped is finished.
for signal in INT TERM; do
    python3 - "$signal" "$SYLKIT" <<'P' >out 2>err
import os, signal, subprocess, sys, time
data = open("voice.wav", "rb").read()
p = subprocess.Popen([sys.argv[2], "stream", "--save", "cut.wav", "-"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE)
p.stdin.write(data[:44 + 2 * 16000 * 3]); p.stdin.flush()
time.sleep(1.5)
assert p.poll() is None and not os.path.exists("cut.wav")
p.send_signal(getattr(signal, "SIG" + sys.argv[1]))
out, _ = p.communicate(timeout=20)
sys.stdout.write(out.decode())
sys.exit(p.returncode)
P
    check "SIG$signal: exit status 0" test $? -eq 0
    check "SIG$signal: finished" json out "lines[-1]['type'] == 'end' and \
lines[-1]['ended'] == 'signal' and lines[-1]['seconds'] == 3.0 and lines[-1]['syllables'] >= 3"
    "$SYLKIT" tokenize cut.wav >want
    same "SIG$signal, recorded" signal 3
    rm cut.wav
done
python3 - "$SYLKIT" <<'P'
import glob, os, signal, subprocess, sys, time, wave
data = open("voice.wav", "rb").read()
p = subprocess.Popen([sys.argv[1], "stream", "--save", "killed.wav", "-"], stdin=subprocess.PIPE,
                     stdout=subprocess.DEVNULL)
p.stdin.write(data[:44 + 2 * 16000 * 3]); p.stdin.flush()
time.sleep(1.5)
p.kill(); p.wait()
assert not os.path.exists("killed.wav")
left, = glob.glob(".syl-*.tmp")
w = wave.open(left)
assert w.getnframes() == 48000 and w.readframes(48000) == data[44:44 + 96000]
os.remove(left)
# A signal before there is any sound.
p = subprocess.Popen([sys.argv[1], "stream", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
time.sleep(1.0)
p.send_signal(signal.SIGINT)
out, _ = p.communicate(timeout=20)
assert p.returncode == 0 and b'"ended":"signal"' in out and b'"seconds":0.0' in out, out
P
check "kill -9 leaves a valid WAV; a signal before any sound" test $? -eq 0

# ---- the line on the terminal
python3 - "$SYLKIT" <<'P'
import os, pty, subprocess, sys
master, slave = pty.openpty()
p = subprocess.Popen([sys.argv[1], "stream", "--realtime", "--seconds", "1.5", "voice.wav"],
                     stderr=slave, stdout=subprocess.PIPE)
os.close(slave)
shown = b""
while True:
    try:
        got = os.read(master, 4096)
    except OSError:
        break
    if not got:
        break
    shown += got
out = p.stdout.read()
assert p.wait() == 0 and b" s [" in shown and shown.endswith(b"\r\x1b[K"), shown
assert b"\x1b" not in out
P
check "a line on the terminal, gone at the end" test $? -eq 0

# ---- provisional syllables, the HuBERT shape
expect 0 "--provisional" "$SYLKIT" stream --provisional --merge 0.95 voice.wav
check "--provisional: replaced by what has the same start" json out "(lambda s: \
any(not x['final'] for x in s) and s[-1]['final'] and \
all(a['final'] or a['start'] == b['start'] for a, b in zip(s, s[1:])))(lines[:-1])"
"$SYLKIT" tokenize --merge 0.95 voice.wav >want
grep -v '"final":false' out >final
check "--provisional: the final ones like tokenize" python3 same.py want final end 4
expect 1 "--hop with the small model" "$SYLKIT" stream --hop 0.2 voice.wav
says "hubert" "--hop with the small model"
for ahead in 0 0.64; do
    expect 0 "the HuBERT shape, --lookahead $ahead" "$SYLKIT" stream --model "$GOLDEN/hubert-base" \
        --norm 0 --merge 0.9999 --hop 0.16 --lookahead $ahead voice.wav
    check "the HuBERT shape: syllables without tokens" json out "len(lines) > 1 and \
lines[-1]['frames'] == 199 and all(x['token'] is None for x in lines[:-1])"
done

# ---- what goes wrong
head -c 60000 voice.wav >cut.wav
expect 1 "a WAV that was cut off" "$SYLKIT" stream cut.wav
says "cut off" "a WAV that was cut off"
check "a WAV that was cut off: what is there is said" json out \
    "lines[-1]['ended'] == 'error' and lines[-1]['syllables'] >= 1"
cat cut.wav | expect 1 "a pipe that was cut off" "$SYLKIT" stream -
says "cut off" "a pipe that was cut off"
check "a pipe that was cut off: what is there is said" json out "lines[-1]['syllables'] >= 1"
audio nan.wav --float --bad nan
cat nan.wav | expect 1 "NaN in a pipe" "$SYLKIT" stream -
says "not a finite number" "NaN in a pipe"
expect 1 "a file that is not there" "$SYLKIT" stream nowhere.wav
expect 2 "no input" "$SYLKIT" stream
expect 2 "two inputs" "$SYLKIT" stream voice.wav voice.wav
expect 2 "--mic with --realtime" "$SYLKIT" stream --mic --realtime
expect 2 "--list-devices with an input" "$SYLKIT" stream --list-devices voice.wav
leaks=$LSAN_OPTIONS LSAN_OPTIONS="detect_leaks=0" # of the libraries below PortAudio
if "$SYLKIT" stream --list-devices >devices 2>err; then
    expect 1 "a microphone that is not there" "$SYLKIT" stream --mic "no such microphone"
    says "list-devices" "a microphone that is not there"
else
    expect 1 "no PortAudio" "$SYLKIT" stream --mic
    says "portaudio19-dev" "no PortAudio"
fi
LSAN_OPTIONS=$leaks
if [ -w /dev/full ]; then
    "$SYLKIT" stream voice.wav >/dev/full 2>err
    check "a full disk on standard output" test $? -eq 1
    says "No space left" "a full disk on standard output"
    check "a full disk on standard output: said once" test "$(wc -l <err)" -eq 1
fi
finish
