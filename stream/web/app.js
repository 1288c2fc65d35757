/* The page of sylkitd: microphone to /ws, and what comes back on two canvases. A token of the daemon
 * goes behind #token= in the address: what stands behind # stays in the browser. */
"use strict";

const RATE = 16000;
const FFT = 512;          /* 32 ms */
const HOP = 160;          /* a column is 10 ms */
const SHOWN = 6;          /* seconds across the canvas */
const ROWS = FFT / 2;
const FLOOR = -85;        /* dB, black */
const TOP = -10;          /* dB, white */
const LABELS = 30;        /* pixels above the spectrogram, for the numbers */
const BARS = 40;          /* of the histogram */

const element = (id) => document.getElementById(id);

/* ---- spectra: a radix-2 FFT of real samples ------------------------------------------------ */

class Spectrum {
    constructor(n) {
        this.n = n;
        this.re = new Float32Array(n);
        this.im = new Float32Array(n);
        this.window = Float32Array.from({length: n}, (_, i) =>
            0.5 - 0.5 * Math.cos(2 * Math.PI * i / n));
        this.cos = Float32Array.from({length: n / 2}, (_, i) => Math.cos(2 * Math.PI * i / n));
        this.sin = Float32Array.from({length: n / 2}, (_, i) => -Math.sin(2 * Math.PI * i / n));
        const bits = Math.log2(n);
        this.reversed = Uint16Array.from({length: n}, (_, i) => {
            let r = 0;
            for (let b = 0; b < bits; b++) r |= ((i >> b) & 1) << (bits - 1 - b);
            return r;
        });
    }

    /* dB of a full-scale tone, for n samples of s16 from `at` in a ring. */
    decibels(ring, at, out) {
        const {n, re, im} = this;
        for (let i = 0; i < n; i++) {
            const j = this.reversed[i];
            re[i] = ring[(at + j) % ring.length] / 32768 * this.window[j];
            im[i] = 0;
        }
        for (let half = 1; half < n; half *= 2)
            for (let first = 0; first < n; first += 2 * half)
                for (let k = 0; k < half; k++) this.butterfly(first + k, first + k + half, k * n / (2 * half));
        for (let i = 0; i < n / 2; i++)
            out[i] = 10 * Math.log10((re[i] * re[i] + im[i] * im[i]) * 16 / (n * n) + 1e-12);
    }

    butterfly(a, b, t) {
        const {re, im} = this;
        const x = re[b] * this.cos[t] - im[b] * this.sin[t];
        const y = re[b] * this.sin[t] + im[b] * this.cos[t];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
    }
}

/* ---- the spectrogram: columns in a ring of an off-screen canvas ---------------------------- */

class Spectrogram {
    constructor(canvas) {
        this.canvas = canvas;
        this.columns = SHOWN * RATE / HOP;
        this.picture = document.createElement("canvas");
        this.picture.width = this.columns;
        this.picture.height = ROWS;
        this.spectrum = new Spectrum(FFT);
        this.levels = new Float32Array(ROWS);
        this.column = this.picture.getContext("2d").createImageData(1, ROWS);
        this.clear();
    }

    clear() {
        this.ring = new Int16Array(RATE);
        this.samples = 0;
        this.done = 0; /* columns */
        this.number = 0;
        this.syllables = [];
        this.picture.getContext("2d").clearRect(0, 0, this.columns, ROWS);
    }

    feed(samples) {
        for (const s of samples) {
            this.ring[this.samples++ % this.ring.length] = s;
            if (this.samples >= FFT && (this.samples - FFT) % HOP === 0) this.addColumn();
        }
    }

    addColumn() {
        this.spectrum.decibels(this.ring, this.samples - FFT, this.levels);
        const data = this.column.data;
        for (let row = 0; row < ROWS; row++) {
            const level = (this.levels[ROWS - 1 - row] - FLOOR) / (TOP - FLOOR);
            const v = Math.max(0, Math.min(1, level));
            data.set([255 * Math.min(1, 1.8 * v), 255 * v * v, 90 * Math.sin(Math.PI * v) + 200 * v ** 4, 255],
                     4 * row);
        }
        this.picture.getContext("2d").putImageData(this.column, this.done++ % this.columns, 0);
    }

