// The list of circles, and the dialog that starts one.

import { api } from "./api.js";
import { unlock } from "./audio.js";
import { avatar, byID, h, hidden, icon, nameOf, run, setText, sync } from "./dom.js";

const REFRESH_MILLISECONDS = 4000;

export class Directory {
    #open;
    #timer;
    #circles = { live: [], scheduled: [] };
    #more = [];           // further pages of live circles, loaded on request
    #nextCursor;
    #hasLoaded = false;

    /** `open(id)` goes into a circle. */
    constructor(open) {
        this.#open = open;
        byID("create-open").prepend(icon("plus"));
        byID("create-open").addEventListener("click", () => this.#showCreate());
        byID("create-form").addEventListener("submit", (event) => this.#create(event));
        byID("privacy").addEventListener("change", ({ target }) => {
            byID("field-invited").hidden = target.value === "public";
        });
        byID("start-at").addEventListener("input", ({ target }) => {
            byID("create-form").querySelector("[type=submit]").textContent =
                target.value ? "Schedule" : "Go live";
        });
        byID("search").addEventListener("input", () => this.#render());
        byID("more").addEventListener("click", ({ currentTarget }) =>
            run(currentTarget, () => this.#loadMore()));
        document.addEventListener("visibilitychange", () => {
            if (this.#timer && !document.hidden) this.#refresh();
        });
    }

    setShown(isShown) {
        clearInterval(this.#timer);
        this.#timer = undefined;
        if (!isShown) return;
        this.#more = [];
        this.#timer = setInterval(() => {
            if (!document.hidden) this.#refresh();
        }, REFRESH_MILLISECONDS);
        this.#refresh();
    }

    async #refresh() {
        try {
            const [live, scheduled] = await Promise.all([api.list("live"), api.list("scheduled")]);
            this.#circles = { live: live.circles, scheduled: scheduled.circles };
            if (!this.#more.length) this.#nextCursor = live.nextCursor;
            this.#hasLoaded = true;
            this.#render();
        } catch (error) {
            this.#sayEmpty(error.message);
        }
    }

    async #loadMore() {
        const page = await api.list("live", this.#nextCursor);
        this.#more.push(...page.circles);
        this.#nextCursor = page.nextCursor;
        this.#render();
    }

    #sayEmpty(text) {
        const empty = byID("live-empty");
        empty.hidden = !text;
        setText(empty, text ?? "");
    }

    #render() {
        const wanted = byID("search").value.trim().toLowerCase();
        const matches = ({ title, category }) =>
            `${title} ${category}`.toLowerCase().includes(wanted);
        const known = new Set(this.#circles.live.map((circle) => circle.circleId));
        const live = [...this.#circles.live,
            ...this.#more.filter((circle) => !known.has(circle.circleId))].filter(matches);
        // The next one comes first.
        const scheduled = this.#circles.scheduled.filter(matches)
            .sort((left, right) => left.startAt.localeCompare(right.startAt));
        for (const [name, circles] of [["live", live], ["scheduled", scheduled]]) {
            sync(byID(`${name}-list`), circles, (circle) => circle.circleId,
                (circle) => this.#card(circle), updateCard);
        }
        byID("scheduled-part").hidden = scheduled.length === 0;
        byID("more").hidden = !this.#nextCursor;
        if (live.length) this.#sayEmpty(null);
        else if (wanted) this.#sayEmpty("No live circle matches.");
        else if (this.#hasLoaded) this.#sayEmpty("It is quiet. Start a circle and bring someone in.");
    }

    #card(circle) {
        const { circleId, hostUid } = circle;
        return h("li", {},
            h("button", { class: "card circle", onclick: () => {
                unlock();
                this.#open(circleId);
            } },
                h("span", { class: "circle-meta" }),
                h("span", { class: "circle-title" }),
                h("span", { class: "circle-foot" },
                    avatar(hostUid),
                    h("span", { class: "circle-host" }, hidden("Host: "), nameOf(hostUid)),
                    h("span", { class: "circle-count" }))));
    }

    // MARK: Starting one

    #showCreate() {
        const form = byID("create-form");
        form.reset();
        byID("create-error").textContent = "";
        byID("field-invited").hidden = true;
        form.querySelector("[type=submit]").textContent = "Go live";
        byID("create").showModal();
        byID("title").focus();
    }

    async #create(event) {
        event.preventDefault();
        unlock();
        const form = event.target;
        const value = (name) => form.elements[name].value.trim();
        const draft = { title: value("title"), privacy: value("privacy"),
            micPolicy: value("micPolicy") };
        if (value("category")) draft.category = value("category");
        if (value("startAt")) draft.startAt = new Date(value("startAt")).toISOString();
        if (draft.privacy !== "public") {
            draft.invitedUids = value("invited").split(/[\s,]+/).filter(Boolean);
        }
        const error = byID("create-error");
        error.textContent = "";
        if (!draft.title) {
            error.textContent = "Give it a title";
            return byID("title").focus();
        }
        const button = form.querySelector("[type=submit]");
        await run(button, async () => {
            try {
                const { circleId, status } = await api.create(draft);
                byID("create").close();
                if (status === "live") this.#open(circleId);
                else this.#refresh();
            } catch (problem) {
                error.textContent = problem.message;
            }
        });
    }
}

const TIME = new Intl.DateTimeFormat(undefined, {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const timeOf = (text) => TIME.format(new Date(text));

function updateCard(item, circle) {
    const { status, category, title, privacy, startAt, speakerCount, listenerCount } = circle;
    const [meta, name, foot] = item.firstElementChild.children;
    const isLive = status === "live";
    const label = isLive ? "Live" : timeOf(startAt);
    const key = [label, category, privacy].join("\n");
    if (meta.dataset.shown !== key) {
        meta.dataset.shown = key;
        meta.replaceChildren(
            h("span", { class: isLive ? "badge live" : "badge" }, label),
            ...(category ? [h("span", { class: "category" }, category)] : []),
            ...(privacy === "public" ? [] : [icon("lock"), hidden(privacy)]));
    }
    setText(name, title);
    const count = foot.lastElementChild;
    const number = (speakerCount ?? 0) + (listenerCount ?? 0);
    if (count.dataset.shown !== `${number}`) {
        count.dataset.shown = `${number}`;
        const words = isLive ? [icon("people"), `${number}`, hidden(number === 1 ? " person" : " people")] : [];
        count.replaceChildren(...words);
    }
}
