"""The page of sylkitd in headless Chromium, whose microphone is voice.wav: page_cases.py CHROMIUM PICTURE.
Driven over the DevTools protocol with daemon_client's WebSocket."""
import base64
import json
import os
import subprocess
import sys
import time

from daemon_client import TOKEN, Daemon, WebSocket, http

WEB = os.path.join(os.environ["PREFIX_SRC"], "stream", "web")

# The worklet's own text with the audio thread's names around it: tones at 48, 44.1 and 16 kHz.
WORKLET = """
(rate, tone, source) => {
    let made;
    const port = {postMessage: (m) => m && out.push(...m)}, out = [];
    const names = {AudioWorkletProcessor: class { constructor() { this.port = port; } },
                   registerProcessor: (name, kind) => { made = kind; }, sampleRate: rate};
    new Function(...Object.keys(names), source)(...Object.values(names));
    const recorder = new made();
    for (let i = 0; i + 128 <= 2 * rate; i += 128) {
        const block = Float32Array.from({length: 128}, (_, k) =>
            0.5 * Math.sin(2 * Math.PI * tone * (i + k) / rate));
        recorder.process([[block, block]]);
    }
    recorder.port.onmessage();
    const middle = out.slice(4000, 28000);
    const power = middle.reduce((s, x) => s + (x / 32768) ** 2, 0) / middle.length;
    let re = 0, im = 0;
    middle.forEach((x, i) => { re += x / 32768 * Math.cos(2 * Math.PI * tone * i / 16000);
                               im += x / 32768 * Math.sin(2 * Math.PI * tone * i / 16000); });
    return {length: out.length, rms: Math.sqrt(power),
            tone: 2 * Math.hypot(re, im) / middle.length};
}
"""


class Browser:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions",
             "--remote-debugging-port=0", "--user-data-dir=profile", "--window-size=1100,900",
             "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
             "--use-file-for-fake-audio-capture=" + os.path.abspath("voice.wav"), "about:blank"],
            stdout=subprocess.DEVNULL, stderr=open("chromium.log", "w"), start_new_session=True)
        until = time.time() + 60
        while not os.path.exists("profile/DevToolsActivePort"):
            assert time.time() < until and self.process.poll() is None, open("chromium.log").read()
            time.sleep(0.1)
        time.sleep(0.2)
        port = int(open("profile/DevToolsActivePort").readline())
        pages = [t for t in json.loads(http(port, "/json/list")[2]) if t["type"] == "page"]
        self.socket = WebSocket(port, pages[0]["webSocketDebuggerUrl"].split(str(port), 1)[1])
        assert self.socket.status == 101
        self.number, self.complaints = 0, []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        self.number += 1
        self.socket.text({"id": self.number, "method": method, "params": params})
        while True:
            message = self.socket.get()
            assert message is not None, "Chromium went away"
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(message["params"]))
            if message.get("method") == "Log.entryAdded" and \
                    message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"] + " " +
                                       message["params"]["entry"].get("url", ""))

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression, seconds=30):
        until = time.time() + seconds
        while not self.ask(expression):
            assert time.time() < until, (expression, self.ask("document.body.innerText"),
                                         self.complaints)
            time.sleep(0.1)

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def check_worklet(browser):
    source = json.dumps(open(os.path.join(WEB, "worklet.js")).read())
    for rate in (48000, 44100, 16000, 96000):
        for tone in (300, 1000, 5000):
            r = browser.ask("(%s)(%d, %d, %s)" % (WORKLET, rate, tone, source))
            assert abs(r["length"] - 32000) < 60, r
            assert abs(r["tone"] - 0.5) < 0.005 and abs(r["rms"] - 0.5 / 2 ** 0.5) < 0.004, (rate, tone, r)
        if rate > 24000:  # above half of 16 kHz: nothing may come back as another tone
            r = browser.ask("(%s)(%d, %d, %s)" % (WORKLET, rate, 10500, source))
            assert r["rms"] < 5e-4, (rate, r)
    print("ok: the worklet resamples", flush=True)


