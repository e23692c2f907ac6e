// The media of a seat that is held: connected, kept connected, and its microphone following the
// role. One session after another of `media.js`.

import { api } from "./api.js";
import { unlock } from "./audio.js";
import { Media } from "./media.js";

/** A media token is made anew so long before it ends. */
const RENEWAL_MILLISECONDS = 60_000;
/** The end of a seat is often told by its media first, and by its event a moment later. */
const GOODBYE_MILLISECONDS = 800;
const RETRY_MILLISECONDS_MAX = 10_000;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class RoomMedia {
    #circleID;
    #view;
    #on;
    #media;
    #renewalTimer;
    #isReconnecting = false;
    #isOpening = false;     // the microphone: the browser may be asking its person
    #isSpeaker = false;
    #isMuted = false;
    #isClosed = false;

    /** `on` has `changed()`, and `over(text)` when the seat turns out to be gone. */
    constructor(circleID, view, on) {
        this.#circleID = circleID;
        this.#view = view;
        this.#on = on;
    }

    get hasMicrophone() { return this.#media?.hasMicrophone ?? false; }

    /** Opens the media of an admission; banners tell how it goes. */
    async connect(admission) {
        this.#planRenewal(admission);
        if (!admission.whepUrl) {
            return this.#offerRetry("There is no media node for this circle: you cannot hear it here.");
        }
        const media = new Media({
            state: (state) => this.#view.banner("media",
                state === "interrupted" ? "The sound is interrupted. Reconnecting …" : null),
            blocked: () => this.#askForTap(media),
            lost: () => this.#reconnect(media),
        });
        this.#media = media;
        try {
            await media.open(admission.whepUrl, admission.token);
            await this.#follow();
        } catch (error) {
            if (this.#isClosed || this.#media !== media) return;
            media.close();
            this.#offerRetry(`No sound: ${error.message}.`);
        }
    }

    #offerRetry(text) {
        this.#view.banner("media", text, { label: "Try again", action: () => this.#reconnect() });
    }

    #askForTap(media) {
        this.#view.banner("sound", "Your browser waits for a tap before it plays sound.",
            { label: "Listen", isPrimary: true, action: () => {
                unlock();
                media.playAgain();
                this.#view.banner("sound", null);
            } });
    }

    /** Begins anew with the seat that is held; `lost` is the session that broke. */
    async #reconnect(lost) {
        if (this.#isReconnecting || this.#isClosed || lost && lost !== this.#media) return;
        this.#isReconnecting = true;
        this.#media?.close();
        let wait = GOODBYE_MILLISECONDS;
        let admission;
        while (!admission) {
            await pause(wait);
            if (this.#isClosed) return;
            this.#view.banner("media", "The sound is interrupted. Reconnecting …");
            try {
                admission = await api.renewToken(this.#circleID);
            } catch (error) {
                if (this.#isClosed) return;
                if (error.code === "not_a_member") return this.#on.over(null);
                if ([403, 404, 409].includes(error.status)) return this.#on.over(error.message);
            }
            wait = Math.min(wait * 2, RETRY_MILLISECONDS_MAX);
        }
        this.#isReconnecting = false;
        if (this.#isClosed) return;
        this.#view.banner("media", null);
        await this.connect(admission);
    }

    #planRenewal({ tokenExpiresAt }) {
        clearTimeout(this.#renewalTimer);
        const left = Date.parse(tokenExpiresAt) - Date.now() - RENEWAL_MILLISECONDS;
        this.#renewalTimer = setTimeout(async () => {
            try {
                const admission = await api.renewToken(this.#circleID);
                if (this.#isClosed) return;
                if (this.#media) this.#media.token = admission.token;
                this.#planRenewal(admission);
            } catch {
                // The media goes on without it; a reconnection asks for one of its own.
            }
        }, Math.max(left, 1000));
    }

    // MARK: Speaking

    /** Opens the microphone on stage, closes it in the audience, and mutes it. */
    follow(isSpeaker, isMuted) {
        this.#isSpeaker = isSpeaker;
        this.#isMuted = isMuted;
        this.#media?.setMuted(isMuted);
        return this.#follow();
    }

    async #follow() {
        const media = this.#media;
        if (!media?.isOpen || this.#isOpening || this.#isSpeaker === media.hasMicrophone) return;
        if (!this.#isSpeaker) {
            media.stopMicrophone();
            this.#view.banner("microphone", null);
            return this.#on.changed();
        }
        this.#isOpening = true;
        try {
            await media.startMicrophone();
            media.setMuted(this.#isMuted);
            this.#view.banner("microphone", null);
        } catch (error) {
            // Not asked again by itself: every event of the circle would.
            this.#isSpeaker = false;
            this.#view.banner("microphone", `${error.message}.`,
                { label: "Try again", action: () => this.follow(true, this.#isMuted) });
        } finally {
            this.#isOpening = false;
        }
        // The role may have changed while the browser asked.
        if (!this.#isSpeaker) media.stopMicrophone();
        this.#on.changed();
    }

    async setTalking(isTalking) {
        await this.#media?.setTalking(isTalking);
    }

    // MARK: Levels

    levels() { return this.#media?.levels() ?? new Map(); }

    microphoneLevel() {
        return this.#media?.microphoneLevel() ?? { level: 0, isSpeaking: false };
    }

    close(options) {
        this.#isClosed = true;
        clearTimeout(this.#renewalTimer);
        this.#media?.close(options);
        this.#media = undefined;
    }
}