    add(syllable) {
        this.syllables.push({...syllable, number: this.number++});
    }

    draw() {
        const {canvas, columns} = this;
        const g = canvas.getContext("2d");
        const scale = canvas.width / columns;
        const first = Math.max(0, this.done - columns);
        const seam = first % columns; /* the ring in two pieces, oldest on the left */
        g.clearRect(0, 0, canvas.width, canvas.height);
        const height = canvas.height - LABELS;
        g.drawImage(this.picture, seam, 0, columns - seam, ROWS, 0, LABELS, (columns - seam) * scale,
                    height);
        if (seam)
            g.drawImage(this.picture, 0, 0, seam, ROWS, (columns - seam) * scale, LABELS, seam * scale,
                        height);
        this.drawSyllables(g, first, scale * RATE / HOP);
    }

    drawSyllables(g, first, pixels) {
        const origin = first * HOP / RATE; /* seconds at the left edge */
        this.syllables = this.syllables.filter((s) => s.end > origin);
        g.strokeStyle = g.fillStyle = "#ffb454";
        g.font = "13px system-ui, sans-serif";
        g.textAlign = "center";
        for (const s of this.syllables) {
            const x = (s.start - origin) * pixels, width = (s.end - s.start) * pixels;
            const line = s.number % 2 ? 12 : 26; /* neighbours' numbers on two lines */
            g.strokeRect(x + 1, LABELS + 1, width - 2, this.canvas.height - LABELS - 2);
            g.fillText(s.token ?? "?", x + width / 2, line);
        }
    }
}

/* ---- counts and latency ------------------------------------------------------------------- */

class Counts {
    constructor(canvas) {
        this.canvas = canvas;
        this.clear();
    }

    clear() {
        this.tokens = new Map();
        this.latencies = [];
        this.total = 0;
        this.drawn = -1; /* total when it was drawn: sorting for each frame would cost more and more */
        element("tokens").replaceChildren();
        for (const id of ["median", "p95", "factor"]) element(id).textContent = "–";
    }

    add(syllable, latency) {
        this.total++;
        this.latencies.push(latency);
        this.tokens.set(syllable.token, (this.tokens.get(syllable.token) ?? 0) + 1);
        const item = document.createElement("li");
        item.textContent = syllable.token ?? "?";
        element("tokens").prepend(item);
        while (element("tokens").children.length > 24) element("tokens").lastChild.remove();
    }

    draw() {
        if (this.drawn === this.total) return;
        this.drawn = this.total;
        const sorted = Float64Array.from(this.latencies).sort();
        const at = (p) => Math.round(1000 * sorted[Math.min(sorted.length - 1,
                                                            Math.floor(p * sorted.length))]) + " ms";
        element("syllables").textContent = this.total;
        element("different").textContent = this.tokens.size;
        if (sorted.length) {
            element("median").textContent = at(0.5);
            element("p95").textContent = at(0.95);
        }
        this.drawBars();
    }

    drawBars() {
        const {canvas} = this;
        const g = canvas.getContext("2d"), width = canvas.width / BARS;
        const top = [...this.tokens].sort((a, b) => b[1] - a[1]).slice(0, BARS);
        g.clearRect(0, 0, canvas.width, canvas.height);
        g.font = "11px system-ui, sans-serif";
        g.textAlign = "center";
        top.forEach(([token, count], i) => {
            const height = (canvas.height - 34) * count / top[0][1];
            const x = i * width + width / 2;
            g.fillStyle = "#4fc3f7";
            g.fillRect(i * width + 2, canvas.height - 16 - height, width - 4, height);
            g.fillStyle = "#e6e9ec";
            g.fillText(token ?? "?", x, canvas.height - 4);
            g.fillText(count, x, canvas.height - 20 - height);
        });
    }
}

