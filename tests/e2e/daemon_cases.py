"""Cases of test_daemon.sh, sockets and signals: daemon_cases.py [NAME...] runs all or those named."""
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback

from daemon_client import TOKEN, Daemon, Framed, Lines
from daemon_harness import (EXPECTED, PCM, SECONDS, TALKATIVE, case, error, main, same, syllables,
                            whole)

# ---- what it is for ---------------------------------------------------------------------------

@case
def identical_to_tokenize():
    with Daemon() as d:
        for step in (2, 3200, 100000):  # odd cuts too
            with Framed(d.socket) as c:
                if step == 2:
                    c.send("audio-start")
                    for i in range(0, len(PCM), 1001):
                        c.send("audio-chunk", PCM[i:i + 1001])
                    c.send("audio-stop")
                    same(c.until("end"))
                else:
                    same(c.stream(PCM, step))
                    same(c.stream(PCM, step))  # a second one on the same connection
        with Framed(d.socket) as c:  # the data of Wyoming behind the header
            data = b'{"rate":16000,"width":2,"channels":1}'
            c.write(b'{"type":"audio-start","version":"1.5","data_length":%d}\n' % len(data) + data)
            c.send("audio-chunk", PCM, data={"rate": 16000, "width": 2, "channels": 1})
            c.send("audio-stop", data={"timestamp": None})
            c.finish()
            same(c.all())


@case
def raw_samples():
    with Daemon() as d:
        with Lines(d.raw) as c:
            c.write(PCM)
            c.finish()
            same(c.all())
        with Lines(d.raw) as c:
            c.write(PCM[:3201])
            c.finish()
            error(c.all(), "audio", "half a sample")
        with Lines(d.raw) as c:
            c.finish()
            assert [m["type"] for m in c.all()] == ["ready", "end"]


@case
def one_byte_at_a_time():
    with Daemon() as d, Framed(d.socket) as c:
        header = b'{"type":"audio-chunk","payload_length":%d}\n' % 4000
        c.send("audio-start")
        for byte in header + PCM[:4000]:
            c.write(bytes([byte]))
        c.send("audio-chunk", PCM[4000:])
        c.send("audio-stop")
        same(c.until("end"))


@case
def formats():
    floats = subprocess.run(["python3", "-c", """
import array, sys
a = array.array('h', open('pcm', 'rb').read())
array.array('f', [x / 32768 for x in a]).tofile(sys.stdout.buffer)"""], capture_output=True, check=True)
    stereo = b"".join(PCM[i:i + 2] * 2 for i in range(0, len(PCM), 2))
    with Daemon() as d:
        with Framed(d.socket) as c:
            same(c.stream(floats.stdout, encoding="f32le"))
            same(c.stream(stereo, channels=2, width=2))
            shifted = syllables(c.stream(PCM, shift=1.5))
            assert abs(shifted[0][0] - EXPECTED[0][0] - 1.5) < 1e-6
            assert any(m.get("silence") for m in c.stream(PCM, silence=7))
            assert len(syllables(c.stream(PCM, norm=1e5))) == 0
            c.send("describe")
            info = c.get()
            assert info["type"] == "info" and info["sample_rate"] == 16000 and info["tokens"] > 0
            c.send("ping")
            assert c.get() == {"type": "pong"}
        for fields, word in (({"rate": 7}, "rate is 7"), ({"rate": "x"}, "whole number"),
                             ({"rate": 16000.5}, "whole"), ({"channels": 0}, "channels is 0"),
                             ({"encoding": "mp3"}, "mp3"), ({"width": 3}, "width is 3"),
                             ({"merge": 2}, "merge is 2"), ({"norm": "a"}, "number"),
                             ({"rate": 1e300}, "rate"), ({"silence": -1}, "silence is -1")):
            with Framed(d.socket) as c:
                c.send("audio-start", **fields)
                error(c.all(), "protocol", word)
        with Framed(d.socket) as c:
            c.send("audio-start", encoding="f32le")
            c.send("audio-chunk", b"\0\0\xc0\x7f" * 100)  # NaN
            error(c.all(), "audio", "finite")


