// The page: who is signed in, and which of its three views is shown.
// `#/` is the directory, `#/c/ID` a circle.

import { byID, toast } from "./dom.js";
import { Directory } from "./directory.js";
import { Room } from "./room.js";
import { session } from "./session.js";

const VIEWS = ["sign-in", "directory", "room"];

const directory = new Directory((id) => open(id, { joins: true }));
let room;

function show(view) {
    for (const name of VIEWS) byID(name).hidden = name !== view;
    byID("account").hidden = !session.isSignedIn;
    byID("account-name").textContent = session.uid ?? "";
    directory.setShown(view === "directory");
}

/** Goes to a circle; `joins` where a click asked for it. */
function open(id, { joins = false } = {}) {
    const hash = `#/c/${id}`;
    if (room?.circleID !== id) {
        room?.close();
        room = new Room(id, () => { location.hash = "#/"; });
    }
    show("room");
    if (location.hash !== hash) location.hash = hash;
    room.open({ joins });
}

function route() {
    if (!session.isSignedIn) return showSignIn();
    const id = location.hash.match(/^#\/c\/([0-9a-fA-F-]{36})$/)?.[1];
    if (id) {
        if (room?.circleID !== id) open(id);
        return;
    }
    room?.close();
    room = undefined;
    document.title = "Circles";
    show("directory");
    byID("directory-title").focus();
}

// MARK: Signing in

function showSignIn(reason = "") {
    room?.close();
    room = undefined;
    show("sign-in");
    byID("field-name").hidden = !session.config.developmentSignIn;
    byID("field-token").hidden = session.config.developmentSignIn;
    byID("field-key").hidden = Boolean(session.config.apiKey);
    byID("sign-in-error").textContent = reason;
    byID(session.config.developmentSignIn ? "uid" : "token").focus();
}

async function signIn(event) {
    event.preventDefault();
    const error = byID("sign-in-error");
    error.textContent = "";
    const [uid, token, apiKey] = ["uid", "token", "api-key"].map((id) => byID(id).value.trim());
    try {
        if (!session.config.apiKey && !apiKey) throw new Error("Enter an API key");
        if (session.config.developmentSignIn) {
            if (!/^[!-~]+$/.test(uid)) {
                throw new Error("Enter a name of letters and digits without spaces");
            }
            await session.signInAs(uid, apiKey);
        } else {
            session.signInWith(token, apiKey);
        }
    } catch (failure) {
        error.textContent = failure.message;
        return;
    }
    route();
}

byID("sign-in-form").addEventListener("submit", signIn);
byID("sign-out").addEventListener("click", () => {
    room?.leave();
    session.signOut();
    location.hash = "#/";
    showSignIn();
});
document.addEventListener("signed-out", ({ detail }) => {
    if (!session.isSignedIn) return;  // told already, by another request
    session.signOut();
    showSignIn(detail);
});

// MARK: The rest

for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
        // A click beside the dialog hits the dialog's own backdrop.
        if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
}
document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
    // The policy names the nodes that lived when the page was loaded.
    if (effectiveDirective === "connect-src") {
        toast("This circle lives on a new media node: reload the page", "error");
    }
});
addEventListener("hashchange", route);
addEventListener("pagehide", () => room?.leave({ keepalive: true }));
// A page that comes back from the browser's memory has left its circle.
addEventListener("pageshow", ({ persisted }) => { if (persisted && room) location.reload(); });

try {
    await session.load();
    route();
} catch (failure) {
    showSignIn(failure.message);
}
