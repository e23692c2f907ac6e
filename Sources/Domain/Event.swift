/// One thing that happened in one circle.
public struct Event: Sendable, Hashable {
    public var eventID: EventID
    public var circleID: CircleID
    public var position: SourcePosition
    public var occurredAt: Timestamp
    public var payload: Payload

    public init(
        eventID: EventID, circleID: CircleID, position: SourcePosition, occurredAt: Timestamp,
        payload: Payload
    ) {
        self.eventID = eventID
        self.circleID = circleID
        self.position = position
        self.occurredAt = occurredAt
        self.payload = payload
    }

    /// A member and the session that the event speaks of: an event of an old session never
    /// touches a newer one.
    public struct Member: Sendable, Hashable {
        public var uid: String
        public var sessionID: SessionID

        public init(uid: String, sessionID: SessionID) {
            self.uid = uid
            self.sessionID = sessionID
        }
    }

    /// A member session that has media on a node.
    public struct SnapshotMember: Sendable, Hashable {
        public var member: Member
        public var isSpeaking: Bool

        public init(member: Member, isSpeaking: Bool) {
            self.member = member
            self.isSpeaking = isSpeaking
        }
    }

    public enum Payload: Sendable, Hashable {
        // Indirect where rare and large: events are moved around by the thousand.
        indirect case circleCreated(CircleDetails)
        indirect case circleUpdated(CircleDetails, actorUID: String)
        case circleStarted(actorUID: String)
        case circleEnded(actorUID: String, EndReason)
        case memberJoined(Member, Role)
        case memberLeft(Member, LeaveReason)
        case memberPromoted(Member, actorUID: String, Role)
        case memberDemoted(Member, actorUID: String, Role)
        case memberMuted(Member, actorUID: String)
        case memberUnmuted(Member, actorUID: String)
        indirect case memberKicked(Member, actorUID: String, reason: String)
        indirect case memberBanned(uid: String, actorUID: String, reason: String)
        case handRaised(Member)
        case handLowered(Member, LowerReason)
        /// Times since signalling began. `firstPacketMilliseconds` is 0 while there was none:
        /// another event follows when it comes.
        case mediaConnected(
            Member, iceMilliseconds: Int, dtlsMilliseconds: Int, firstPacketMilliseconds: Int)
        case mediaDisconnected(Member)
        case speakingStarted(Member)
        case speakingStopped(Member)
        /// All sessions of the circle that have media on the source now, and no others.
        indirect case nodeSnapshot([SnapshotMember])
        /// A moderator asks a listener onto the stage; accepted, `memberPromoted` follows.
        case stageInvited(Member, actorUID: String)
        case stageInviteDeclined(Member)
        /// Another role on stage: neither promoted nor demoted.
        case memberRoleChanged(Member, actorUID: String, Role)
        /// A moderator asks a speaker to open their microphone; only they can.
        case unmuteRequested(Member, actorUID: String)
        case rsvpMade(uid: String)
        case rsvpWithdrawn(uid: String)
        indirect case memberReported(uid: String, actorUID: String, ReportCategory)
        /// Of a newer schema than ours: kept in history, changes no state.
        case unknown
    }
}

/// Where an event stands in its source's own numbering of one circle: 1, 2, 3 … without a gap.
public struct SourcePosition: Sendable, Hashable {
    public var source: String
    public var epoch: Int64
    public var sequence: Int64

    public init(source: String, epoch: Int64, sequence: Int64) {
        self.source = source
        self.epoch = epoch
        self.sequence = sequence
    }

    /// The API's source name; its epoch is always 1, because PostgreSQL keeps its numbering.
    public static let apiSource = "api"
    public static let apiEpoch: Int64 = 1
}

extension Event {
    /// The one order in which a circle's events are folded, whatever order they arrived in:
    /// by time, then by source, so that tables are a function of the set of events.
    public struct CanonicalKey: Sendable, Hashable, Comparable {
        let occurredAt: Timestamp
        let position: SourcePosition

        public static func < (left: Self, right: Self) -> Bool {
            if left.occurredAt != right.occurredAt { return left.occurredAt < right.occurredAt }
            if left.position.source != right.position.source {
                return left.position.source < right.position.source
            }
            if left.position.epoch != right.position.epoch {
                return left.position.epoch < right.position.epoch
            }
            return left.position.sequence < right.position.sequence
        }
    }

    public var canonicalKey: CanonicalKey {
        CanonicalKey(occurredAt: occurredAt, position: position)
    }
}

