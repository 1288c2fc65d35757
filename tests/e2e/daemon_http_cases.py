"""Cases of test_daemon.sh, HTTP and WebSocket: daemon_http_cases.py [NAME...] runs all or those named."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

from daemon_client import TOKEN, WEB, Daemon, Framed, WebSocket, http, parse_metrics
from daemon_harness import EXPECTED, PCM, SECONDS, TALKATIVE, case, error, main, same, whole


def stream(c, pcm=PCM, step=3200):
    for i in range(0, len(pcm), step):
        c.binary(pcm[i:i + step])


def plain(**options):
    return Daemon(http=True, token=False, **options)


# ---- WebSocket --------------------------------------------------------------------------------

@case
def websocket_identical_to_tokenize():
    with plain() as d:
        with WebSocket(d.http) as c:
            assert c.status == 101, c.status
            for step in (3200, 70000, 1001):  # several streams on one connection
                c.text({"type": "audio-start", "rate": 16000})
                stream(c, step=step)
                c.text({"type": "audio-stop"})
                same(c.until("end"))
        with WebSocket(d.http, "/") as c:
            c.text({"type": "ping"})
            assert c.get() == {"type": "pong"}
            c.text({"type": "describe"})
            assert c.get()["type"] == "info"
            c.text({"type": "metrics"})
            parse_metrics(c.get()["text"])


@case
def habits_of_vosk_and_sherpa():
    import array
    floats = array.array("f", [x / 32768 for x in array.array("h", PCM)]).tobytes()
    with plain() as d:
        with WebSocket(d.http) as c:  # vosk: configuration, samples, eof
            c.text({"config": {"sample_rate": 16000}})
            stream(c)
            c.text('{"eof" : 1}')
            same(c.until("end"))
        with WebSocket(d.http) as c:  # samples alone
            stream(c)
            c.text({"eof": 1})
            same(c.until("end"))
        with WebSocket(d.http) as c:  # sherpa-onnx: floats, Done
            c.text({"config": {"encoding": "f32le"}})
            stream(c, floats, 6400)
            c.text("Done")
            same(c.until("end"))
        with WebSocket(d.http) as c:  # nothing to end is no error
            c.text("Done")
            c.text({"type": "ping"})
            assert c.get() == {"type": "pong"}


@case
def questions_without_reading():
    count = 20000
    with plain() as d, WebSocket(d.http, receive_buffer=4096) as c:
        asking = threading.Thread(target=lambda: [c.text({"type": "ping"}) for _ in range(count)])
        asking.start()
        time.sleep(1)
        for _ in range(count):
            assert c.get() == {"type": "pong"}
        asking.join()


@case
def fragments_and_small_pieces():
    with plain() as d, WebSocket(d.http) as c:
        c.frame(1, b'{"type":"audio', final=False)
        c.frame(0, b'-start"}')
        c.frame(2, PCM[:1000], final=False)
        c.frame(9, b"are you there")
        c.frame(0, b"", final=False)
        c.frame(0, PCM[1000:1001], final=False)
        c.frame(0, PCM[1001:2000])
        for byte in PCM[2000:2100]:
            c.binary(bytes([byte]))
        c.binary(b"")
        stream(c, PCM[2100:])
        c.text({"type": "audio-stop"})
        same(c.until("end"))


@case
def hostile_websockets():
    with plain() as d:
        for act, code, word in (
                (lambda c: c.text("hello"), "protocol", "no JSON"),
                (lambda c: c.text("[]"), "protocol", "no JSON"),
                (lambda c: c.text("{}"), "protocol", "type"),
                (lambda c: c.text({"type": "dance"}), "protocol", "dance"),
                (lambda c: c.text({"type": "audio-start", "rate": 1}), "protocol", "rate is 1"),
                (lambda c: c.text({"type": "audio-stop"}), "protocol", "without a stream"),
                (lambda c: c.text("x" * 9000), "limit", "8192"),
                (lambda c: c.frame(2, b"abcd" * 100, declared=1 << 30), "limit", "1048576"),
                (lambda c: c.frame(2, b"abcd" * 100, declared=(1 << 63) - 1), "limit", "1048576")):
            with WebSocket(d.http) as c:
                act(c)
                error([m for m in c.all() if m["type"] != "ready"], code, word)
                assert c.closed == 1008, c.closed
        for _ in range(2):  # garbage in place of frames, and half an upgrade
            with WebSocket(d.http) as c:
                c.socket.sendall(os.urandom(500))
            with socket.create_connection(("127.0.0.1", d.http)) as s:
                s.sendall(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr")
            with socket.create_connection(("127.0.0.1", d.http)) as s:
                s.sendall(b"\0\xff" * 5000)
        with WebSocket(d.http) as c:
            stream(c)
            c.text({"eof": 1})
            same(c.until("end"))


@case
def many_websockets():
    failures = []

    def one():
        try:
            with WebSocket(d.http) as c:
                stream(c)
                c.text({"eof": 1})
                same(c.until("end"))
        except BaseException:
            failures.append(traceback.format_exc())

    with plain() as d:
        threads = [threading.Thread(target=one) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures[0]
        for i in range(100):  # those that vanish, at any place
            c = WebSocket(d.http)
            c.socket.sendall(b"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0" + PCM[:i * 300])
            c.close()
        until = time.time() + 10
        while (m := d.metrics())["sylkitd_clients"] > 1:
            assert time.time() < until, m
            time.sleep(0.05)
        assert m["sylkitd_queue_seconds"] == 0


@case
def slow_websocket_is_held_back():
    with Daemon("--queue-seconds", "1", "--idle-seconds", "30", "--max-seconds", "100000",
                *TALKATIVE, http=True, token=False) as d:
        slow = WebSocket(d.http, receive_buffer=4096)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        slow.socket.settimeout(2)
        frame = b"\x82\xfe\xea\x60\0\0\0\0" + (PCM * 2)[:60000]  # a mask of zeros
        sent = 0  # bytes of frames
        try:
            while sent < 400 * len(PCM):
                at = sent % len(frame)
                sent += slow.socket.send(frame[at:])
            raise AssertionError("%d bytes were taken from a client that reads nothing" % sent)
        except TimeoutError:
            pass
        with Framed(d.socket) as c:
            whole(c.stream(PCM))
        slow.socket.settimeout(30)

        def rest():
            if sent % len(frame):
                slow.socket.sendall(frame[sent % len(frame):])
            slow.text({"eof": 1})

        writer = threading.Thread(target=rest)
        writer.start()
        end = slow.until("end")[-1]
        writer.join()
        frames = -(-sent // len(frame))
        assert abs(end["audio"] - frames * 60000 / 32000) < 1e-3, (end, frames)
        slow.close()


@case
def idle_and_surplus_websockets():
    with Daemon("--idle-seconds", "0.4", "--max-clients", "2", http=True, token=False) as d:
        with WebSocket(d.http) as a, WebSocket(d.http) as b, WebSocket(d.http) as c:
            error(c.all(), "busy", "2 clients")
            error(a.all(), "idle", "0.4")
            error(b.all(), "idle", "0.4")
            assert b.closed == 1008
        m = d.metrics()
        assert m['sylkitd_drops_total{reason="busy"}'] == 1, m
        assert m['sylkitd_drops_total{reason="idle"}'] == 2, m


@case
def long_websocket_streams_are_ended():
    with Daemon("--max-seconds", "1", http=True, token=False) as d, WebSocket(d.http) as c:
        try:
            stream(c)
        except (BrokenPipeError, ConnectionResetError):
            pass
        messages = c.all()
        assert messages[-1]["type"] == "end" and messages[-1]["reason"] == "limit", messages[-3:]


@case
def sigterm_drains_websockets():
    with plain() as d:
        half, quiet = WebSocket(d.http), WebSocket(d.http)
        stream(half, PCM[:len(PCM) // 2])
        half.text({"type": "ping"})
        half.until("pong")
        d.signal(signal.SIGTERM)
        messages = half.all()
        assert messages[-1]["type"] == "end" and messages[-1]["reason"] == "shutdown"
        assert abs(messages[-1]["audio"] - SECONDS / 2) < 1e-3, messages[-1]
        assert half.closed == 1000 and quiet.all() == [] and quiet.closed == 1000
        half.close()
        quiet.close()
        assert d.process.wait(10) == 0


@case
def sighup_reloads_under_websockets():
    with plain() as d, WebSocket(d.http) as c:
        for i in range(0, len(PCM), 3200):
            c.binary(PCM[i:i + 3200])
            if i % 32000 == 0:
                d.signal(signal.SIGHUP)
                time.sleep(0.02)
        c.text({"eof": 1})
        same(c.until("end"))
        d.wait_for("model reloaded")


# ---- HTTP -------------------------------------------------------------------------------------

@case
def page_and_metrics():
    web = os.path.join(os.environ["PREFIX_SRC"], "stream", "web")
    with plain() as d:
        for path, name in (("/", "index.html"), ("/index.html", "index.html"), ("/app.js", "app.js"),
                           ("/worklet.js", "worklet.js"), ("/style.css", "style.css")):
            status, fields, body = http(d.http, path)
            assert status == 200 and body == open(os.path.join(web, name), "rb").read(), path
            policy = fields["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
            assert fields["x-content-type-options"] == "nosniff", fields
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        status, fields, body = http(d.http, "/metrics")
        assert status == 200 and fields["content-type"].startswith("text/plain; version=0.0.4")
        assert parse_metrics(body.decode())["sylkitd_syllables_total"] == len(EXPECTED)
        for path in ("/../sylkitd.c", "/..%2f..%2fetc/passwd", "/nothing", "/app.js/x", "//etc"):
            assert http(d.http, path)[0] in (400, 403, 404), path
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert http(d.http, "/", method=method, headers=["Content-Length: 0"])[0] in (403, 404, 405)


@case
def nothing_from_outside():
    """The page's files name no other host, and have nothing inline that the policy would refuse."""
    web = os.path.join(os.environ["PREFIX_SRC"], "stream", "web")
    for name in os.listdir(web):
        text = open(os.path.join(web, name)).read()
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), name
        assert not re.search(r"\beval\(|new Function|innerHTML", text), name
    html = open(os.path.join(web, "index.html")).read()
    assert not re.search(r"<style|style=|\son\w+=|<script>", html)