@case
def fifty_clients_at_once():
    failures = []

    def one(address, framed):
        try:
            with (Framed if framed else Lines)(address, 300) as c:  # sanitizers are slow
                if framed:
                    same(c.stream(PCM, 5000))
                else:
                    c.write(PCM)
                    c.finish()
                    same(c.all())
        except BaseException:
            failures.append(traceback.format_exc())

    with Daemon() as d:
        threads = [threading.Thread(target=one, args=(d.raw if i % 2 else d.socket, i % 2 == 0))
                   for i in range(50)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures[0]
        m = d.metrics()
        assert m["sylkitd_streams_total"] == 50, m
        assert m["sylkitd_syllables_total"] == 50 * len(EXPECTED)


# ---- limits -----------------------------------------------------------------------------------

@case
def hostile_bytes():
    long = b'{"type":"' + b"a" * 9000
    cases = [(b"GET / HTTP/1.1\r\n\r\n", "protocol", "JSON"), (b"\0\0\0\n", "protocol", "JSON"),
             (b'{"type":"a\0b"}\n', "protocol", "JSON"), (b"[]\n", "protocol", "object"),
             (b'{"type":1}\n', "protocol", "type"), (b'{"type":"dance"}\n', "protocol", "dance"),
             (b'{"type":"audio-chunk","payload_length":-1}\n', "protocol", "-1"),
             (b'{"type":"audio-chunk","payload_length":99999999999}\n', "limit", "99999999999"),
             (b'{"type":"audio-chunk","payload_length":1e3}\n', "protocol", "whole"),
             (b'{"type":"a","data_length":9000}\n', "limit", "9000"),
             (long, "limit", "8192"), (b"[" * 8000 + b"\n", "protocol", "JSON"),
             (b'{"type":"audio-chunk","payload_length":4}\nabcd', "protocol", "audio-start"),
             (b'{"type":"audio-stop"}\n', "protocol", "without a stream"),
             (b'{"type":"audio-start"}\n{"type":"audio-start"}\n', "protocol", "open already"),
             (b"\xff\xfe\xfd\n", "protocol", "")]
    with Daemon() as d:
        for data, code, word in cases:
            with Framed(d.socket) as c:
                c.write(data)
                messages = [m for m in c.all() if m["type"] != "ready"]
                error(messages, code, word)
        with Framed(d.socket) as c:  # half a frame, then no more
            c.send("audio-start")
            c.write(b'{"type":"audio-chunk","payload_length":1000}\n' + PCM[:10])
            c.finish()
            error(c.all(), "protocol", "inside a frame")
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        m = d.metrics()
        assert all(line.startswith("ts=") for line in d.text().splitlines()), "a client wrote a log line"
        assert m['sylkitd_drops_total{reason="limit"}'] == 3, m
        assert m['sylkitd_drops_total{reason="protocol"}'] == len(cases) - 3 + 1, m


@case
def vanished_clients():
    with Daemon() as d:
        for i in range(200):
            c = Framed(d.socket)
            if i % 4:
                c.send("audio-start")
            if i % 20 == 3:
                c.get()
            if i % 4 > 1:
                c.write(b'{"type":"audio-chunk","payload_length":90000}\n' + PCM[:i * 100])
            if i % 4 > 2:
                c.write(b'{"ty')
            c.close()
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        until = time.time() + 10
        while (m := d.metrics())["sylkitd_clients"] > 1:
            assert time.time() < until, m
            time.sleep(0.05)
        assert m['sylkitd_drops_total{reason="vanished"}'] >= 10, m
        assert m["sylkitd_queue_seconds"] == 0, m


@case
def killed_in_the_middle_of_a_frame():
    code = """
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"type":"audio-start"}\\n{"type":"audio-chunk","payload_length":100000}\\n' + bytes(5000))
print("sent", flush=True)
time.sleep(60)"""
    with Daemon() as d:
        child = subprocess.Popen([sys.executable, "-c", code, d.socket], stdout=subprocess.PIPE)
        child.stdout.readline()
        child.kill()
        child.wait()
        child.stdout.close()
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        until = time.time() + 10
        while d.metrics()["sylkitd_clients"] > 1 and time.time() < until:
            time.sleep(0.05)
        assert d.metrics()["sylkitd_clients"] == 1


@case
def slow_client_is_held_back():
    """A client that does not read: its own writes stall, so that the daemon keeps no more of it than
    its queue; others are served; when it reads, all is there."""
    with Daemon("--queue-seconds", "1", "--idle-seconds", "20", "--max-seconds", "100000",
                *TALKATIVE) as d:
        slow = Lines(d.raw)
        slow.socket.settimeout(0)
        sent, still = 0, 0
        while still < 20 and sent < 400 * len(PCM):
            try:
                at = sent % len(PCM)
                sent += slow.socket.send(PCM[at:at + 60000])
                still = 0
            except BlockingIOError:
                still += 1
                time.sleep(0.05)
        assert still == 20, "%d bytes were taken from a client that reads nothing" % sent
        with Framed(d.socket) as c:
            whole(c.stream(PCM))
        slow.socket.settimeout(30)
        slow.finish()
        said = slow.all()
        assert len(syllables(said)) > 10 * sent / 32000, (len(said), sent)
        end = said[-1]
        assert end["type"] == "end" and abs(end["audio"] - sent / 32000) < 1e-3, (end, sent)


@case
def questions_without_reading():
    """A client that asks much before it reads is held back; no answer is lost."""
    count = 20000
    with Daemon() as d, Framed(d.socket) as c:
        asking = threading.Thread(target=lambda: c.write(b'{"type":"ping"}\n' * count))
        asking.start()
        time.sleep(0.5)
        for _ in range(count):
            assert c.get() == {"type": "pong"}
        asking.join()
        same(c.stream(PCM))


@case
def deaf_client_is_cut():
    with Daemon("--queue-seconds", "1", "--idle-seconds", "0.5", "--max-seconds", "100000",
                *TALKATIVE) as d:
        deaf = Lines(d.raw)
        until = time.time() + 60
        while d.metrics()['sylkitd_drops_total{reason="idle"}'] == 0:
            assert time.time() < until
            deaf.socket.settimeout(0.05)
            try:
                deaf.socket.send(PCM)
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                pass
        while d.metrics()["sylkitd_clients"] > 1:
            assert time.time() < until
            time.sleep(0.05)
        deaf.close()


@case
def idle_clients_are_cut():
    with Daemon("--idle-seconds", "0.3") as d:
        for prefix in (b"", b'{"type":', b'{"type":"audio-start"}\n'):
            with Framed(d.socket) as c:
                begin = time.time()
                c.write(prefix)
                error(c.all(), "idle", "0.3")
                assert 0.2 < time.time() - begin < 5
        with Framed(d.socket) as c:  # a header in drops is no sign of life
            try:
                for _ in range(40):
                    c.write(b" ")
                    time.sleep(0.05)
                raise AssertionError("never cut")
            except (BrokenPipeError, ConnectionResetError):
                pass


@case
def long_streams_are_ended():
    with Daemon("--max-seconds", "1") as d, Framed(d.socket) as c:
        c.send("audio-start")
        try:
            for i in range(0, len(PCM), 3200):
                c.send("audio-chunk", PCM[i:i + 3200])
        except (BrokenPipeError, ConnectionResetError):
            pass
        messages = c.all()
        assert messages[-1]["type"] == "end" and messages[-1]["reason"] == "limit", messages
        assert abs(messages[-1]["audio"] - 1) < 1e-6
        error(messages[:-1], "limit", "1 seconds")


@case
def too_many_clients():
    with Daemon("--max-clients", "3") as d:
        held = [Framed(d.socket) for _ in range(3)]
        for c in held:
            c.send("ping")
            c.get()
        for _ in range(50):
            with Framed(d.socket) as c:
                error(c.all(), "busy", "3 clients")
        for c in held:
            same(c.stream(PCM))
            c.close()
        time.sleep(0.3)
        assert d.metrics()['sylkitd_drops_total{reason="busy"}'] == 50


@case
def out_of_descriptors():
    """Clients beyond what the system gives wait for their turn, and the daemon does not spin."""
    with Daemon(descriptors=40) as d:
        held = [Framed(d.socket) for _ in range(60)]
        d.wait_for("cannot accept")

        def ticks():
            with open("/proc/%d/stat" % d.process.pid) as file:
                return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

        before = ticks()
        time.sleep(1)
        assert ticks() - before < 20, "it spins"
        same(held[0].stream(PCM))
        for c in held[:40]:
            c.close()
        same(held[-1].stream(PCM))
        for c in held[40:]:
            c.close()


@case
def a_thousand_connections():
    with Daemon() as d:
        before = len(os.listdir("/proc/%d/fd" % d.process.pid))
        for _ in range(1000):
            with Framed(d.socket) as c:
                c.send("ping")
                assert c.get() == {"type": "pong"}
        time.sleep(0.2)
        assert len(os.listdir("/proc/%d/fd" % d.process.pid)) <= before


# ---- who may ----------------------------------------------------------------------------------

@case
def socket_is_private():
    with Daemon() as d:
        for path in (d.socket, d.raw):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        other = subprocess.run([os.environ["SYLKITD"], "--socket", d.socket], capture_output=True)
        assert other.returncode == 1 and b"another sylkitd" in other.stderr, other.stderr
        with Framed(d.socket) as c:
            same(c.stream(PCM))


@case
def stale_sockets():
    d = Daemon()
    d.process.kill()
    d.process.wait()
    assert os.path.exists(d.socket)
    with Daemon() as d, Framed(d.socket) as c:  # takes the place of the killed one
        same(c.stream(PCM))
    open("file", "w").close()
    program = os.environ["SYLKITD"]
    for path, word in (("file", b"no socket"), ("missing/x", b"missing/x"), ("x" * 200, b"longer")):
        run = subprocess.run([program, "--socket", path], capture_output=True)
        assert run.returncode == 1 and word in run.stderr, run.stderr
    assert os.path.exists("file")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("foreign.sock")
        s.listen()
        run = subprocess.run([program, "--socket", "foreign.sock"], capture_output=True)
        assert run.returncode == 1 and b"another program" in run.stderr, run.stderr


@case
def tokens():
    with Daemon(tcp=True) as d:
        address = ("127.0.0.1", d.tcp)
        with Framed(address) as c:
            same(c.stream(PCM, token=TOKEN))
        with Framed(address) as c:
            c.send("auth", token=TOKEN)
            same(c.stream(PCM))
        for fields in ({}, {"token": ""}, {"token": TOKEN[:-1]}, {"token": TOKEN + "x"},
                       {"token": 5}, {"token": TOKEN[:-1] + "x"}, {"token": TOKEN * 2}):
            with Framed(address) as c:
                c.send("audio-start", **fields)
                error(c.all(), "auth", "token")
        with Framed(d.socket) as c:  # the Unix socket needs none
            same(c.stream(PCM))
        assert d.metrics()['sylkitd_drops_total{reason="auth"}'] == 7
        assert TOKEN not in d.text()
    program = os.environ["SYLKITD"]
    for mode, text, word in ((0o644, TOKEN, b"chmod 600"), (0o600, "short", b"16 to 512"),
                             (0o600, "a b" * 10, b"visible"), (0o600, "", b"0 characters")):
        with open("bad-token", "w") as file:
            file.write(text)
        os.chmod("bad-token", mode)
        run = subprocess.run([program, "--socket", "x.sock", "--tcp", "0", "--token-file", "bad-token"],
                             capture_output=True)
        assert run.returncode == 1 and word in run.stderr, run.stderr
    run = subprocess.run([program, "--tcp", "0"], capture_output=True)
    assert run.returncode == 2 and b"--token-file" in run.stderr, run.stderr


# ---- signals ----------------------------------------------------------------------------------

@case
def sigterm_drains():
    with Daemon() as d:
        half, quiet = Framed(d.socket), Framed(d.socket)
        half.send("audio-start")
        half.send("audio-chunk", PCM[:len(PCM) // 2])
        half.send("audio-chunk", b"")
        time.sleep(0.5)
        quiet.send("ping")
        quiet.get()
        d.signal(signal.SIGTERM)
        messages = half.all()
        assert messages[-1]["type"] == "end" and messages[-1]["reason"] == "shutdown", messages[-1]
        assert abs(messages[-1]["audio"] - SECONDS / 2) < 1e-3, messages[-1]
        got = syllables(messages)
        assert got[:-1] == EXPECTED[:len(got) - 1] and len(got) > 1
        assert quiet.all() == []
        assert d.process.wait(10) == 0
    with Daemon("--queue-seconds", "60") as d, Framed(d.socket) as c:
        c.send("audio-start")  # a stream that is being ended already; its client keeps the connection
        c.send("audio-chunk", PCM)
        c.send("audio-stop")
        c.get()
        begin = time.time()
        d.signal(signal.SIGTERM)
        same([{"type": "ready"}] + c.all())
        assert d.process.wait(10) == 0 and time.time() - begin < 5
    with Daemon("--drain-seconds", "0.5", "--queue-seconds", "1", "--stats-seconds", "0.1") as d:
        deaf = Lines(d.raw)
        deaf.socket.settimeout(0.3)
        try:
            while True:
                deaf.socket.send(PCM)
        except TimeoutError:
            pass
        begin = time.time()
        assert d.stop() == 0 and time.time() - begin < 5
        assert "drain-seconds" in d.text()
        deaf.close()


@case
def sighup_reloads_under_load():
    with Daemon() as d:
        with Framed(d.socket) as c:
            c.send("audio-start")
            for i in range(0, len(PCM), 3200):
                c.send("audio-chunk", PCM[i:i + 3200])
                if i % 16000 == 0:
                    d.signal(signal.SIGHUP)
                    time.sleep(0.02)
            c.send("audio-stop")
            same(c.until("end"))
            same(c.stream(PCM))
        d.wait_for("model reloaded")
        assert d.metrics()["sylkitd_reloads_total"] >= 1


@case
def a_failed_reload_keeps_the_model():
    os.system("cp '%s' own.safetensors" % os.environ["SYLKIT_MODEL"])
    with Daemon("--model", "own.safetensors") as d:
        os.rename("own.safetensors", "moved.safetensors")
        d.signal(signal.SIGHUP)
        d.wait_for("the old model stays")
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        os.rename("moved.safetensors", "own.safetensors")
        d.signal(signal.SIGHUP)
        d.wait_for("model reloaded")
        m = d.metrics()
        assert m["sylkitd_failed_reloads_total"] == 1 and m["sylkitd_reloads_total"] == 1


@case
def kill_and_restart():
    d = Daemon()
    c = Framed(d.socket)
    c.send("audio-start")
    c.get()
    d.process.kill()
    d.process.wait()
    assert c.all() == []
    with Daemon() as d, Framed(d.socket) as c:
        same(c.stream(PCM))



if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
