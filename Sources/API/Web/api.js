// The REST API. Every failure is an Error whose message a person can read.

import { session } from "./session.js";

/** A problem document (RFC 9457). */
export class Problem extends Error {
    constructor(status, document) {
        const field = document.errors?.[0];
        super(field ? `${document.title} (${field.field} ${field.message})` : document.title);
        this.status = status;
        this.code = document.code;
    }
}

export const headers = () => ({
    "X-API-Key": session.apiKey, Authorization: `Bearer ${session.token}`,
});

/** Reads what is wrong out of an answer. */
export async function problemOf(response) {
    const document = await response.json().catch(() => ({}));
    return new Problem(response.status, {
        title: `The server answers ${response.status}`, ...document,
    });
}

async function request(method, path, body, { keepalive = false, isRetry = false } = {}) {
    const options = { method, headers: headers(), keepalive };
    if (body !== undefined) {
        options.headers["Content-Type"] = "application/json";
        options.body = JSON.stringify(body);
    }
    let response;
    try {
        response = await fetch(`/v1${path}`, options);
    } catch {
        throw new Error("The server cannot be reached");
    }
    if (response.ok) return response.status === 204 ? null : response.json();
    const problem = await problemOf(response);
    if (problem.status === 401) {
        if (!isRetry && await session.renew().catch(() => false)) {
            return request(method, path, body, { keepalive, isRetry: true });
        }
        document.dispatchEvent(new CustomEvent("signed-out", { detail: problem.message }));
    }
    throw problem;
}

const circle = (id) => `/circles/${encodeURIComponent(id)}`;

export const api = {
    list: (status, startAfter) => request("GET",
        `/circles?status=${status}&limit=50`
        + (startAfter ? `&startAfter=${encodeURIComponent(startAfter)}` : "")),
    show: (id) => request("GET", circle(id)),
    create: (draft) => request("POST", "/circles", draft),
    start: (id) => request("PATCH", circle(id), { status: "live" }),
    end: (id) => request("DELETE", circle(id)),
    join: (id) => request("POST", `${circle(id)}/join`, { deviceId: session.deviceID }),
    leave: (id, options) => request("POST", `${circle(id)}/leave`, undefined, options),
    raiseHand: (id) => request("POST", `${circle(id)}/hand-raise`),
    lowerHand: (id) => request("DELETE", `${circle(id)}/hand-raise`),
    promote: (id, uid) => request("POST", `${circle(id)}/promote`, { uid }),
    accept: (id) => request("POST", `${circle(id)}/invitation`),
    decline: (id) => request("DELETE", `${circle(id)}/invitation`),
    act: (id, action, uid, more) => request("POST", `${circle(id)}/actions`,
        { action, uid, ...more }),
    setCoHost: (id, uid, isCoHost) => request(isCoHost ? "PUT" : "DELETE",
        `${circle(id)}/co-hosts/${encodeURIComponent(uid)}`),
    /** A fresh media token for the seat that is held; never takes a new seat. */
    renewToken: (id) => request("POST", `${circle(id)}/token`),
};