@case
def foreign_pages_are_refused():
    with plain() as d:
        own = "Origin: http://127.0.0.1:%d" % d.http
        for headers, status in (([own], 101), (["Origin: http://evil.example"], 403),
                                (["Origin: null"], 403), ([own + "0"], 403),
                                (["Origin: https://127.0.0.1:%d" % d.http], 403)):
            with WebSocket(d.http, headers=headers) as c:
                assert c.status == status, (headers, c.status)
        for host, status in (("localhost:%d" % d.http, 200), ("evil.example", 403),
                             ("127.0.0.1.evil.example", 403), ("127.0.0.1:x", 403), ("[::1]", 200)):
            assert http(d.http, "/metrics", host=host)[0] == status, host
        with WebSocket(d.http, path="/other") as c:
            assert c.status == 404, c.status


@case
def tokens_over_http():
    with Daemon(http=True) as d:
        bearer = ["Authorization: Bearer " + TOKEN]
        assert http(d.http, "/")[0] == 200  # the page itself holds no secret
        assert http(d.http, "/metrics")[0] == 401
        assert http(d.http, "/metrics", headers=["Authorization: Bearer x"])[0] == 401
        assert http(d.http, "/metrics", headers=["Authorization: " + TOKEN])[0] == 401
        assert http(d.http, "/metrics?token=" + TOKEN + "x")[0] == 401
        assert http(d.http, "/metrics?token=" + TOKEN)[0] == 200
        assert http(d.http, "/metrics", headers=bearer)[0] == 200
        assert http(d.http, "/metrics", headers=["Authorization: bearer " + TOKEN])[0] == 200
        for path, headers, status in (("/ws", (), 401), ("/ws?token=x", (), 401), ("/ws", bearer, 101),
                                      ("/ws?a=b&token=" + TOKEN, (), 101)):
            with WebSocket(d.http, path=path, headers=headers) as c:
                assert c.status == status, (path, c.status)
                if status == 101:
                    stream(c)
                    c.text({"eof": 1})
                    same(c.until("end"))
        assert TOKEN not in d.text()


