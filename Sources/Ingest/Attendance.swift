import Domain

/// One member session and all that happened in it. One fold owns it and changes it in place.
final class Attendance {
    struct Hand {
        let raisedAt: Timestamp
        var loweredAt: Timestamp?
        var reason: LowerReason?
    }

    struct Media {
        let iceMilliseconds: Int
        let dtlsMilliseconds: Int
        let firstPacketMilliseconds: Int
    }

    let sessionID: SessionID
    let uid: String
    let joinedAt: Timestamp
    private(set) var leftAt: Timestamp?
    private(set) var leaveReason: LeaveReason?
    private(set) var roles: [(role: Role, at: Timestamp)]
    /// Time on stage in the stays there that are over.
    private(set) var stageMicroseconds: Int64 = 0
    private(set) var talkMicroseconds: Int64 = 0
    private(set) var hands: [Hand] = []
    private(set) var lastSpokeAt: Timestamp?
    var promotionCount = 0
    var wasKicked = false
    var isMuted = false
    var isConnected = false
    var media: Media?

    /// Whether it has a row from an earlier batch.
    var isStored = false

    private var onStageSince: Timestamp?
    private var speakingSince: Timestamp?

    init(member: Event.Member, role: Role, at: Timestamp) {
        sessionID = member.sessionID
        uid = member.uid
        joinedAt = at
        roles = [(role, at)]
        onStageSince = role.isOnStage ? at : nil
    }

    var role: Role { roles[roles.count - 1].role }
    var isOpen: Bool { leftAt == nil }

    func close(_ reason: LeaveReason, at: Timestamp) {
        lowerHand(.left, at: at)
        stopSpeaking(at: at)
        leaveStage(at: at)
        leftAt = at
        leaveReason = reason
        isConnected = false
    }

    func change(to role: Role, at: Timestamp) {
        if role.isOnStage {
            lowerHand(.promoted, at: at)
            onStageSince = onStageSince ?? at
        } else {
            stopSpeaking(at: at)
            leaveStage(at: at)
        }
        roles.append((role, at))
    }

    /// - Returns: whether it was down.
    func raiseHand(at: Timestamp) -> Bool {
        guard hands.last.map({ $0.loweredAt != nil }) ?? true else { return false }
        hands.append(Hand(raisedAt: at))
        return true
    }

    func lowerHand(_ reason: LowerReason, at: Timestamp) {
        guard let last = hands.indices.last, hands[last].loweredAt == nil else { return }
        hands[last].loweredAt = at
        hands[last].reason = reason
    }

    func startSpeaking(at: Timestamp) {
        speakingSince = speakingSince ?? at
        lastSpokeAt = at
    }

    func stopSpeaking(at: Timestamp) {
        guard let since = speakingSince else { return }
        talkMicroseconds &+= at.microseconds &- since.microseconds
        speakingSince = nil
        lastSpokeAt = at
    }

    private func leaveStage(at: Timestamp) {
        guard let since = onStageSince else { return }
        stageMicroseconds &+= at.microseconds &- since.microseconds
        onStageSince = nil
    }

    /// `[{"role": "listener", "at": 1764000000000000}, …]`.
    var rolesJSON: String {
        "["
            + roles.map { "{\"role\": \"\($0.role.rawValue)\", \"at\": \($0.at.microseconds)}" }
            .joined(separator: ", ") + "]"
    }
}
