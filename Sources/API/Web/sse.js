// Server-sent events over fetch: EventSource cannot send headers.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2.6

/** The messages of a response as they come: `{ id, event, data }`; `null` for each piece that
 *  arrived, so that a reader can tell a quiet stream from a dead one. */
export async function* messages(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let message = { data: [] };
    while (true) {
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        for (const line of lines) {
            if (line !== "") {
                take(line, message);
            } else {
                if (message.data.length) yield { ...message, data: message.data.join("\n") };
                message = { data: [] };
            }
        }
        yield null;
    }
}

function take(line, message) {
    const colon = line.indexOf(":");
    if (colon === 0) return;  // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") message.data.push(value);
    else if (field === "event") message.event = value;
    else if (field === "id") message.id = value;
}
