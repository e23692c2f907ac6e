// Small tools for the document: elements, icons, avatars, and what is said to the person.

/** Makes an element. Properties beginning with "on" are listeners, `class` and `data-`, `aria-`
 *  names are attributes, the rest are properties. */
export function h(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined || value === null) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (name in element && !name.includes("-")) element[name] = value;
        else element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

export const byID = (id) => document.getElementById(id);

/** One of the symbols of index.html. It says nothing to a screen reader: its neighbour does. */
export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#icon-${name}`);
    svg.append(use);
    return svg;
}

export const hidden = (text) => h("span", { class: "visually-hidden" }, text);

/** A uid as people read it. */
export const nameOf = (uid) => uid.split("@")[0] || uid;

/** A name that breaks where its parts meet, if it must. */
export const breakable = (name) => name.split(/(?<=[._-])/).flatMap((part, index) =>
    index ? [h("wbr"), part] : [part]);

function initialsOf(uid) {
    const words = nameOf(uid).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
    const letters = words.length > 1 ? words[0][0] + words[1][0] : (words[0] ?? "?").slice(0, 2);
    return letters.toUpperCase();
}

/** Always the same hue for the same uid (FNV-1a). */
function hueOf(uid) {
    let hash = 2166136261;
    for (const letter of uid) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
    return (hash >>> 0) % 360;
}

export function avatar(uid) {
    const element = h("span", { class: "avatar", "aria-hidden": "true" }, initialsOf(uid));
    element.style.setProperty("--hue", hueOf(uid));
    return element;
}

/** Makes a list's children those of `items`, keeping the elements that stay: focus and
 *  animations survive. */
export function sync(list, items, keyOf, create, update) {
    const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
    let place = list.firstElementChild;
    for (const item of items) {
        const key = keyOf(item);
        let element = known.get(key);
        known.delete(key);
        if (!element) {
            element = create(item);
            element.dataset.key = key;
        }
        update(element, item);
        if (element === place) place = place.nextElementSibling;
        else list.insertBefore(element, place);
    }
    for (const element of known.values()) element.remove();
}

/** Sets text only where it differs, so that a screen reader hears changes alone. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

const TOAST_MILLISECONDS = 6000;
const TOAST_COUNT_MAX = 3;

/** Shows a line for a while. `kind` is "error" or "info". */
export function toast(text, kind = "info") {
    const toasts = byID("toasts");
    const close = h("button", { class: "icon-button", "aria-label": "Dismiss" }, icon("close"));
    const element = h("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : null },
        h("p", {}, text), close);
    close.addEventListener("click", () => element.remove());
    toasts.append(element);
    while (toasts.children.length > TOAST_COUNT_MAX) toasts.firstElementChild.remove();
    setTimeout(() => element.remove(), TOAST_MILLISECONDS);
}

/** Says something to screen readers only. */
export function announce(text) {
    const line = h("p", {}, text);
    const announcer = byID("announcer");
    announcer.append(line);
    while (announcer.children.length > TOAST_COUNT_MAX) announcer.firstElementChild.remove();
}

/** Runs a command of a button: one at a time, and what goes wrong is told. */
export async function run(button, command) {
    if (button?.getAttribute("aria-busy") === "true") return undefined;
    button?.setAttribute("aria-busy", "true");
    try {
        return await command();
    } catch (error) {
        toast(error.message, "error");
        return undefined;
    } finally {
        button?.removeAttribute("aria-busy");
    }
}