extension Event.Payload {
    /// The name in topics' headers, tables and reports.
    public var typeName: String {
        switch self {
        case .circleCreated: "circleCreated"
        case .circleUpdated: "circleUpdated"
        case .circleStarted: "circleStarted"
        case .circleEnded: "circleEnded"
        case .memberJoined: "memberJoined"
        case .memberLeft: "memberLeft"
        case .memberPromoted: "memberPromoted"
        case .memberDemoted: "memberDemoted"
        case .memberMuted: "memberMuted"
        case .memberUnmuted: "memberUnmuted"
        case .memberKicked: "memberKicked"
        case .memberBanned: "memberBanned"
        case .handRaised: "handRaised"
        case .handLowered: "handLowered"
        case .mediaConnected: "mediaConnected"
        case .mediaDisconnected: "mediaDisconnected"
        case .speakingStarted: "speakingStarted"
        case .speakingStopped: "speakingStopped"
        case .nodeSnapshot: "nodeSnapshot"
        case .stageInvited: "stageInvited"
        case .stageInviteDeclined: "stageInviteDeclined"
        case .memberRoleChanged: "memberRoleChanged"
        case .unmuteRequested: "unmuteRequested"
        case .rsvpMade: "rsvpMade"
        case .rsvpWithdrawn: "rsvpWithdrawn"
        case .memberReported: "memberReported"
        case .unknown: "unknown"
        }
    }

    /// The member session that the event speaks of, if it speaks of one.
    public var member: Event.Member? {
        switch self {
        case .memberJoined(let member, _), .memberLeft(let member, _),
            .memberPromoted(let member, _, _), .memberDemoted(let member, _, _),
            .memberMuted(let member, _), .memberUnmuted(let member, _),
            .memberKicked(let member, _, _), .handRaised(let member),
            .handLowered(let member, _), .mediaConnected(let member, _, _, _),
            .mediaDisconnected(let member), .speakingStarted(let member),
            .speakingStopped(let member), .stageInvited(let member, _),
            .stageInviteDeclined(let member), .unmuteRequested(let member, _),
            .memberRoleChanged(let member, _, _):
            member
        case .circleCreated, .circleUpdated, .circleStarted, .circleEnded, .memberBanned,
            .nodeSnapshot, .rsvpMade, .rsvpWithdrawn, .memberReported, .unknown:
            nil
        }
    }

    /// Who caused it, where that is not the member; `nil` when nobody did.
    public var actorUID: String? {
        let actor: String? =
            switch self {
            case .circleUpdated(_, let actor), .circleStarted(let actor),
                .circleEnded(let actor, _), .memberPromoted(_, let actor, _),
                .memberDemoted(_, let actor, _), .memberMuted(_, let actor),
                .memberUnmuted(_, let actor), .memberKicked(_, let actor, _),
                .memberBanned(_, let actor, _), .stageInvited(_, let actor),
                .unmuteRequested(_, let actor), .memberReported(_, let actor, _),
                .memberRoleChanged(_, let actor, _):
                actor
            case .circleCreated(let details): details.hostUID
            default: nil
            }
        return actor == "" ? nil : actor
    }

    /// Whether it is an act of moderation, which the audit trail keeps.
    public var isModeration: Bool {
        switch self {
        case .memberPromoted, .memberDemoted, .memberRoleChanged, .memberMuted, .memberKicked,
            .memberBanned, .stageInvited, .unmuteRequested, .memberReported:
            true
        default: false
        }
    }

    /// The role after the event.
    public var role: Role? {
        switch self {
        case .memberJoined(_, let role), .memberPromoted(_, _, let role),
            .memberDemoted(_, _, let role), .memberRoleChanged(_, _, let role):
            role
        default: nil
        }
    }

    /// Why it happened, as tables show it.
    public var reason: String? {
        switch self {
        case .circleEnded(_, let reason): reason.rawValue
        case .memberLeft(_, let reason): reason.rawValue
        case .handLowered(_, let reason): reason.rawValue
        case .memberKicked(_, _, let reason), .memberBanned(_, _, let reason):
            reason.isEmpty ? nil : reason
        case .memberReported(_, _, let category): category.rawValue
        default: nil
        }
    }

    /// The member that the event is about, where there is one.
    public var uid: String? {
        switch self {
        case .memberBanned(let uid, _, _), .rsvpMade(let uid), .rsvpWithdrawn(let uid),
            .memberReported(let uid, _, _):
            uid
        default: member?.uid
        }
    }
}
