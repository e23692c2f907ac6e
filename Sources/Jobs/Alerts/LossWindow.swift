/// Which way media goes, as in `quality_samples.direction`.
public enum LossDirection: String, Sendable, CaseIterable, Codable {
    /// From members to the node.
    case uplink
    /// From the node to members. What a speaker lost on the way to the node is not in it: the SFU
    /// takes numbers that it never got off what receiver reports count as lost.
    case downlink
}

/// What one member session lost in the window.
public struct MemberLoss: Sendable, Equatable {
    public var uid: String
    public var packetsExpected: Int64
    /// Below 0 when packets arrived that an earlier window missed.
    public var packetsLost: Int64

    public init(uid: String, packetsExpected: Int64, packetsLost: Int64) {
        self.uid = uid
        self.packetsExpected = packetsExpected
        self.packetsLost = packetsLost
    }

    /// 0 to 100; 0 when nothing was expected.
    public var lossPercent: Double {
        lossPercentOf(lost: packetsLost, expected: packetsExpected)
    }
}

/// What one circle lost in one direction over 30 s, and whether that pages.
///
/// *Uplink*: the worst speaker decides, because everybody hears a speaker's gaps; an average over
/// eight would hide one who cannot be understood. *Downlink*: the packets of all members
/// together decide, and at least two members must be bad: one listener's poor Wi-Fi is no
/// operator's concern, however few others there are.
public struct LossWindow: Sendable, Equatable {
    /// Over this much time.
    public static let seconds: Int64 = 30
    /// Above 5 % speech with Opus' in-band FEC begins to break up; below 3 % it is repaired.
    public static let thresholds = AlertThresholds(firesAbove: 5, clearsBelow: 3)
    /// Expected in the window before anything is said: 4 s of a voice at 20 ms a packet. With
    /// fewer (a microphone in DTX sends 2 or 3 a second) a handful of packets would be 5 %.
    public static let packetsMin: Int64 = 200
    /// Downlink: members with enough packets. In a talk of two or three a bad path is somebody's
    /// own.
    public static let downlinkMembersMin = 3
    /// Downlink: members above the threshold.
    public static let downlinkBadMembersMin = 2

    public let direction: LossDirection
    /// Those with enough packets, the worst first.
    public let members: [MemberLoss]
    public let packetsExpected: Int64
    public let packetsLost: Int64

    /// - Parameter members: every session that is in the circle, measured or not.
    public init(_ direction: LossDirection, members: [MemberLoss]) {
        self.direction = direction
        self.members = members.filter { $0.packetsExpected >= Self.packetsMin }
            .sorted { ($0.lossPercent, $1.uid) > ($1.lossPercent, $0.uid) }
        packetsExpected = members.reduce(0) { $0 + $1.packetsExpected }
        packetsLost = members.reduce(0) { $0 + $1.packetsLost }
    }

    /// Above the threshold that fires.
    public var badMembers: [MemberLoss] {
        members.filter { $0.lossPercent > Self.thresholds.firesAbove }
    }

    /// Of all members' packets together, 0 to 100.
    public var overallPercent: Double {
        lossPercentOf(lost: packetsLost, expected: packetsExpected)
    }

    /// What is held against the thresholds, 0 to 100; `nil` when there is too little to say.
    public var value: Double? {
        guard packetsExpected >= Self.packetsMin else { return nil }
        switch direction {
        case .uplink: return max(overallPercent, members.first?.lossPercent ?? 0)
        case .downlink:
            return members.count >= Self.downlinkMembersMin ? overallPercent : nil
        }
    }

    /// `nil` when there is too little to say.
    public var level: AlertReading.Level? {
        guard let value else { return nil }
        let level = Self.thresholds.level(value)
        if level == .bad, direction == .downlink, badMembers.count < Self.downlinkBadMembersMin {
            return .calm
        }
        return level
    }
}

private func lossPercentOf(lost: Int64, expected: Int64) -> Double {
    guard expected > 0 else { return 0 }
    return min(max(Double(lost) / Double(expected) * 100, 0), 100)
}
