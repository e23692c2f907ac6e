// Who is signed in, in this tab: two tabs may be two people.

const KEY = "circles.session";
const DEVICE_KEY = "circles.device";

function stored() {
    try {
        return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    } catch {
        return {};
    }
}

class Session {
    #values = stored();
    /** What `/web/config` says. */
    config = { developmentSignIn: false };

    get uid() { return this.#values.uid; }
    get token() { return this.#values.token; }
    get apiKey() { return this.config.apiKey ?? this.#values.apiKey; }

    /** Of this tab: the same after a reload. Whoever joins in another one moves there. */
    get deviceID() {
        let id = sessionStorage.getItem(DEVICE_KEY);
        if (!id) {
            id = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36))
                .join("-");
            sessionStorage.setItem(DEVICE_KEY, id);
        }
        return id;
    }

    get isSignedIn() { return Boolean(this.token && this.apiKey && this.uid); }

    async load() {
        const response = await fetch("/web/config");
        if (!response.ok) throw new Error("The server does not answer; try again in a moment");
        this.config = await response.json();
    }

    /** By name, with the development secret of the server. */
    async signInAs(uid, apiKey) {
        const response = await fetch("/web/sign-in", {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ uid }),
        });
        const body = await response.json();
        if (!response.ok) throw new Error(body.errors?.[0]?.message ?? body.title);
        this.#set({ uid, token: body.token, apiKey, isDevelopment: true });
    }

    /** With an ID token that somebody else signed. */
    signInWith(token, apiKey) {
        const uid = claims(token).sub;
        if (!uid) throw new Error("That is not an ID token");
        this.#set({ uid, token, apiKey });
    }

    /** Makes a new token where that needs nobody; returns whether it did. */
    async renew() {
        if (!this.#values.isDevelopment) return false;
        await this.signInAs(this.uid, this.#values.apiKey);
        return true;
    }

    signOut() {
        this.#set({});
    }

    #set(values) {
        this.#values = values;
        sessionStorage.setItem(KEY, JSON.stringify(values));
    }
}

/** The claims of a JWT, unverified: the server judges it. */
function claims(token) {
    try {
        const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
        return JSON.parse(new TextDecoder().decode(
            Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0))));
    } catch {
        return {};
    }
}

export const session = new Session();
