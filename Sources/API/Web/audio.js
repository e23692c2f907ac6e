// Sound in the page: the context that a click unlocks, and how loud something is.

let context;

/** To be called in a click, before anything is awaited: browsers let no page sound otherwise. */
export function unlock() {
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume();
}

const SAMPLE_COUNT = 1024;
const FLOOR_DBFS = -60;
/** What counts as speech rather than a room's noise. */
const SPEECH_DBFS = -45;
/** A ring stays on through the gaps between words. */
const HOLD_MILLISECONDS = 350;

/** Measures one stream. */
export class Meter {
    #samples = new Float32Array(SAMPLE_COUNT);
    #analyser;
    #source;
    #spokeAt = -Infinity;
    /** 0 to 1, of what is between the floor and full scale. */
    level = 0;

    constructor(stream) {
        unlock();
        this.#analyser = new AnalyserNode(context, { fftSize: SAMPLE_COUNT });
        this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
        this.#source.connect(this.#analyser);
    }

    /** Reads the last 21 ms. */
    read(now = performance.now()) {
        this.#analyser.getFloatTimeDomainData(this.#samples);
        const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0);
        const dbfs = 10 * Math.log10(power / SAMPLE_COUNT + 1e-12);
        this.level = Math.min(1, Math.max(0, (dbfs - FLOOR_DBFS) / -FLOOR_DBFS));
        if (dbfs > SPEECH_DBFS) this.#spokeAt = now;
    }

    isSpeaking(now = performance.now()) {
        return now - this.#spokeAt < HOLD_MILLISECONDS;
    }

    close() {
        this.#source.disconnect();
    }
}
