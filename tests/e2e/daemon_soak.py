"""A soak of sylkitd, not part of make check: real-time streams for some minutes, reloads, clients that
come, vanish and send garbage; does its memory stay flat, does every stream give the same?

    tests/e2e/test_daemon.sh --soak MINUTES [STREAMS]

Prints one JSON line for RESULTS.md."""
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from statistics import median

from daemon_client import Daemon, Framed, WebSocket
from daemon_harness import PCM, same

PIECE = 3200  # 100 ms


def resident(pid):
    """kB"""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def real_time(d, until, kind, failures, done):
    """Streams one after the other, paced, each of them checked."""
    try:
        while time.time() < until:
            with (WebSocket(d.http) if kind else Framed(d.socket)) as c:
                begin = time.time()
                c.text({"type": "audio-start"}) if kind else c.send("audio-start")
                for i in range(0, len(PCM), PIECE):
                    time.sleep(max(0, begin + i / 32000 - time.time()))
                    piece = PCM[i:i + PIECE]
                    c.binary(piece) if kind else c.send("audio-chunk", piece)
                c.text({"type": "audio-stop"}) if kind else c.send("audio-stop")
                same(c.until("end"))
            done.append(1)
    except BaseException:
        failures.append(traceback.format_exc())


def nuisances(d, until, count):
    rng = random.Random(1)
    while time.time() < until:
        with Framed(d.socket) as c:
            c.write(rng.choice([rng.randbytes(300) + b"\n", b'{"type":"audio-start"}\n' + b'{"ty',
                                b'{"type":"audio-chunk","payload_length":-7}\n', b"",
                                b'{"type":"audio-start"}\n{"type":"audio-chunk","payload_length":90000}\n'
                                + PCM[:40000]]))
        count.append(1)
        time.sleep(0.1)


def main(minutes, streams):
    failures, done, count = [], [], []
    with Daemon(http=True, token=False) as d:
        until = time.time() + 60 * minutes
        threads = [threading.Thread(target=real_time, args=(d, until, i % 2, failures, done))
                   for i in range(streams)]
        threads.append(threading.Thread(target=nuisances, args=(d, until, count)))
        for t in threads:
            t.start()
        sizes, reloads = [], 0
        while time.time() < until:
            time.sleep(min(10, 6 * minutes))
            sizes.append(resident(d.process.pid))
            d.signal(signal.SIGHUP)
            reloads += 1
        for t in threads:
            t.join()
        m = d.metrics()
    assert not failures, failures[0]
    # Medians: for some seconds after a reload the old model lives on in its streams.
    quarter = max(1, len(sizes) // 4)
    early, late = median(sizes[quarter:2 * quarter]), median(sizes[-quarter:])
    print(json.dumps({"minutes": minutes, "streams": streams, "finished": len(done),
                      "nuisances": len(count), "reloads": reloads,
                      "rss_kb_second_quarter": early, "rss_kb_last_quarter": late,
                      "real_time_factor": round(m["sylkitd_real_time_factor"], 5),
                      "load": os.getloadavg()[1], "date": time.strftime("%Y-%m-%d")}))
    assert late <= 1.05 * early, sizes


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8)