def check_recording(browser, port, picture):
    browser.call("Page.navigate", url="http://127.0.0.1:%d/#token=%s" % (port, TOKEN))
    browser.wait_for("document.readyState === 'complete' && !!document.getElementById('record').onclick")
    browser.ask("document.getElementById('record').click()")
    browser.wait_for("+document.getElementById('syllables').textContent >= 8", 60)
    browser.wait_for("spectrogram.done > 600")
    browser.picture(picture)
    shown = browser.ask("""(() => {
        const count = (id, test) => {
            const c = document.getElementById(id), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let n = 0;
            for (let i = 0; i < d.length; i += 4) n += test(d[i], d[i + 1], d[i + 2]);
            return n;
        };
        return {bright: count('spectrogram', (r, g, b) => r + g + b > 250),
                boxes: count('spectrogram', (r, g, b) => r > 240 && Math.abs(g - 180) < 20 && Math.abs(b - 84) < 30),
                bars: count('histogram', (r, g, b) => r === 0x4f && g === 0xc3 && b === 0xf7),
                tokens: [...document.querySelectorAll('#tokens li')].map((e) => e.textContent),
                median: parseFloat(document.getElementById('median').textContent)};
    })()""")
    assert shown["bright"] > 2000 and shown["boxes"] > 200 and shown["bars"] > 500, shown
    assert all(t.isdigit() for t in shown["tokens"]) and len(shown["tokens"]) >= 8, shown
    assert shown["median"] > 0, shown
    # The microphone is unplugged: what was heard is finished, as by the button.
    browser.ask("recording.tracks[0].dispatchEvent(new Event('ended')); "
                "document.getElementById('record').click()")
    browser.wait_for("document.getElementById('state').textContent === 'Done.'")
    browser.ask("document.getElementById('record').click()")
    browser.wait_for("+document.getElementById('syllables').textContent >= 1 && !!recording", 60)
    browser.ask("document.getElementById('record').click()")
    browser.wait_for("document.getElementById('state').textContent === 'Done.'")
    factor = float(browser.ask("document.getElementById('factor').textContent"))
    assert factor > 0, factor  # how fast it is, the benchmarks tell
    expected = {s["token"] for s in json.loads(open("voice.jsonl").readline())["segments"]}
    known = sum(int(t) in expected for t in shown["tokens"]) / len(shown["tokens"])
    print("ok: %d syllables shown, %.0f %% with tokens that tokenize finds too, median latency %.0f ms"
          % (len(shown["tokens"]), 100 * known, shown["median"]), flush=True)
    assert known >= 0.3, (shown["tokens"], expected)


def check_refusals(browser, port):
    """A wrong token is said in words; the policy holds against what is injected."""
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url="http://127.0.0.1:%d/#token=wrong" % port)
    browser.wait_for("document.readyState === 'complete' && !!document.getElementById('record').onclick")
    assert [c for c in browser.complaints if "favicon" not in c] == [], browser.complaints
    browser.ask("document.getElementById('record').click()")
    browser.wait_for("document.getElementById('state').className === 'error'")
    assert "token" in browser.ask("document.getElementById('state').textContent")
    assert browser.ask("""new Promise((done) => {
        document.addEventListener('securitypolicyviolation', () => done(true));
        const s = document.createElement('script');
        s.textContent = 'window.bad = 1';
        document.body.append(s);
        setTimeout(() => done(false), 2000);
    })"""), "an inline script was not refused"
    assert not browser.ask("window.bad")
    print("ok: a wrong token, an inline script", flush=True)


def main(program, picture):
    browser = Browser(program)
    try:
        check_worklet(browser)
        with Daemon("--stats-seconds", "1", http=True) as d:
            check_recording(browser, d.http, picture)
            assert "client dropped" not in d.text(), d.text()[-1000:]
            check_refusals(browser, d.http)
            browser.call("Page.navigate", url="about:blank")
    finally:
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
