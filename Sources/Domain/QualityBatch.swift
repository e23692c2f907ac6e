/// What one SFU node counted in one circle at one time.
///
/// Counters are cumulative since the first media of a member session on one node in one epoch of
/// it, so that a sample that is lost costs resolution and no truth. Names are those of W3C
/// webrtc-stats where it has them.
public struct QualityBatch: Sendable, Hashable {
    public var batchID: BatchID
    public var circleID: CircleID
    /// A numbering apart from that of the node's events: 1, 2, 3 … without a gap.
    public var position: SourcePosition
    public var sampledAt: Timestamp
    /// Since the batch before it, as the node intends.
    public var intervalMilliseconds: Int
    /// At most `Limits.nodeMemberCountMax`, each session once.
    public var members: [MemberQuality]

    public init(
        batchID: BatchID, circleID: CircleID, position: SourcePosition, sampledAt: Timestamp,
        intervalMilliseconds: Int, members: [MemberQuality]
    ) {
        self.batchID = batchID
        self.circleID = circleID
        self.position = position
        self.sampledAt = sampledAt
        self.intervalMilliseconds = intervalMilliseconds
        self.members = members
    }
}

public enum BatchEntity {}
/// One quality batch.
public typealias BatchID = Identifier<BatchEntity>

/// A member session's counters at one time, in both directions.
public struct MemberQuality: Sendable, Hashable {
    public var member: Event.Member
    /// `nil` while the member has sent nothing.
    public var uplink: Uplink?
    /// `nil` while nothing was sent to the member.
    public var downlink: Downlink?

    public init(member: Event.Member, uplink: Uplink? = nil, downlink: Downlink? = nil) {
        self.member = member
        self.uplink = uplink
        self.downlink = downlink
    }

    /// From the member to the node.
    public struct Uplink: Sendable, Hashable {
        /// By the sequence numbers seen. Source: RFC 3550 appendix A.3.
        public var packetsExpected: Int64 = 0
        public var packetsReceived: Int64 = 0
        /// Expected less received; sinks when late ones arrive.
        public var packetsLost: Int64 = 0
        /// Received and not forwarded: muted, or not allowed to speak.
        public var packetsDiscarded: Int64 = 0
        /// Of payload.
        public var bytesReceived: Int64 = 0
        /// Source: RFC 3550 §6.4.1.
        public var jitterMicroseconds: Int64 = 0
        /// 0: unknown.
        public var roundTripTimeMicroseconds: Int64 = 0
        public var nacksSent: Int64 = 0
        public var retransmissionsReceived: Int64 = 0

        public init() {}
    }

    /// From the node to the member.
    public struct Downlink: Sendable, Hashable {
        public var packetsSent: Int64 = 0
        /// Of payload.
        public var bytesSent: Int64 = 0
        /// Of the packets sent, those that receiver reports speak of.
        public var packetsExpected: Int64 = 0
        /// As receiver reports say.
        public var packetsLost: Int64 = 0
        /// Of the last report, in 1/256: 0 to 255. Source: RFC 3550 §6.4.1.
        public var fractionLostQ8: Int64 = 0
        /// 0: unknown.
        public var roundTripTimeMicroseconds: Int64 = 0
        /// Of the last report.
        public var jitterMicroseconds: Int64 = 0
        public var nacksReceived: Int64 = 0
        public var retransmissionsSent: Int64 = 0

        public init() {}
    }
}
