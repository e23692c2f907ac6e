// The stream of a circle's events, followed as long as the page is in the circle.

import { headers, Problem, problemOf } from "./api.js";
import { messages } from "./sse.js";

const BACK_OFF_MILLISECONDS_MAX = 10_000;
/** Heartbeats come every 15 seconds: after three of them the connection is dead. */
const SILENCE_MILLISECONDS_MAX = 45_000;

/** What the stream cannot recover from: the circle is gone, or not ours to see. */
const isFinal = (problem) => [403, 404, 409, 410].includes(problem.status);

export class Live {
    #abort = new AbortController();
    #circleID;
    #sessionID;
    #on;
    #lastID;

    /** `on` has `snapshot(data)`, `event(name, data)`, `state(isConnected)` and `end(problem)`. */
    constructor(circleID, sessionID, on) {
        this.#circleID = circleID;
        this.#sessionID = sessionID;
        this.#on = on;
        this.#follow();
    }

    close() {
        this.#abort.abort();
    }

    get #isClosed() { return this.#abort.signal.aborted; }

    async #follow() {
        let failures = 0;
        while (!this.#isClosed) {
            try {
                await this.#read(() => { failures = 0; });
            } catch (error) {
                if (this.#isClosed) return;
                if (error.status && isFinal(error)) return this.#on.end(error);
            }
            if (this.#isClosed) return;
            this.#on.state(false);
            failures += 1;
            const longest = Math.min(250 * 2 ** failures, BACK_OFF_MILLISECONDS_MAX);
            await this.#pause(longest * (0.5 + Math.random() / 2));
        }
    }

    async #read(alive) {
        const attempt = new AbortController();
        const stop = () => attempt.abort();
        this.#abort.signal.addEventListener("abort", stop);
        let watchdog = setTimeout(stop, SILENCE_MILLISECONDS_MAX);
        try {
            const path = `/v1/circles/${encodeURIComponent(this.#circleID)}/events`;
            const query = this.#sessionID ? `?sessionId=${this.#sessionID}` : "";
            const more = this.#lastID === undefined ? {} : { "Last-Event-ID": this.#lastID };
            const response = await fetch(path + query, {
                headers: { ...headers(), Accept: "text/event-stream", ...more },
                signal: attempt.signal, cache: "no-store",
            });
            if (!response.ok) throw await problemOf(response);
            if (response.status === 204) {
                // Nothing will come any more: whoever comes back has missed the end.
                throw new Problem(410, { title: "You are no longer in this circle" });
            }
            this.#on.state(true);
            for await (const message of messages(response)) {
                clearTimeout(watchdog);
                watchdog = setTimeout(stop, SILENCE_MILLISECONDS_MAX);
                alive();
                if (message) this.#tell(message);
                if (this.#isClosed) return;
            }
        } finally {
            clearTimeout(watchdog);
            this.#abort.signal.removeEventListener("abort", stop);
        }
    }

    #tell({ id, event, data }) {
        if (id !== undefined) this.#lastID = id;
        const value = JSON.parse(data);
        if (event === "snapshot") this.#on.snapshot(value);
        else this.#on.event(event, value);
    }

    #pause(milliseconds) {
        return new Promise((resolve) => {
            setTimeout(resolve, milliseconds);
            this.#abort.signal.addEventListener("abort", resolve, { once: true });
        });
    }
}