/* ---- recording ---------------------------------------------------------------------------- */

const spectrogram = new Spectrogram(element("spectrogram"));
const counts = new Counts(element("histogram"));
let recording = null; /* {socket, context, tracks, node, begin} */

function say(text, isError) {
    element("state").textContent = text;
    element("state").className = isError ? "error" : "";
}

function draw() {
    spectrogram.draw();
    counts.draw();
    if (recording) requestAnimationFrame(draw);
}

function socketAddress() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    const address = new URL("/ws", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    if (token) address.searchParams.set("token", token);
    return address;
}

function connect() {
    return new Promise((resolve, reject) => {
        const socket = new WebSocket(socketAddress());
        socket.binaryType = "arraybuffer";
        socket.onopen = () => resolve(socket);
        socket.onerror = () => reject(new Error("sylkitd does not answer, or wants a token: " +
                                                "open this page with #token=TOKEN"));
    });
}

/* From a syllable's end in the sound to its box: the clock of the sound is what has been recorded. */
function onMessage(message) {
    if (message.type === "syllable" && !message.silence) {
        const heard = (performance.now() - recording.begin) / 1000;
        spectrogram.add(message);
        counts.add(message, Math.max(0, heard - message.end));
    } else if (message.type === "stats") {
        element("factor").textContent = message.real_time_factor.toFixed(3);
    } else if (message.type === "error") {
        finish(message.message);
    } else if (message.type === "end") {
        element("factor").textContent = message.real_time_factor.toFixed(3);
        finish();
    }
}

/* The end: of our own accord, or because of an error. */
function finish(error) {
    if (!recording) return;
    const r = recording;
    recording = null;
    for (const track of r.tracks) track.stop(); /* which is no "ended" for it */
    r.context.close();
    r.socket.close();
    element("record").textContent = "Record";
    say(error ?? "Done.", error !== undefined);
    draw();
}

function onSamples(samples) {
    const {socket} = recording;
    if (samples === null) {
        socket.send(JSON.stringify({type: "audio-stop"}));
        return;
    }
    recording.begin ??= performance.now() - 1000 * samples.length / RATE;
    spectrogram.feed(samples);
    if (socket.readyState === WebSocket.OPEN) socket.send(samples.buffer);
}

function stop(why) {
    recording.node.port.postMessage("stop");
    say(why);
}

async function start() {
    /* The sound as it is: what makes calls pleasant changes what the model hears. */
    const media = await navigator.mediaDevices.getUserMedia({audio: {
        echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
    const context = new AudioContext();
    let socket;
    try {
        await context.audioWorklet.addModule("worklet.js");
        socket = await connect();
    } catch (error) {
        for (const track of media.getTracks()) track.stop();
        context.close();
        throw error;
    }
    const node = new AudioWorkletNode(context, "recorder", {numberOfOutputs: 0});
    spectrogram.clear();
    counts.clear();
    recording = {socket, context, node, tracks: media.getTracks(), begin: null};
    socket.onmessage = (event) => recording && onMessage(JSON.parse(event.data));
    socket.onclose = () => finish("sylkitd closed the connection");
    socket.send(JSON.stringify({type: "audio-start", rate: RATE, encoding: "s16le"}));
    node.port.onmessage = (event) => recording && onSamples(event.data);
    context.createMediaStreamSource(media).connect(node);
    for (const track of recording.tracks)
        track.onended = () => recording && stop("The microphone ended. Waiting for the last syllables.");
    element("record").textContent = "Stop";
    say("Recording.");
    draw();
}

element("record").onclick = async () => {
    if (recording) {
        stop("Waiting for the last syllables.");
        return;
    }
    element("record").disabled = true;
    try {
        await start();
    } catch (error) {
        say(error.message, true);
    }
    element("record").disabled = false;
};