@case
def descriptors_are_reserved():
    """More requests than there may be at a time wait for their turn; the server neither spins nor
    fills its log. Where the system's limit could be reached it does not start."""
    with Daemon("--max-clients", "2", http=True, token=False, descriptors=228) as d:
        held = [socket.create_connection(("127.0.0.1", d.http)) for _ in range(250)]

        def ticks():
            with open("/proc/%d/stat" % d.process.pid) as file:
                return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

        time.sleep(0.3)
        before = ticks()
        time.sleep(1)
        assert ticks() - before < 20, "it spins"
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        for s in held:
            s.close()
        assert http(d.http, "/")[0] == 200
        assert len(d.text()) < 20000
    run = subprocess.run(["sh", "-c", 'ulimit -n 200; exec "$0" --socket n.sock --http 0 --web "$1"',
                          os.environ["SYLKITD"], WEB], capture_output=True)
    assert run.returncode == 1 and b"LimitNOFILE" in run.stderr, run.stderr


@case
def ports_and_folders():
    program = os.environ["SYLKITD"]
    with plain() as d:
        run = subprocess.run([program, "--socket", "o.sock", "--http", str(d.http), "--web", WEB],
                             capture_output=True)
        assert run.returncode == 1 and b"another port" in run.stderr, run.stderr
        with open("/proc/net/tcp") as file:
            local = [line.split()[1] for line in file.readlines()[1:]]
        assert "0100007F:%04X" % d.http in local and "00000000:%04X" % d.http not in local
    run = subprocess.run([program, "--socket", "o.sock", "--http", "0", "--web", "nowhere"],
                         capture_output=True)
    assert run.returncode == 1 and b"nowhere/index.html" in run.stderr, run.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
