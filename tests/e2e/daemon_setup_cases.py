"""Cases of test_daemon.sh, how it is set up: daemon_setup_cases.py [NAME...] runs all or those named."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

from daemon_client import Daemon, Framed, Lines
from daemon_harness import EXPECTED, PCM, SECONDS, case, error, main, same

@case
def configuration():
    with open("d.conf", "w") as file:
        file.write("# limits\nmax-header 100\nidle-seconds = 7\nsilence 7\nlog-level debug\n")
    with Daemon("--conf", "d.conf") as d:
        with Framed(d.socket) as c:
            assert any(m.get("silence") for m in c.stream(PCM))
        with Framed(d.socket) as c:
            c.write(b" " * 101)
            error(c.all(), "limit", "100")
        assert 'msg="client came"' in d.text()
    program = os.environ["SYLKITD"]
    with open("bad.conf", "w") as file:
        file.write("max-clients 5\nno-such 1\n")
    with open("worse.conf", "w") as file:
        file.write("max-clients 5\nidle-seconds nan\n")
    for arguments, word in ((["--conf", "bad.conf"], b"bad.conf:2"),
                            (["--conf", "worse.conf"], b"worse.conf:2: idle-seconds wants"), (["--max-clients", "0"], b"1 to"),
                            (["x"], b"'x'"),
                            (["--socket", "y.sock", "--raw-socket", "y.sock"], b"y.sock for both"), (["--raw", "u8:8000:1", "--socket", "x.sock"], b"s16le"),
                            (["--model", "none.safetensors"], b"none.safetensors")):
        run = subprocess.run([program] + arguments, capture_output=True)
        assert run.returncode in (1, 2) and word in run.stderr, (arguments, run.stderr)
    for flag, word in (("--help", b"--raw-socket"), ("--version", b"sylkitd 0")):
        run = subprocess.run([program, flag], capture_output=True)
        assert run.returncode == 0 and word in run.stdout


@case
def the_examples():
    folder = os.path.join(os.environ["PREFIX_SRC"], "stream", "examples")
    compiler = shutil.which(os.environ.get("CC", "cc").split()[0])
    commands = [[sys.executable, os.path.join(folder, "client.py")]]
    if compiler:
        subprocess.run([compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", "client",
                        os.path.join(folder, "client.c")], check=True)
        commands.append(["./client"])
    with Daemon() as d:
        for command in commands:
            run = subprocess.run(command + [d.socket], input=PCM, capture_output=True)
            assert run.returncode == 0, run.stderr
            lines = run.stdout.decode().splitlines()
            if command[0] == "./client":
                same([json.loads(line) for line in lines])
            else:
                assert lines == ["%.2f %.2f %d" % e for e in EXPECTED], lines
    for command in commands:
        run = subprocess.run(command + ["nowhere.sock"], input=PCM, capture_output=True)
        assert run.returncode == 1, run
    conf = os.path.join(os.environ["PREFIX_SRC"], "stream", "daemon", "sylkitd.conf")
    with Daemon("--conf", conf) as d, Framed(d.socket) as c:
        same(c.stream(PCM))


@case
def every_option_is_completed():
    run = subprocess.run([os.environ["SYLKITD"], "--help"], capture_output=True, check=True, text=True)
    with open(os.path.join(os.environ["PREFIX_SRC"], "stream", "daemon", "sylkitd.bash")) as file:
        completed = set(re.findall("--[a-z-]+", re.search('options="(.*?)"', file.read(), re.S)[1]))
    assert completed == set(re.findall("--[a-z-]+", run.stdout)) | {"--version"}, completed


@case
def the_live_recipe():
    root = os.environ["PREFIX_SRC"]
    run = subprocess.run([os.path.join(root, "egs", "live", "run.sh"), "--stage", "2", "--file", "voice.wav",
                          "--seconds", "3", "--out", "live"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    for name in ("sylkit stream", "client.py", "client.c"):
        assert "%s: the " % name in run.stdout, run.stdout
    with open("live/live.jsonl") as file:
        found = sum(json.loads(line)["type"] == "syllable" for line in file)
    assert found >= 3, found


@case
def hubert_shape():
    """Its windows slide: what it says is what sylkit stream says, and comes while one speaks."""
    model = os.path.join(os.environ["PREFIX_SRC"], "tests", "golden", "hubert-base")
    options = ["--norm", "0", "--merge", "0.9999", "--hop", "0.16", "--lookahead", "0.32"]
    run = subprocess.run([os.environ["SYLKIT"], "stream", "--model", model, *options, "voice.wav"],
                         capture_output=True, check=True)
    expected = [json.loads(line) for line in run.stdout.decode().splitlines()][:-1]
    assert len(expected) > 5
    with Daemon("--model", model, *options) as d, Framed(d.socket) as c:
        c.send("describe")
        info = c.get()
        assert info["encoder"] == "hubert" and (info["hop"], info["lookahead"]) == (0.16, 0.32), info
        c.send("audio-start")
        ready = c.get()
        assert ready["type"] == "ready" and (ready["hop"], ready["lookahead"]) == (0.16, 0.32), ready
        c.send("audio-chunk", PCM)
        first = c.get()  # though the stream goes on
        c.send("audio-stop")
        got = [m for m in [first] + c.until("end") if m["type"] == "syllable"]
        assert [(m["start"], m["end"]) for m in got] == [(m["start"], m["end"]) for m in expected]
    with Daemon("--model", model) as d, Framed(d.socket) as c:
        c.send("describe")
        info = c.get()
        assert (info["hop"], info["lookahead"]) == (0.32, 0.64), info
    run = subprocess.run([os.environ["SYLKITD"], "--socket", "h.sock", "--hop", "0.2"],
                         capture_output=True)
    assert run.returncode == 1 and b"hubert" in run.stderr, run.stderr


@case
def default_socket():
    for variable in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        env = {k: v for k, v in os.environ.items() if "RUNTIME_DIR" not in k}
        run = subprocess.run([os.environ["SYLKITD"]], capture_output=True, env=env)
        assert run.returncode == 1 and b"give --socket" in run.stderr
        child = subprocess.Popen([os.environ["SYLKITD"]], env={**env, variable: os.getcwd()},
                                 stderr=subprocess.DEVNULL)
        until = time.time() + 20
        while not os.path.exists("sylkitd.sock") and time.time() < until:
            time.sleep(0.05)
        with Framed("sylkitd.sock") as c:
            same(c.stream(PCM))
        child.terminate()
        assert child.wait(20) == 0


@case
def metrics_add_up():
    with Daemon() as d:
        with Framed(d.socket) as c:
            same(c.stream(PCM))
        m = d.metrics()
        assert abs(m["sylkitd_audio_seconds_total"] - SECONDS) < 0.01, m
        assert 0 < m["sylkitd_real_time_factor"] < 5
        assert m["sylkitd_latency_seconds_count"] == len(EXPECTED)
        assert m['sylkitd_latency_seconds_bucket{le="+Inf"}'] == len(EXPECTED)
        buckets = [v for k, v in m.items() if "_bucket" in k]
        assert buckets == sorted(buckets)
        assert m["sylkitd_queue_seconds"] == 0 and m["sylkitd_clients"] == 1
        for line in d.text().splitlines():
            assert line.startswith("ts=20") and " level=" in line and " msg=" in line, line


@case
def socket_activation():
    """As systemd does it: descriptors from 3 on, their number and names in the environment."""
    framed, raw = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    for s, path in ((framed, "a.sock"), (raw, "a.raw")):
        s.bind(path)
        s.listen()
    code = """
import os, sys
fds = [int(x) for x in sys.argv[1].split(",")]
high = [os.dup2(fd, 50 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])"""
    child = subprocess.Popen([sys.executable, "-c", code, "%d,%d" % (framed.fileno(), raw.fileno()),
                              "framed:raw", os.environ["SYLKITD"]],
                             pass_fds=(framed.fileno(), raw.fileno()))
    with Framed("a.sock") as c:
        same(c.stream(PCM))
    with Lines("a.raw") as c:
        c.write(PCM)
        c.finish()
        same(c.all())
    child.terminate()
    assert child.wait(20) == 0
    assert os.path.exists("a.sock"), "a socket of systemd's was removed"
    file = open("voice.wav", "rb")
    run = subprocess.run([sys.executable, "-c", code, "%d" % file.fileno(), "x",
                          os.environ["SYLKITD"]], pass_fds=(file.fileno(),), capture_output=True)
    assert run.returncode == 1 and b"no listening socket" in run.stderr, run.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
