// What a circle's snapshot and events add up to. Plain values: no document, no network.

const STAGE_ORDER = { host: 0, coHost: 1, speaker: 2 };

export const isOnStage = (role) => role in STAGE_ORDER;

export class RoomState {
    circle = null;
    members = new Map();  // uid → { uid, sessionId, role, isMuted, isConnected, isSpeaking }
    hands = [];           // uids, first come first

    constructor(circle) {
        this.circle = circle;
    }

    get stage() {
        return [...this.members.values()].filter((member) => isOnStage(member.role))
            .sort((left, right) => STAGE_ORDER[left.role] - STAGE_ORDER[right.role]
                || (left.joinedAt ?? "").localeCompare(right.joinedAt ?? ""));
    }

    get audience() {
        return [...this.members.values()].filter((member) => !isOnStage(member.role));
    }

    isHost(uid) { return this.circle?.hostUid === uid; }

    isModerator(uid) {
        return this.isHost(uid) || (this.circle?.coHostUids ?? []).includes(uid);
    }

    take({ circle, members, hands }) {
        this.circle = circle;
        this.members = new Map(members.map((member) => [member.uid, { ...member }]));
        this.hands = [...hands].sort((left, right) => left.position - right.position)
            .map((hand) => hand.uid);
    }

    /** Applies one event of the stream; those that change nothing here are passed over. */
    apply(name, event) {
        const change = CHANGES[name];
        if (!change) return;
        const member = this.members.get(event.uid);
        // An event of an old session never touches a newer one.
        if (event.sessionId && name !== "memberJoined" && member?.sessionId !== event.sessionId) {
            return;
        }
        change(this, event, member);
    }

    lower(uid) {
        this.hands = this.hands.filter((each) => each !== uid);
    }
}

const set = (values) => (state, event, member) => {
    if (member) Object.assign(member, values);
};

const CHANGES = {
    circleUpdated: (state, { circle }) => { state.circle = { ...state.circle, ...circle }; },
    circleStarted: (state) => { state.circle = { ...state.circle, status: "live" }; },
    circleEnded: (state) => { state.circle = { ...state.circle, status: "ended" }; },
    memberJoined(state, { uid, sessionId, role, occurredAt }) {
        state.lower(uid);
        state.members.set(uid, {
            uid, sessionId, role, isMuted: false, isConnected: false, isSpeaking: false,
            joinedAt: occurredAt });
    },
    memberLeft(state, { uid }) {
        state.members.delete(uid);
        state.lower(uid);
    },
    memberPromoted: (state, { role }, member) => {
        if (member) Object.assign(member, { role, isInvited: false });
    },
    memberRoleChanged: (state, { role }, member) => { if (member) member.role = role; },
    memberDemoted: (state, { role }, member) => {
        if (member) Object.assign(member, { role, isMuted: false, isSpeaking: false });
    },
    memberMuted: set({ isMuted: true, isSpeaking: false }),
    memberUnmuted: set({ isMuted: false }),
    stageInvited: set({ isInvited: true }),
    stageInviteDeclined: set({ isInvited: false }),
    handRaised(state, { uid }) {
        if (!state.hands.includes(uid)) state.hands.push(uid);
    },
    handLowered: (state, { uid }) => state.lower(uid),
    mediaConnected: set({ isConnected: true }),
    mediaDisconnected: set({ isConnected: false, isSpeaking: false }),
    speakingStarted: set({ isSpeaking: true }),
    speakingStopped: set({ isSpeaking: false }),
    nodeSnapshot(state, { members }) {
        const present = new Map(members.map((member) => [member.sessionId, member]));
        for (const member of state.members.values()) {
            const seen = present.get(member.sessionId);
            member.isConnected = Boolean(seen);
            member.isSpeaking = Boolean(seen?.isSpeaking);
        }
    },
};
