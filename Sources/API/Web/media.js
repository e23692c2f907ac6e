// One WebRTC session with the SFU (WHEP): eight sections to listen on, and one to speak on that
// stays silent until its member is on stage. A promotion then needs no new offer.

import { Meter } from "./audio.js";
import { Problem, problemOf } from "./api.js";
import { messages } from "./sse.js";

const SECTION_COUNT = 8;
const GATHERING_MILLISECONDS_MAX = 1000;
/** A connection that is interrupted often comes back by itself. */
const PATIENCE_MILLISECONDS = 3000;
const RESTART_MILLISECONDS_MAX = 6000;
const FRAGMENT = "application/trickle-ice-sdpfrag";

export class Media {
    #peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    #abort = new AbortController();
    #on;
    #resource;
    #sections = new Map();  // mid → { uid, meter, element }
    #speaking;              // the transceiver that sends
    #microphone;            // the track, while on stage
    #microphoneMeter;
    #timer;
    token;

    /** `on` has `state("connecting" | "connected" | "interrupted")`, `blocked()` when the browser
     *  lets nothing sound, and `lost()` when only a new session helps. */
    constructor(on) {
        this.#on = on;
    }

    // MARK: The session

    async open(url, token) {
        this.token = token;
        const peer = this.#peer;
        this.#on.state("connecting");
        this.#speaking = peer.addTransceiver("audio", { direction: "sendonly" });
        const listening = Array.from({ length: SECTION_COUNT }, () =>
            peer.addTransceiver("audio", { direction: "recvonly" }));
        await this.#describe();
        const response = await this.#send("POST", url, "application/sdp", peer.localDescription.sdp);
        if (response.status !== 201) throw await problemOf(response);
        this.#resource = new URL(response.headers.get("Location"), url).href;
        if (this.#isClosed) return this.#delete();  // left while the answer was on its way
        peer.addEventListener("connectionstatechange", () => this.#watch());
        await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
        // A goodbye of the server shows here long before the connection counts as failed.
        const { transport } = this.#speaking.sender;
        transport.addEventListener("statechange", () => {
            if (transport.state === "closed" && !this.#isClosed) this.#on.lost();
        });
        for (const transceiver of listening) this.#play(transceiver);
        this.#followMapping();
    }

    get #isClosed() { return this.#abort.signal.aborted; }

    /** Whether the offer was answered. */
    get isOpen() { return !this.#isClosed && this.#peer.currentRemoteDescription !== null; }

    /** Leaves the SFU; `keepalive` lets the request outlive the page. */
    close({ keepalive = false } = {}) {
        if (this.#isClosed) return;
        this.#abort.abort();
        clearTimeout(this.#timer);
        this.stopMicrophone();
        for (const { meter, element } of this.#sections.values()) {
            meter.close();
            element.remove();
        }
        this.#sections.clear();
        this.#delete(keepalive);
        this.#peer.close();
    }

    #delete(keepalive = false) {
        // The seat is given up by the API; here only the resource is freed a little sooner.
        if (this.#resource) {
            this.#send("DELETE", this.#resource, null, null, { keepalive }).catch(() => {});
        }
    }

    #send(method, url, type, body, { keepalive = false, ...more } = {}) {
        const headers = { Authorization: `Bearer ${this.token}`, ...more };
        if (type) headers["Content-Type"] = type;
        return fetch(url, { method, headers, body, keepalive }).catch(() => {
            throw new Problem(0, { title: "The media server cannot be reached" });
        });
    }

    /** Makes an offer with its candidates in it. */
    async #describe(options) {
        const peer = this.#peer;
        const gathered = new Promise((resolve) => {
            peer.addEventListener("icecandidate", ({ candidate }) => candidate ?? resolve());
            setTimeout(resolve, GATHERING_MILLISECONDS_MAX);
        });
        await peer.setLocalDescription(await peer.createOffer(options));
        await gathered;
    }

    // MARK: When the path breaks

    #watch() {
        const state = this.#peer.connectionState;
        clearTimeout(this.#timer);
        if (state === "connected") return this.#on.state("connected");
        if (state === "disconnected") {
            this.#on.state("interrupted");
            this.#timer = setTimeout(() => this.#restart(), PATIENCE_MILLISECONDS);
        } else if (state === "failed") {
            this.#on.state("interrupted");
            this.#restart();
        }
    }

    /** Asks for a new path by PATCH (RFC 9725 §4.3.2); DTLS goes on. */
    async #restart() {
        try {
            await this.#describe({ iceRestart: true });
            const response = await this.#send("PATCH", this.#resource, FRAGMENT,
                fragmentOf(this.#peer.localDescription.sdp), { "If-Match": "*" });
            if (response.status !== 200) throw await problemOf(response);
            const sdp = renewed(this.#peer.currentRemoteDescription.sdp, await response.text());
            await this.#peer.setRemoteDescription({ type: "answer", sdp });
            this.#timer = setTimeout(() => {
                if (this.#peer.connectionState !== "connected") this.#on.lost();
            }, RESTART_MILLISECONDS_MAX);
        } catch {
            // The node has forgotten us, is gone, or cannot be reached: begin anew.
            if (!this.#isClosed) this.#on.lost();
        }
    }

    // MARK: Listening

    #play({ mid, receiver }) {
        const stream = new MediaStream([receiver.track]);
        const element = new Audio();
        element.srcObject = stream;
        element.dataset.mid = mid;
        element.hidden = true;
        document.body.append(element);
        element.play().catch((error) => {
            if (error.name === "NotAllowedError") this.#on.blocked();
        });
        this.#sections.set(mid, { uid: null, meter: new Meter(stream), element });
    }

    /** After a click: the browser allows it now. */
    playAgain() {
        for (const { element } of this.#sections.values()) element.play().catch(() => {});
    }

    /** Learns who is heard on which section, now and at each change. */
    async #followMapping() {
        while (!this.#isClosed) {
            try {
                const response = await fetch(`${this.#resource}/events`, {
                    headers: { Authorization: `Bearer ${this.token}` },
                    signal: this.#abort.signal, cache: "no-store",
                });
                if (response.status === 404) return;
                if (!response.ok) throw await problemOf(response);
                for await (const message of messages(response)) {
                    if (message?.event === "mapping") this.#map(JSON.parse(message.data).sections);
                }
            } catch {
                // Rings still follow the circle's events meanwhile.
            }
            await new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS));
        }
    }

    #map(sections) {
        for (const { mid, uid } of sections) {
            const section = this.#sections.get(mid);
            if (!section) continue;
            section.uid = uid;
            if (uid === null) delete section.element.dataset.uid;
            else section.element.dataset.uid = uid;
        }
    }

