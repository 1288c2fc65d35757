"""Clients of sylkitd, and the daemon itself as a child, with nothing but Python's own library."""
import base64
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import time

# A build folder outside of the source tree does not find the page by itself.
WEB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "stream", "web")
TOKEN = "a token of visible characters".replace(" ", "-")


class Daemon:
    """A sylkitd with sockets in the current folder. Its log is in NAME.log."""

    def __init__(self, *options, name="d", tcp=False, http=False, token=True, env=None,
                 program=None, descriptors=None):
        self.socket, self.raw, self.log = name + ".sock", name + ".raw", name + ".log"
        command = [program or os.environ["SYLKITD"], "--socket", self.socket, "--raw-socket",
                   self.raw, "--workers", "2"]
        if (tcp or http) and token:
            with open("token", "w") as file:
                file.write(TOKEN + "\n")
            os.chmod("token", 0o600)
            command += ["--token-file", "token"]
        command += ["--tcp", "0"] * tcp + ["--http", "0", "--web", WEB] * http + list(options)
        self.process = subprocess.Popen(command, stderr=open(self.log, "w"), stdin=subprocess.DEVNULL,
                                        env={**os.environ, **(env or {})},
                                        preexec_fn=descriptors and (lambda: resource.setrlimit(
                                            resource.RLIMIT_NOFILE, (descriptors, descriptors))))
        self.wait_for("msg=ready")
        self.tcp = self.port("kind=tcp") if tcp else None
        self.http = self.port("kind=http") if http else None

    def text(self):
        return open(self.log).read()

    def wait_for(self, what, count=1, seconds=30):
        until = time.time() + seconds
        while self.text().count(what) < count:
            if self.process.poll() is not None and self.text().count(what) < count:
                raise AssertionError("ended with %s: %s" % (self.process.returncode, self.text()))
            assert time.time() < until, "no '%s' in %s" % (what, self.text()[-2000:])
            time.sleep(0.02)

    def port(self, kind):
        return int(re.search(kind + r" port=(\d+)", self.text()).group(1))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=30):
        """Its exit status after SIGTERM."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def metrics(self):
        with Framed(self.socket) as c:
            c.send("metrics")
            return parse_metrics(c.get()["text"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            return
        status = self.stop()
        assert status == 0, "exit status %s: %s" % (status, self.text()[-3000:])
        assert not os.path.exists(self.socket), "the socket was left"


def parse_metrics(text):
    """The samples of Prometheus's text format; every line is checked."""
    samples, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("gauge", "counter", "histogram"), line
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'(\w+)(\{\w+="[^"]*"\})? (\S+)', line)
            assert match, line
            name = match.group(1)
            assert name in kinds or re.sub("_(bucket|sum|count)$", "", name) in kinds, line
            samples[name + (match.group(2) or "")] = float(match.group(3))
    return samples


class Lines:
    """JSON lines from a socket."""

    def __init__(self, address, seconds=30):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.connect(address)  # waits while the backlog is full
        self.socket.settimeout(seconds)
        self.buffer = b""

    def get(self):
        """The next message, None at the end."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                assert not self.buffer, self.buffer
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def all(self):
        messages = []
        while (message := self.get()) is not None:
            messages.append(message)
        return messages

    def until(self, kind):
        messages = []
        while True:
            message = self.get()
            assert message is not None, messages
            messages.append(message)
            if message["type"] == kind:
                return messages

    def write(self, data):
        self.socket.sendall(data)

    def finish(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Framed(Lines):
    def send(self, kind, payload=b"", **fields):
        header = {"type": kind, **fields}
        if payload:
            header["payload_length"] = len(payload)
        self.write(json.dumps(header).encode() + b"\n" + payload)

    def stream(self, pcm, step=3200, **fields):
        """A whole stream; its messages."""
        self.send("audio-start", **fields)
        for i in range(0, len(pcm), step):
            self.send("audio-chunk", pcm[i:i + step])
        self.send("audio-stop")
        return self.until("end")


class WebSocket:
    """RFC 6455, the client's side."""

    def __init__(self, port, path="/ws", seconds=30, headers=(), receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET %s HTTP/1.1" % path, "Host: 127.0.0.1:%d" % port, "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Key: " + key, "Sec-WebSocket-Version: 13"]
        self.socket.sendall("\r\n".join(lines + list(headers) + ["", ""]).encode())
        self.buffer, answer = b"", b""
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(4096)
            if not more:
                break
            answer += more
        head, _, self.buffer = answer.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1]) if head else 0
        self.closed = None

    def frame(self, opcode, data, final=True, declared=None):
        n, mask = len(data) if declared is None else declared, os.urandom(4)
        head = bytes([(0x80 if final else 0) | opcode])
        if n < 126:
            head += bytes([0x80 | n])
        elif n < 65536:
            head += b"\xfe" + struct.pack(">H", n)
        else:
            head += b"\xff" + struct.pack(">Q", n)
        longer = mask * (len(data) // 4 + 1)
        mixed = (int.from_bytes(data, "big") ^ int.from_bytes(longer[:len(data)], "big")) \
            .to_bytes(len(data), "big")
        self.socket.sendall(head + mask + mixed)

    def binary(self, data):
        self.frame(2, data)

    def text(self, message):
        self.frame(1, (message if isinstance(message, str) else json.dumps(message)).encode())

    def need(self, n):
        while len(self.buffer) < n:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def get(self):
        """The next message as JSON; None at the end, when self.closed is the code."""
        while True:
            head = self.need(2)
            if head is None:
                return None
            n = head[1] & 0x7f
            if n == 126:
                n = struct.unpack(">H", self.need(2))[0]
            elif n == 127:
                n = struct.unpack(">Q", self.need(8))[0]
            data = self.need(n) if n else b""
            if data is None:
                return None
            if head[0] & 15 == 8:
                self.closed = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                return None
            if head[0] & 15 == 9:
                self.frame(10, data)
            elif head[0] & 15 == 1:
                return json.loads(data)

    all = Lines.all
    until = Lines.until
    close = Lines.close
    __enter__ = Lines.__enter__
    __exit__ = Lines.__exit__


def http(port, path, headers=(), method="GET", host=None):
    """(status, headers, body)"""
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + (host or "127.0.0.1:%d" % port),
                 "Connection: close"] + list(headers)
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while more := s.recv(65536):
            answer += more
            head, found, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if found and length and len(body) >= int(length.group(1)):
                break  # some servers keep the connection open
    first, *rest = head.decode().split("\r\n")
    fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in rest)}
    return int(first.split(" ")[1]), fields, body
