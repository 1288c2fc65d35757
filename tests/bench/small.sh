#!/bin/sh
# The shipped model: speed, start-up to the first token of a 3 s file, memory over an hour.
#   tests/bench/small.sh BENCH_ENCODER SYLKIT MODEL
set -eu
bench=$1 sylkit=$2 model=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$work" <<'EOF'
import random, struct, sys, wave
random.seed(1)
block = b"".join(struct.pack("<h", int(random.gauss(0, 3000) * (i // 3200 % 3 > 0))) for i in range(48000))
for name, times in (("short", 1), ("hour", 1200)):
    with wave.open(f"{sys.argv[1]}/{name}.wav", "wb") as f:
        f.setparams((1, 2, 16000, 0, "NONE", ""))
        for _ in range(times):
            f.writeframes(block)
EOF
echo "| shipped model | precision | threads | real-time factor | peak MB |"
echo "|---|---|---|---|---|"
for precision in f32 bf16; do
    for threads in 1 2; do
        "$bench" "$model" --seconds 60 --runs 9 --threads $threads --precision $precision |
            sed -E "s/.*\"rtf\": ([0-9.]+).*\"peak_mb\": ([0-9.]+).*/| 60 s | $precision | $threads | \1 | \2 |/"
    done
done
python3 - "$sylkit" "$model" "$work" <<'EOF'
import resource, statistics, subprocess, sys, time
sylkit, model, work = sys.argv[1:]

def run(name):
    begin = time.monotonic()
    subprocess.run([sylkit, "tokenize", "--model", model, f"{work}/{name}.wav"], check=True,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - begin

times = sorted(run("short") for _ in range(11))
print(f"3 s file, whole process: median {statistics.median(times):.3f} s, "
      f"{times[0]:.3f} to {times[-1]:.3f}")
seconds = run("hour")
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"1 hour: {seconds:.1f} s (real-time factor {seconds / 3600:.4f}), peak {peak:.0f} MB")
EOF