    /** How loud each heard member is: uid → `{ level, isSpeaking }`. */
    levels() {
        const levels = new Map();
        for (const { uid, meter } of this.#sections.values()) {
            meter.read();
            if (uid) levels.set(uid, { level: meter.level, isSpeaking: meter.isSpeaking() });
        }
        return levels;
    }

    // MARK: Speaking

    /** Opens the microphone; throws an Error that says what a person can do about it. */
    async startMicrophone() {
        if (!navigator.mediaDevices) {
            throw new Error("Browsers give the microphone to https pages and localhost only");
        }
        const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
        let stream;
        try {
            stream = await navigator.mediaDevices.getUserMedia({ audio });
        } catch (error) {
            throw new Error(MICROPHONE_ERRORS[error.name] ?? `No microphone: ${error.message}`);
        }
        const [track] = stream.getAudioTracks();
        if (this.#isClosed) return track.stop();
        this.stopMicrophone();
        this.#microphone = track;
        this.#microphoneMeter = new Meter(stream);
        await this.#speaking.sender.replaceTrack(track);
    }

    stopMicrophone() {
        this.#microphone?.stop();
        this.#microphoneMeter?.close();
        this.#microphone = this.#microphoneMeter = undefined;
        if (!this.#isClosed) this.#speaking?.sender.replaceTrack(null).catch(() => {});
    }

    get hasMicrophone() { return this.#microphone !== undefined; }

    setMuted(isMuted) {
        if (this.#microphone) this.#microphone.enabled = !isMuted;
    }

    /** Presses or releases the button in a push-to-talk circle. */
    async setTalking(isTalking) {
        await this.#send(isTalking ? "PUT" : "DELETE", `${this.#resource}/talk`);
    }

    /** Of the own microphone. */
    microphoneLevel() {
        this.#microphoneMeter?.read();
        return {
            level: this.#microphoneMeter?.level ?? 0,
            isSpeaking: this.#microphoneMeter?.isSpeaking() ?? false,
        };
    }
}

const MICROPHONE_ERRORS = {
    NotAllowedError: "The microphone is blocked: allow it in the browser's site settings",
    NotFoundError: "No microphone was found: connect one and try again",
    NotReadableError: "The microphone is in use by another program",
};

/** The new credentials and candidates of the first section, as a fragment (RFC 8840). */
function fragmentOf(sdp) {
    const lines = sdp.split("\r\n");
    const begin = lines.findIndex((line) => line.startsWith("m="));
    const end = lines.findIndex((line, index) => index > begin && line.startsWith("m="));
    const wanted = /^(m=|a=(ice-ufrag|ice-pwd|ice-options|candidate|mid|end-of-candidates))/;
    const section = lines.slice(begin, end < 0 ? undefined : end);
    const group = lines.filter((line) => line.startsWith("a=group:BUNDLE"));
    return [...group, ...section.filter((line) => wanted.test(line)), ""].join("\r\n");
}

/** The last answer with the credentials of the fragment, and its candidates if it names any. */
function renewed(answer, fragment) {
    const lines = fragment.split(/\r?\n/);
    const line = (name) => lines.find((each) => each.startsWith(`a=${name}:`));
    const candidates = lines.filter((each) => each.startsWith("a=candidate:"));
    const kept = candidates.length ? answer.replace(/^a=candidate:.*\r\n/gm, "") : answer;
    return kept
        .replace(/^a=ice-ufrag:.*$/gm, line("ice-ufrag"))
        .replace(/^a=ice-pwd:.*$/gm, [line("ice-pwd"), ...candidates].join("\r\n"));
}
