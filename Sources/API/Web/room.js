// Being in a circle: the seat, the stream of events, the media, and what the buttons do.

import { api } from "./api.js";
import { unlock } from "./audio.js";
import { announce, byID, nameOf, toast } from "./dom.js";
import { timeOf } from "./directory.js";
import { Live } from "./live.js";
import { offerActions, promote } from "./moderation.js";
import { RoomMedia } from "./room-media.js";
import { isOnStage, RoomState } from "./room-state.js";
import { RoomView } from "./room-view.js";
import { session } from "./session.js";

const LEVELS_MILLISECONDS = 100;

const view = new RoomView();

const REASONS = {
    kicked: "You were removed from this circle.",
    circleEnded: "The circle has ended.",
    replaced: "You went on in another window or device.",
    timeout: "The connection was lost for too long.",
    leaseExpired: "The connection was lost for too long.",
    left: "You have left the circle.",
};

export class Room {
    circleID;
    #exit;
    #state;
    #admission;
    #live;
    #media;
    #phase = "lobby";
    #hasSeenMyself = false;
    #isMuted = false;
    #isTalking = false;
    #levelTimer;
    #wasOnStage = false;
    #isClosed = false;

    constructor(circleID, exit) {
        this.circleID = circleID;
        this.#exit = exit;
        view.on = {
            enter: () => this.#enter(),
            hand: () => this.#toggleHand(),
            leave: () => this.leave().then(exit),
            end: () => this.#end(),
            toggleMute: () => this.#toggleMute(),
            talk: (isTalking) => this.#talk(isTalking),
            isPushToTalk: () => this.#state?.circle.micPolicy === "pushToTalk",
            promote: (uid) => promote(circleID, uid),
            member: (uid) => offerActions(uid, circleID, this.#state, view),
        };
    }

    get #me() { return session.uid; }
    get #mySeat() { return this.#state.members.get(this.#me); }

    // MARK: Coming

    /** Shows the circle; `joins` goes in at once. */
    async open({ joins }) {
        view.clearBanners();
        byID("room-body").hidden = byID("lobby").hidden = byID("controls").hidden = true;
        byID("room-title").textContent = "";
        try {
            const circle = await api.show(this.circleID);
            if (this.#isClosed) return;
            this.#state = new RoomState(circle);
            this.#showLobby();
            byID("room-title").focus();
            if (joins && circle.status === "live") await this.#enter();
        } catch (error) {
            if (this.#isClosed) return;
            toast(error.message, "error");
            this.#exit();
        }
    }

    #showLobby() {
        const { circle } = this.#state;
        if (circle.status === "live") {
            view.lobby("You will listen first; nobody hears you until you are on stage.", "Join");
        } else if (circle.status === "ended") {
            view.lobby("This circle has ended.", null);
        } else {
            view.lobby(`Starts ${timeOf(circle.startAt)}.`,
                this.#state.isModerator(this.#me) ? "Start now" : null);
        }
        this.#render();
    }

    async #enter() {
        unlock();
        if (this.#state.circle.status === "scheduled") {
            await api.start(this.circleID);
            this.#state.circle.status = "live";
        }
        const admission = await api.join(this.circleID);
        if (this.#isClosed) return api.leave(this.circleID);
        this.#phase = "in";
        this.#hasSeenMyself = false;
        this.#admission = admission;
        view.clearBanners();
        this.#media = new RoomMedia(this.circleID, view, {
            changed: () => this.#render(),
            over: (text) => this.#over(text ?? REASONS.timeout),
        });
        this.#live = new Live(this.circleID, admission.sessionId, {
            snapshot: (data) => this.#takeSnapshot(data),
            event: (name, data) => this.#takeEvent(name, data),
            state: (isConnected) => view.banner("live",
                isConnected ? null : "Live updates are interrupted. Trying again …"),
            end: (problem) => this.#over(problem.message),
        });
        this.#addMyself();
        this.#levelTimer = setInterval(() => this.#showLevels(), LEVELS_MILLISECONDS);
        this.#changed();
        await this.#media.connect(admission);
    }

    /** Until the first event comes, what joining told is all there is. */
    #addMyself() {
        const { sessionId, role } = this.#admission;
        if (!this.#mySeat) {
            this.#state.members.set(this.#me, { uid: this.#me, sessionId, role, isMuted: false });
        }
    }

    #showLevels() {
        const speaking = new Map();
        for (const { uid, isSpeaking } of this.#state.members.values()) {
            if (isSpeaking) speaking.set(uid, 0.4);
        }
        for (const [uid, { level, isSpeaking }] of this.#media.levels()) {
            if (isSpeaking) speaking.set(uid, level);
        }
        const own = this.#media.microphoneLevel();
        const isHeard = !this.#isMuted && (this.#isTalking || !view.on.isPushToTalk());
        if (own.isSpeaking && isHeard) speaking.set(this.#me, own.level);
        view.setOwnLevel(isHeard ? own.level : 0);
        view.showSpeaking(speaking);
    }

    // MARK: What happens

    #takeSnapshot(snapshot) {
        this.#state.take(snapshot);
        if (snapshot.circle.status === "ended") return this.#over(REASONS.circleEnded);
        const isHere = this.#mySeat !== undefined;
        if (!isHere && this.#hasSeenMyself) return this.#over("You are no longer in this circle.");
        // What is folded from the log may be a moment behind the join.
        if (isHere) this.#hasSeenMyself = true;
        else this.#addMyself();
        this.#changed();
    }

    #takeEvent(name, event) {
        this.#tell(name, event);
        const isMine = event.sessionId === this.#admission.sessionId;
        if (name === "memberJoined" && isMine) this.#hasSeenMyself = true;
        if (name === "memberLeft" && isMine) return this.#over(REASONS[event.reason] ?? REASONS.left);
        if (name === "circleEnded") return this.#over(REASONS.circleEnded);
        if (isMine) this.#takeMine(name, event);
        this.#state.apply(name, event);
        this.#changed();
    }

    #takeMine(name, event) {
        const who = nameOf(event.actorUid ?? "Somebody");
        const isByOther = event.actorUid && event.actorUid !== this.#me;
        if (name === "memberPromoted") {
            view.banner("invitation", null);
            toast("You are on stage: everyone hears you");
        } else if (name === "memberDemoted") {
            toast(`${who} moved you to the audience`);
        } else if (name === "memberMuted" && isByOther) {
            toast(`${who} muted you`);
        } else if (name === "memberUnmuted") {
            view.banner("unmute", null);
        } else if (name === "stageInvited") {
            this.#offerStage(who);
        } else if (name === "unmuteRequested") {
            view.banner("unmute", `${who} asks you to unmute.`,
                { label: "Unmute", isPrimary: true, action: () => this.#setMuted(false) },
                { label: "Stay muted", action: () => view.banner("unmute", null) });
        }
    }

    #offerStage(who) {
        const end = () => view.banner("invitation", null);
        view.banner("invitation", `${who} invites you onto the stage.`,
            { label: "Join the stage", isPrimary: true, action: async () => {
                unlock();
                await api.accept(this.circleID);
                end();
            } },
            { label: "Not now", action: async () => {
                await api.decline(this.circleID);
                end();
            } });
    }

    /** For those who do not see it: what others do. */
    #tell(name, { uid, sessionId }) {
        if (uid === this.#me || !uid) return;
        const who = nameOf(uid);
        const onStage = isOnStage(this.#state.members.get(uid)?.role);
        const isCurrent = this.#state.members.get(uid)?.sessionId === sessionId;
        if (name === "handRaised" && this.#state.isModerator(this.#me)) {
            announce(`${who} raised a hand`);
        } else if (name === "memberPromoted") {
            announce(`${who} is on stage`);
        } else if (name === "memberLeft" && onStage && isCurrent) {
            announce(`${who} left`);
        }
    }

    #changed() {
        const seat = this.#mySeat;
        this.#isMuted = Boolean(seat?.isMuted);
        const isOnStageNow = isOnStage(seat?.role);
        const hasMoved = isOnStageNow !== this.#wasOnStage;
        this.#wasOnStage = isOnStageNow;
        this.#render();
        // A microphone that was refused is not asked for again until the role changes.
        if (hasMoved || this.#media.hasMicrophone) this.#media.follow(isOnStageNow, this.#isMuted);
    }

    #render() {
        if (this.#isClosed) return;
        view.render({
            state: this.#state, me: this.#me, phase: this.#phase, isMuted: this.#isMuted,
            hasMicrophone: this.#media?.hasMicrophone ?? false, isTalking: this.#isTalking,
        });
    }

    // MARK: What the buttons do

    async #toggleHand() {
        if (this.#state.hands.includes(this.#me)) {
            await api.lowerHand(this.circleID);
            this.#state.lower(this.#me);
        } else {
            await api.raiseHand(this.circleID);
            this.#state.apply("handRaised", { uid: this.#me });
        }
        this.#render();
    }

    async #toggleMute() {
        if (!this.#media.hasMicrophone) return this.#media.follow(true, this.#isMuted);
        await this.#setMuted(!this.#isMuted);
    }

    async #setMuted(isMuted) {
        // At once here, whatever the network does; the SFU follows the event.
        if (isMuted) this.#media.follow(true, true);
        try {
            await api.act(this.circleID, isMuted ? "mute" : "unmute", this.#me);
            if (this.#mySeat) this.#mySeat.isMuted = isMuted;
        } finally {
            if (this.#phase === "in") this.#changed();
        }
    }

    async #talk(isTalking) {
        if (isTalking === this.#isTalking || this.#phase !== "in") return;
        this.#isTalking = isTalking;
        this.#render();
        await this.#media.setTalking(isTalking).catch((error) => toast(error.message, "error"));
    }

    async #end() {
        const answer = await view.confirm({
            title: "End the circle?", text: "Everyone leaves, and it cannot be opened again.",
            yes: "End circle" });
        if (answer === null) return;
        await api.end(this.circleID);
        this.#over(REASONS.circleEnded);
    }

    // MARK: Going

    /** Gives the seat up. */
    async leave({ keepalive = false } = {}) {
        if (this.#phase !== "in") return this.close();
        const left = api.leave(this.circleID, { keepalive });
        this.close({ keepalive });
        // Whoever cannot be told notices that the media is gone.
        await left.catch(() => {});
    }

    /** The seat is gone, and why. */
    #over(text) {
        if (this.#phase !== "in") return;
        this.#stop();
        this.#phase = "over";
        view.clearBanners();
        for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
        const canReturn = text !== REASONS.circleEnded;
        if (!canReturn) this.#state.circle = { ...this.#state.circle, status: "ended" };
        view.lobby(text, canReturn ? "Join again" : null);
        announce(text);
        this.#render();
        byID("room-title").focus();
    }

    #stop({ keepalive = false } = {}) {
        clearInterval(this.#levelTimer);
        this.#live?.close();
        this.#media?.close({ keepalive });
        this.#media = undefined;
        this.#isMuted = this.#isTalking = this.#wasOnStage = false;
    }

    /** Stops everything that runs, and leaves the seat to whoever called. */
    close(options) {
        if (this.#isClosed) return;
        if (this.#phase === "in" && !options) api.leave(this.circleID).catch(() => {});
        this.#isClosed = true;
        this.#phase = "over";
        this.#stop(options);
        document.body.classList.remove("in-room");
        byID("controls").hidden = true;
    }
}
