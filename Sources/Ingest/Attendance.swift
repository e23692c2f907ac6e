import Domain

/// One member session and all that happened in it. One fold owns it and changes it in place;
/// another fold gets a copy.
final class Attendance {
    struct Hand: Equatable {
        let raisedAt: Timestamp
        var loweredAt: Timestamp?
        var reason: LowerReason?
        /// When speech first began after the hand led onto the stage.
        var spokeAt: Timestamp?
    }

    /// A moderator's wish to have the member on stage.
    struct Invitation: Equatable {
        let actorUID: String
        let invitedAt: Timestamp
        var answeredAt: Timestamp?
        var answer: Answer?
        var spokeAt: Timestamp?

        enum Answer: String {
            case accepted, declined, left
        }
    }

    struct Media: Equatable {
        let iceMilliseconds: Int
        let dtlsMilliseconds: Int
        /// 0 while there was none.
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
    private(set) var talkMinutes = TalkMinutes()
    private(set) var hands: [Hand] = []
    private(set) var invitations: [Invitation] = []
    private(set) var lastSpokeAt: Timestamp?
    var promotionCount = 0
    var wasKicked = false
    var isMuted = false
    private(set) var media: Media?
    private(set) var connectedAt: Timestamp?
    /// Which node, in which of its epochs, has the session's media; `nil` when none has.
    private(set) var mediaSource: SourceKey?

    /// Whether it has a row from an earlier batch.
    var isStored = false {
        didSet {
            if isStored { talkMinutes.markStored() }
            storedHandCount = isStored ? hands.count : 0
            storedInvitationCount = isStored ? invitations.count : 0
        }
    }
    private var storedHandCount = 0
    private var storedInvitationCount = 0

    private var onStageSince: Timestamp?
    private var speakingSince: Timestamp?

    init(member: Event.Member, role: Role, at: Timestamp) {
        sessionID = member.sessionID
        uid = member.uid
        joinedAt = at
        roles = [(role, at)]
        onStageSince = role.isOnStage ? at : nil
    }

    private init(copying other: Attendance) {
        sessionID = other.sessionID
        uid = other.uid
        joinedAt = other.joinedAt
        leftAt = other.leftAt
        leaveReason = other.leaveReason
        roles = other.roles
        stageMicroseconds = other.stageMicroseconds
        talkMicroseconds = other.talkMicroseconds
        talkMinutes = other.talkMinutes
        hands = other.hands
        invitations = other.invitations
        lastSpokeAt = other.lastSpokeAt
        promotionCount = other.promotionCount
        wasKicked = other.wasKicked
        isMuted = other.isMuted
        media = other.media
        connectedAt = other.connectedAt
        mediaSource = other.mediaSource
        isStored = other.isStored
        storedHandCount = other.storedHandCount
        storedInvitationCount = other.storedInvitationCount
        onStageSince = other.onStageSince
        speakingSince = other.speakingSince
    }

    func copy() -> Attendance { Attendance(copying: self) }

    var role: Role { roles[roles.count - 1].role }
    var isOpen: Bool { leftAt == nil }
    /// `nil` while there was no packet.
    var firstPacketMilliseconds: Int? {
        media.flatMap { $0.firstPacketMilliseconds > 0 ? $0.firstPacketMilliseconds : nil }
    }
    var isConnected: Bool { mediaSource != nil }
    var isSpeaking: Bool { speakingSince != nil }

    /// Whether every row that the two stand for says the same.
    func hasSameRows(as other: Attendance) -> Bool {
        sessionID == other.sessionID && uid == other.uid && joinedAt == other.joinedAt
            && leftAt == other.leftAt && leaveReason == other.leaveReason
            && roles.elementsEqual(other.roles) { $0.role == $1.role && $0.at == $1.at }
            && stageMicroseconds == other.stageMicroseconds
            && talkMicroseconds == other.talkMicroseconds && hands == other.hands
            && lastSpokeAt == other.lastSpokeAt && promotionCount == other.promotionCount
            && wasKicked == other.wasKicked && isMuted == other.isMuted
            && isConnected == other.isConnected && isSpeaking == other.isSpeaking
            && media == other.media && connectedAt == other.connectedAt
            && invitations == other.invitations && talkMinutes.hasSameRows(as: other.talkMinutes)
    }

    func close(_ reason: LeaveReason, at: Timestamp) {
        lowerHand(.left, at: at)
        answerInvitation(.left, at: at)
        stopSpeaking(at: at)
        leaveStage(at: at)
        leftAt = at
        leaveReason = reason
        mediaSource = nil
    }

    func change(to role: Role, at: Timestamp) {
        if role.isOnStage {
            lowerHand(.promoted, at: at)
            answerInvitation(.accepted, at: at)
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

    /// One that is open stays the one it is.
    func invite(by actorUID: String, at: Timestamp) {
        guard invitations.last.map({ $0.answer != nil }) ?? true else { return }
        invitations.append(Invitation(actorUID: actorUID, invitedAt: at))
    }

    func answerInvitation(_ answer: Invitation.Answer, at: Timestamp) {
        guard let last = invitations.indices.last, invitations[last].answer == nil else { return }
        invitations[last].answeredAt = at
        invitations[last].answer = answer
    }

    func startSpeaking(at: Timestamp) {
        if speakingSince == nil {
            speakingSince = at
            noteFirstWords(at: at)
        }
        lastSpokeAt = at
    }

    func stopSpeaking(at: Timestamp) {
        guard let since = speakingSince else { return }
        talkMicroseconds &+= at.microseconds &- since.microseconds
        talkMinutes.add(from: since, to: at)
        speakingSince = nil
        lastSpokeAt = at
    }

    /// A node has the media from now on; what another one said of speech ends.
    func connect(_ source: SourceKey, at: Timestamp) {
        if let mediaSource, mediaSource != source { stopSpeaking(at: at) }
        mediaSource = source
    }

    /// No node has the media any more.
    func disconnect(at: Timestamp) {
        stopSpeaking(at: at)
        mediaSource = nil
    }

    /// Keeps the times of the first connection that got as far as a packet.
    func complete(_ media: Media, at: Timestamp) {
        connectedAt = connectedAt ?? at
        if let known = self.media {
            guard known.firstPacketMilliseconds == 0, media.firstPacketMilliseconds > 0 else {
                return
            }
        }
        self.media = media
    }

    private func noteFirstWords(at: Timestamp) {
        if let last = hands.indices.last, hands[last].reason == .promoted {
            hands[last].spokeAt = hands[last].spokeAt ?? at
        }
        if let last = invitations.indices.last, invitations[last].answer == .accepted {
            invitations[last].spokeAt = invitations[last].spokeAt ?? at
        }
    }

    private func leaveStage(at: Timestamp) {
        guard let since = onStageSince else { return }
        stageMicroseconds &+= at.microseconds &- since.microseconds
        onStageSince = nil
    }

    /// The hands whose rows may not show what is here: of those that have one only the last can
    /// still change.
    var changedHands: some Sequence<(offset: Int, element: Hand)> {
        hands.enumerated().dropFirst(max(storedHandCount - 1, 0))
    }

    /// The invitations, likewise.
    var changedInvitations: some Sequence<(offset: Int, element: Invitation)> {
        invitations.enumerated().dropFirst(max(storedInvitationCount - 1, 0))
    }

    /// `[{"role": "listener", "at": 1764000000000000}, …]`.
    var rolesJSON: String {
        "["
            + roles.map { "{\"role\": \"\($0.role.rawValue)\", \"at\": \($0.at.microseconds)}" }
            .joined(separator: ", ") + "]"
    }
}
