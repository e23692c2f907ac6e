import Domain

/// One circle on an engine: its members and their transports.
struct CircleMedia {
    /// A circle holds at most 108 members; each may have two transports, and a few may be on
    /// their way out.
    static let memberCountMax = 160
    static let transportCountMax = 256

    let circleID: CircleID
    var policy: MicPolicy
    var members: [MemberMedia] = []
    /// Transports of this circle, by index.
    var peers: [Int32] = []
    /// Those of them with a microphone.
    var microphones: [Int32] = []
    var nextActivityCheckAt = MonotonicTime(nanoseconds: 0)

    /// A place in `members` stays a member's for good, so that peers can point to it.
    struct MemberMedia {
        var member: MediaMember
        /// `false` when it has left; the place is taken again.
        var isPresent = true
        /// Under push-to-talk: whether the button is pressed.
        var isTalking = false
        /// The transport whose microphone counts, −1 for none.
        var microphone: Int32 = -1
        /// The transport that carries the streams to the member, −1 for none.
        var receiver: Int32 = -1
        /// What transports that are gone have counted.
        var formerUplink: MemberQuality.Uplink?
        var formerDownlink: MemberQuality.Downlink?
        /// Whether a transport ended since the last sample, which then tells what it counted.
        var isUnsampled = false

        var hasMedia: Bool { microphone >= 0 || receiver >= 0 }
    }

    func index(of sessionID: SessionID) -> Int? {
        members.firstIndex { $0.isPresent && $0.member.sessionID == sessionID }
    }

    /// Whether a member's packets are forwarded.
    func mayBeHeard(_ member: MemberMedia) -> Bool {
        member.isPresent && member.member.isOnStage && !member.member.isMuted
            && (policy != .pushToTalk || member.isTalking)
    }
}
