// How a circle looks. Knows the document and the state, and nothing of network or media.

import { avatar, breakable, byID, h, icon, nameOf, run, setText, sync } from "./dom.js";
import { isOnStage } from "./room-state.js";

const ROLES = { host: "Host", coHost: "Co-host", speaker: "Speaker", listener: "Listener" };

export class RoomView {
    /** Set by the room that is shown: `promote(uid)`, `members(uid)`, … */
    on = {};

    constructor() {
        for (const id of ["hand", "leave", "end"]) {
            byID(id).addEventListener("click", ({ currentTarget }) =>
                run(currentTarget, () => this.on[id]()));
        }
        byID("lobby-button").addEventListener("click", ({ currentTarget }) =>
            run(currentTarget, () => this.on.enter()));
        this.#bindMicrophone();
    }

    /** A click mutes and unmutes; in a push-to-talk circle the button is held. */
    #bindMicrophone() {
        const button = byID("microphone");
        button.addEventListener("click", () => {
            if (!this.on.isPushToTalk()) run(button, () => this.on.toggleMute());
        });
        const hold = (isTalking) => {
            if (this.on.isPushToTalk()) this.on.talk(isTalking);
        };
        button.addEventListener("pointerdown", (event) => {
            button.setPointerCapture(event.pointerId);
            hold(true);
        });
        for (const name of ["pointerup", "pointercancel", "blur"]) {
            button.addEventListener(name, () => hold(false));
        }
        const isPress = ({ key, repeat }) => !repeat && (key === " " || key === "Enter");
        button.addEventListener("keydown", (event) => { if (isPress(event)) hold(true); });
        button.addEventListener("keyup", (event) => { if (isPress(event)) hold(false); });
    }

    // MARK: All of it

    /** `phase` is "lobby", "in" or "over". */
    render({ state, me, phase, isMuted, hasMicrophone, isTalking }) {
        const { circle } = state;
        this.#head(state, me, phase);
        byID("room-body").hidden = phase !== "in";
        byID("controls").hidden = phase !== "in";
        byID("lobby").hidden = phase === "in";
        document.body.classList.toggle("in-room", phase === "in");
        if (phase !== "in") return;
        const isModerator = state.isModerator(me);
        const [stage, audience] = [state.stage, state.audience];
        setText(byID("stage-title"), `On stage (${stage.length})`);
        setText(byID("audience-title"), `Listening (${audience.length})`);
        this.#people("stage", stage, state, me);
        this.#people("audience", audience, state, me);
        byID("audience-empty").hidden = audience.length > 0;
        byID("hands-panel").hidden = !isModerator;
        if (isModerator) this.#hands(state.hands);
        this.#bar({ state, me, isMuted, hasMicrophone, isTalking,
            isPushToTalk: circle.micPolicy === "pushToTalk" });
        const open = byID("member");
        if (open.open && !state.members.has(open.dataset.uid)) open.close();
    }

    #head({ circle, members }, me, phase) {
        setText(byID("room-title"), circle.title);
        document.title = `${circle.title} · Circles`;
        const badge = byID("room-badge");
        setText(badge, { live: "Live", ended: "Ended" }[circle.status] ?? "Scheduled");
        badge.classList.toggle("live", circle.status === "live");
        const parts = [circle.category, circle.privacy === "public" ? "" : circle.privacy,
            `hosted by ${circle.hostUid === me ? "you" : nameOf(circle.hostUid)}`];
        setText(byID("room-meta"), parts.filter(Boolean).join(" · "));
        byID("end").hidden = phase !== "in" || circle.hostUid !== me;
    }

    #people(id, members, state, me) {
        const canTouch = (uid) => uid !== me && state.isModerator(me)
            && !(state.isHost(uid) || state.isModerator(uid) && !state.isHost(me));
        sync(byID(id), members, ({ uid }) => `${uid} ${canTouch(uid)}`,
            ({ uid }) => this.#tile(uid, me, canTouch(uid)),
            (item, member) => this.#updateTile(item, member, state));
    }

    #tile(uid, me, canTouch) {
        const name = nameOf(uid) + (uid === me ? " (you)" : "");
        const parts = [
            h("span", { class: "face" }, avatar(uid), h("span", { class: "mark" })),
            h("span", { class: "name" }, ...breakable(name)),
            h("span", { class: "visually-hidden states", id: `states-${uid}` })];
        const open = () => this.on.member(uid);
        return h("li", { "data-uid": uid, class: "member" }, canTouch
            ? h("button", { class: "tile", onclick: open, "aria-haspopup": "dialog",
                "aria-label": name, "aria-describedby": `states-${uid}` }, ...parts)
            : h("div", { class: "tile" }, ...parts));
    }

    #updateTile(item, member, state) {
        const hasHand = state.hands.includes(member.uid);
        const { classList } = item;
        const isMuted = isOnStage(member.role) && member.isMuted;
        classList.toggle("is-muted", isMuted);
        classList.toggle("is-host", member.role === "host" || member.role === "coHost");
        classList.toggle("has-hand", hasHand);
        if (isMuted) this.setSpeaking(item, false, 0);
        const mark = isMuted ? "mic-off" : hasHand ? "hand" : classList.contains("is-host") ? "star" : "";
        const element = item.querySelector(".mark");
        if (element.dataset.mark !== mark) {
            element.dataset.mark = mark;
            element.replaceChildren(...(mark ? [icon(mark)] : []));
        }
        const words = [member.role === "host" ? "host" : member.role === "coHost" ? "co-host" : "",
            isMuted ? "muted" : "", hasHand ? "hand raised" : "",
            classList.contains("is-speaking") ? "speaking" : ""];
        setText(item.querySelector(".states"), words.filter(Boolean).map((word) => `, ${word}`).join(""));
    }

    #hands(hands) {
        byID("hands-empty").hidden = hands.length > 0;
        setText(byID("hands-title"), `Raised hands (${hands.length})`);
        sync(byID("hands"), hands, (uid) => uid, (uid) => h("li", { "data-uid": uid },
            avatar(uid), h("span", { class: "name" }, nameOf(uid)),
            h("button", { class: "primary small", "aria-label": `Promote ${nameOf(uid)}`,
                onclick: ({ currentTarget }) => run(currentTarget, () => this.on.promote(uid)) },
            "Promote")), () => {});
    }

    // MARK: The bar at the bottom

    #bar({ state, me, isMuted, hasMicrophone, isTalking, isPushToTalk }) {
        const role = state.members.get(me)?.role ?? "listener";
        const hand = byID("hand");
        const hasHand = state.hands.includes(me);
        hand.hidden = isOnStage(role);
        hand.setAttribute("aria-pressed", hasHand);
        setText(hand.querySelector(".control-label"), hasHand ? "Lower hand" : "Raise hand");
        const microphone = byID("microphone");
        microphone.hidden = !isOnStage(role);
        const isOff = isPushToTalk ? !isTalking : isMuted || !hasMicrophone;
        microphone.classList.toggle("off", isOff);
        microphone.setAttribute("aria-pressed", isOff);
        const label = isPushToTalk ? (isTalking ? "Talking" : "Hold to talk")
            : !hasMicrophone ? "Use microphone" : isMuted ? "Unmute" : "Mute";
        setText(microphone.querySelector(".control-label"), label);
        // The label says what a press does, so the pressed state would say it twice.
        if (!isPushToTalk) microphone.removeAttribute("aria-pressed");
        const use = microphone.querySelector("use");
        use.setAttribute("href", isOff ? "#icon-mic-off" : "#icon-mic");
    }

    setOwnLevel(level) {
        byID("microphone").style.setProperty("--level", level.toFixed(2));
    }

    // MARK: Speaking

    /** Lights the rings: `speaking` is a map from uid to a level from 0 to 1. */
    showSpeaking(speaking) {
        for (const item of byID("stage").children) {
            const level = speaking.get(item.dataset.uid);
            this.setSpeaking(item, level !== undefined, level ?? 0);
        }
    }

    setSpeaking(item, isSpeaking, level) {
        const shown = isSpeaking && !item.classList.contains("is-muted");
        item.style.setProperty("--level", (shown ? level : 0).toFixed(2));
        if (item.classList.contains("is-speaking") === shown) return;
        item.classList.toggle("is-speaking", shown);
        const states = item.querySelector(".states");
        setText(states, states.textContent.replace(", speaking", "") + (shown ? ", speaking" : ""));
    }

    // MARK: Before and after

    lobby(text, button) {
        setText(byID("lobby-text"), text);
        byID("lobby-button").hidden = !button;
        setText(byID("lobby-button"), button ?? "");
    }

    // MARK: Dialogs and banners

    /** Shows a line that asks for something. One for each key; `null` takes it away. */
    banner(key, text, ...buttons) {
        const banners = byID("banners");
        const old = banners.querySelector(`[data-key="${key}"]`);
        if (text === null) return old?.remove();
        const element = h("div", { class: "banner", role: "alert", "data-key": key },
            h("p", {}, text), ...buttons.map(({ label, action, isPrimary }) => h("button", {
                class: isPrimary ? "primary small" : "quiet small",
                onclick: ({ currentTarget }) => run(currentTarget, action) }, label)));
        if (old) old.replaceWith(element);
        else banners.append(element);
        return element;
    }

    clearBanners() {
        byID("banners").replaceChildren();
    }

    /** What may be done with a member: `actions` are `{ label, action, isDanger }`. */
    memberDialog(member, actions) {
        const dialog = byID("member");
        dialog.dataset.uid = member.uid;
        byID("member-avatar").replaceChildren(avatar(member.uid));
        setText(byID("member-title"), nameOf(member.uid));
        setText(byID("member-role"), ROLES[member.role] + (member.isMuted ? ", muted" : ""));
        byID("member-actions").replaceChildren(...actions.map(({ label, action, isDanger }) =>
            h("button", { class: isDanger ? "menu-item danger-text" : "menu-item", onclick: () => {
                dialog.close();
                run(null, action);
            } }, label)));
        dialog.showModal();
    }

    /** Resolves to `null`, or to whether the option was checked. */
    confirm({ title, text, yes, option }) {
        const dialog = byID("confirm");
        setText(byID("confirm-title"), title);
        setText(byID("confirm-text"), text);
        setText(byID("confirm-yes"), yes);
        byID("confirm-option").hidden = !option;
        setText(byID("confirm-check-label"), option ?? "");
        byID("confirm-check").checked = false;
        dialog.showModal();
        return new Promise((resolve) => {
            let answer = null;
            byID("confirm-yes").onclick = () => {
                answer = byID("confirm-check").checked;
                dialog.close();
            };
            dialog.addEventListener("close", () => resolve(answer), { once: true });
        });
    }
}
