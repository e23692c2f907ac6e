import CircleStore
import Domain
import RTC

/// What the node knows of one circle: the API's state up to `eventSequence`, and who has media.
struct CircleControl {
    let circleID: CircleID
    let worker: Int
    var policy: MicPolicy
    /// Number of the API's last event that is in here.
    var eventSequence: Int64
    var members: [SessionID: Member] = [:]
    var numbering: CircleNumbering
    var loss = LossMeters()
    /// When the database was first seen ahead of us; `nil` while it is not.
    var behindSince: MonotonicTime?
    /// Ended: it is here until the worker has told the last of it.
    var isClosing = false

    struct Member {
        var media: MediaMember
        let joinedAt: Timestamp
        /// Transports whose handshake is done.
        var connected: Set<TransportID> = []
        var isSpeaking = false
        /// When a member whose media is gone loses the seat; `nil` while there is media, or there
        /// never was.
        var leavesAt: MonotonicTime?

        init(_ seat: Seat) {
            media = MediaMember(
                uid: seat.uid, sessionID: seat.sessionID, isOnStage: seat.role.isOnStage,
                isMuted: seat.isMuted)
            joinedAt = seat.joinedAt
        }

        init(media: MediaMember, joinedAt: Timestamp) {
            self.media = media
            self.joinedAt = joinedAt
        }
    }

    /// What an event means for the media.
    enum Change: Equatable {
        case none
        case member(MediaMember)
        case departure(SessionID)
        case policy(MicPolicy)
        case end
    }

    /// Applies the API's next event.
    mutating func apply(_ event: Event) -> Change {
        eventSequence = event.position.sequence
        switch event.payload {
        case .circleUpdated(let details, _):
            policy = details.micPolicy
            return .policy(policy)
        case .circleEnded: return .end
        case .memberJoined(let member, let role):
            let media = MediaMember(
                uid: member.uid, sessionID: member.sessionID, isOnStage: role.isOnStage,
                isMuted: false)
            members[member.sessionID] = Member(media: media, joinedAt: event.occurredAt)
            return .member(media)
        case .memberLeft(let member, _):
            return .departure(member.sessionID)
        case .memberPromoted(let member, _, let role), .memberRoleChanged(let member, _, let role):
            return change(member.sessionID) { $0.isOnStage = role.isOnStage }
        case .memberDemoted(let member, _, let role):
            return change(member.sessionID) {
                $0.isOnStage = role.isOnStage
                $0.isMuted = false
            }
        case .memberMuted(let member, _): return change(member.sessionID) { $0.isMuted = true }
        case .memberUnmuted(let member, _): return change(member.sessionID) { $0.isMuted = false }
        case .circleCreated, .circleStarted, .memberKicked, .memberBanned, .handRaised,
            .handLowered, .mediaConnected, .mediaDisconnected, .speakingStarted,
            .speakingStopped, .nodeSnapshot, .stageInvited, .stageInviteDeclined,
            .unmuteRequested, .rsvpMade, .rsvpWithdrawn, .memberReported, .unknown:
            // A kick is followed by the departure that it means.
            return .none
        }
    }

    private mutating func change(
        _ sessionID: SessionID, _ body: (inout MediaMember) -> Void
    ) -> Change {
        guard var member = members[sessionID] else { return .none }
        body(&member.media)
        members[sessionID] = member
        return .member(member.media)
    }

    /// Takes the state of the database over, unless events have come further meanwhile.
    ///
    /// - Returns: what this changes for the media.
    mutating func adopt(_ state: CircleMediaState) -> [Change] {
        guard state.eventSequence >= eventSequence else { return [] }
        eventSequence = state.eventSequence
        behindSince = nil
        var changes: [Change] = []
        if state.micPolicy != policy {
            policy = state.micPolicy
            changes.append(.policy(policy))
        }
        let seats = Dictionary(
            state.seats.map { ($0.sessionID, $0) }, uniquingKeysWith: { first, _ in first })
        for sessionID in members.keys where seats[sessionID] == nil {
            changes.append(.departure(sessionID))
        }
        for (sessionID, seat) in seats {
            let current = Member(seat)
            guard members[sessionID]?.media != current.media else { continue }
            if members[sessionID] == nil {
                members[sessionID] = current
            } else {
                members[sessionID]?.media = current.media
            }
            changes.append(.member(current.media))
        }
        return changes
    }
}
