// What hosts and co-hosts do with others.

import { api } from "./api.js";
import { nameOf, toast } from "./dom.js";
import { isOnStage } from "./room-state.js";
import { session } from "./session.js";

/** Onto the stage, or an invitation for those who did not raise a hand. */
export async function promote(circleID, uid) {
    const seat = await api.promote(circleID, uid);
    if (seat.role === "listener") toast(`${nameOf(uid)} is invited onto the stage`);
}

/** Shows what may be done with a member. */
export function offerActions(uid, circleID, state, view) {
    const member = state.members.get(uid);
    if (!member) return;
    const act = (action) => () => api.act(circleID, action, uid);
    const actions = isOnStage(member.role)
        ? [
            member.isMuted ? { label: "Ask to unmute", action: act("unmute") }
                : { label: "Mute", action: act("mute") },
            { label: "Move to the audience", action: act("demote") },
        ]
        : [{
            label: state.hands.includes(uid) ? "Promote" : "Invite to speak",
            action: () => promote(circleID, uid),
        }];
    if (state.isHost(session.uid)) {
        const isCoHost = state.isModerator(uid);
        actions.push({ label: isCoHost ? "Take co-host away" : "Make co-host",
            action: () => api.setCoHost(circleID, uid, !isCoHost) });
    }
    actions.push({ label: "Remove from the circle …", isDanger: true,
        action: () => kick(uid, circleID, view) });
    view.memberDialog(member, actions);
}

async function kick(uid, circleID, view) {
    const ban = await view.confirm({
        title: `Remove ${nameOf(uid)}?`, text: "They leave the circle at once.",
        yes: "Remove", option: "Keep them out for good" });
    if (ban !== null) await api.act(circleID, "kick", uid, { ban });
}
