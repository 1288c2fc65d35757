/* Runs in the audio thread: the microphone at whatever rate, as mono s16le at 16 kHz in messages of
 * 100 ms. Where the rates differ, a windowed-sinc filter below both half rates resamples. */
"use strict";

const RATE = 16000;
const MESSAGE = RATE / 10;
const ZEROS = 16; /* zero crossings of the sinc on either side */

class Resampler {
    constructor(from) {
        this.step = from / RATE;
        this.cutoff = Math.min(1, RATE / from) * 0.95;
        this.reach = Math.ceil(ZEROS / this.cutoff);
        this.history = new Float32Array(8192);
        this.filled = this.reach; /* as if silence came before */
        this.at = this.reach;     /* where the next sample lies in the history */
    }

    weight(x) {
        const u = x / this.reach;
        if (u <= -1 || u >= 1) return 0;
        const window = 0.42 + 0.5 * Math.cos(Math.PI * u) + 0.08 * Math.cos(2 * Math.PI * u);
        const t = Math.PI * this.cutoff * x;
        return this.cutoff * window * (Math.abs(t) < 1e-9 ? 1 : Math.sin(t) / t);
    }

    /* Calls put(sample) for each that can be made now. */
    process(input, put) {
        this.history.set(input, this.filled);
        this.filled += input.length;
        for (; this.at + this.reach < this.filled; this.at += this.step) {
            let sum = 0;
            const first = Math.max(0, Math.ceil(this.at - this.reach));
            const last = Math.floor(this.at + this.reach);
            for (let i = first; i <= last; i++) sum += this.history[i] * this.weight(i - this.at);
            put(sum);
        }
        const gone = Math.floor(this.at) - this.reach - 1;
        if (gone > 4096) {
            this.history.copyWithin(0, gone, this.filled);
            this.filled -= gone;
            this.at -= gone;
        }
    }
}

class Recorder extends AudioWorkletProcessor {
    constructor() {
        super();
        this.resampler = sampleRate === RATE ? null : new Resampler(sampleRate);
        this.message = new Int16Array(MESSAGE);
        this.filled = 0;
        this.running = true;
        this.put = this.put.bind(this);
        this.port.onmessage = () => {
            if (!this.running) return; /* pressed twice */
            this.running = false;
            this.flush();
            this.port.postMessage(null); /* the last */
        };
    }

    put(sample) {
        this.message[this.filled++] =
            Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
        if (this.filled === MESSAGE) this.flush();
    }

    flush() {
        if (!this.filled) return;
        const message = this.message.slice(0, this.filled);
        this.filled = 0;
        this.port.postMessage(message, [message.buffer]);
    }

    process(inputs) {
        const channels = inputs[0];
        if (!this.running) return false;
        if (!channels.length) return true;
        let mono = channels[0];
        if (channels.length > 1) {
            mono = new Float32Array(channels[0].length);
            for (const channel of channels)
                for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
        }
        if (this.resampler)
            this.resampler.process(mono, this.put);
        else
            mono.forEach(this.put);
        return true;
    }
}

registerProcessor("recorder", Recorder);
