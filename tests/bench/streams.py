#!/usr/bin/env python3
"""How many real-time streams does sylkitd hold before one falls behind?

    tests/bench/streams.py SYLKITD voice.wav [STREAMS...]

Each stream sends 100 ms of 16 kHz s16le every 100 ms over the Unix socket for --seconds. It has fallen
behind when the last result comes more than half a second after the last audio. One JSON line a
number of streams."""
import argparse
import json
import os
import sys
import tempfile
import threading
import time
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from daemon_client import Daemon, Framed  # noqa: E402

PIECE = 3200
PATIENCE = 0.5


def one(address, pcm, seconds, begin, delays):
    with Framed(address, seconds + 120) as c:
        c.send("audio-start")
        time.sleep(max(0, begin - time.time()))
        for i in range(int(10 * seconds)):
            time.sleep(max(0, begin + 0.1 * (i + 1) - time.time()))
            at = i * PIECE % (len(pcm) - PIECE)
            c.send("audio-chunk", pcm[at:at + PIECE])
        sent = time.time()
        c.send("audio-stop")
        c.until("end")
        delays.append(time.time() - sent)


def run(program, pcm, streams, seconds):
    with Daemon("--max-clients", "1000", program=program) as d:
        delays, begin = [], time.time() + 1
        # Their pieces do not all come at the same moment.
        threads = [threading.Thread(target=one, args=(d.socket, pcm, seconds,
                                                      begin + 0.1 * i / streams, delays))
                   for i in range(streams)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        m = d.metrics()
    count, half = m["sylkitd_latency_seconds_count"], {}
    for p in (0.5, 0.95):
        half[p] = next(k.split('"')[1] for k, v in m.items() if "_bucket" in k and v >= p * count)
    return {"streams": streams, "seconds": seconds, "behind": sum(x > PATIENCE for x in delays),
            "lost": streams - len(delays), "worst_delay": round(max(delays), 3),
            "latency_p50_below": half[0.5], "latency_p95_below": half[0.95],
            "real_time_factor": round(m["sylkitd_real_time_factor"], 4), "load": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sylkitd")
    parser.add_argument("recording")
    parser.add_argument("streams", type=int, nargs="*", default=[10, 20, 40, 60, 80])
    parser.add_argument("--seconds", type=float, default=15)
    args = parser.parse_args()
    with wave.open(args.recording) as w:
        assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (16000, 1, 2), "16 kHz s16 mono"
        pcm = w.readframes(w.getnframes())
    program = os.path.abspath(args.sylkitd)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for streams in args.streams:
            print(json.dumps(run(program, pcm, streams, args.seconds)), flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
