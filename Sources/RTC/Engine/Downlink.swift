/// One stream that we send to one subscriber: whatever speaker it carries, its sequence numbers
/// and timestamps go on without a break. Plain data, found by index.
struct Downlink {
    let ssrc: UInt32
    let opusPayloadType: UInt8
    let redPayloadType: UInt8
    let isNACKEnabled: Bool

    /// The peer whose microphone it carries, −1 for nobody.
    var source: Int32 = -1
    /// The source's generation at the last packet; another one means a fresh start.
    var sourceGeneration: UInt32 = 0
    /// Source packets before this one belong to what was carried before.
    var firstSourceSequence: UInt64 = 0
    /// Outgoing number = the source's + this, modulo 2⁶⁴.
    var sequenceOffset: UInt64 = 0
    var timestampOffset: UInt32 = 0
    /// The highest number sent: rollover counter and sequence number.
    var lastSequence: UInt64
    /// The first number sent since the last change of source, for retransmissions.
    var firstSequence: UInt64
    var lastTimestamp: UInt32
    var lastSentAt = MonotonicTime(nanoseconds: 0)

    /// Numbers that were never sent, because their packets never came.
    var gaps = SequenceGaps()
    var packetsSent: UInt64 = 0
    var payloadBytesSent: UInt64 = 0
    var report = Report()

    /// What the subscriber's receiver reports say, cumulative, and what our sender reports need.
    struct Report {
        /// The number sent first of all: what is expected counts from here.
        var baseSequence: UInt64 = 0
        /// Sent, of the numbers that reports cover.
        var packetsExpected: Int64 = 0
        /// Of those. What the source lost on its way to us is not among them.
        var packetsLost: Int64 = 0
        var fractionLost: UInt8 = 0
        var jitterTimestampUnits: UInt32 = 0
        /// The middle 32 bits of the last sender report's NTP time, and when it was sent.
        var lastSenderReport: UInt32 = 0
        var lastSenderReportAt = MonotonicTime(nanoseconds: 0)
    }

    /// - Parameters:
    ///   - firstSequence: below 2¹⁵, so that the receiver cannot mistake the rollover counter.
    init(
        _ configuration: TransportConfiguration.Slot, firstSequence: UInt16, timestamp: UInt32
    ) {
        precondition(firstSequence < 1 << 15, "the first rollover is far")
        ssrc = configuration.ssrc
        opusPayloadType = configuration.opusPayloadType
        redPayloadType = configuration.redPayloadType
        isNACKEnabled = configuration.isNACKEnabled
        lastSequence = UInt64(firstSequence)
        self.firstSequence = UInt64(firstSequence) + 1
        lastTimestamp = timestamp
        report.baseSequence = UInt64(firstSequence) + 1
    }

    /// Begins to carry a source, or the same one after a pause: numbers follow the last ones, and
    /// timestamps move by the time that passed (RFC 3550 §5.1).
    @inline(never)
    mutating func rebase(
        onto generation: UInt32, sequence: UInt64, timestamp: UInt32, now: MonotonicTime
    ) {
        sourceGeneration = generation
        firstSourceSequence = sequence
        sequenceOffset = lastSequence &+ 1 &- sequence
        firstSequence = lastSequence &+ 1
        let elapsed = packetsSent == 0 ? 0 : RTPClock.units(nanoseconds: now.since(lastSentAt))
        timestampOffset = lastTimestamp &+ max(elapsed, RTPClock.frameUnits) &- timestamp
    }

    /// Takes note of a packet that goes out for the first time.
    @inline(__always)
    mutating func sent(_ sequence: UInt64, timestamp: UInt32, now: MonotonicTime) {
        guard sequence > lastSequence else {
            gaps.fill(sequence)
            return
        }
        let skipped = sequence &- lastSequence &- 1
        if skipped > 0 { gaps.skip(skipped, before: sequence) }
        lastSequence = sequence
        lastTimestamp = timestamp
        lastSentAt = now
    }

    /// The RTP time of now, for a sender report.
    func timestamp(at now: MonotonicTime) -> UInt32 {
        lastTimestamp &+ RTPClock.units(nanoseconds: now.since(lastSentAt))
    }
}

/// Opus's RTP clock (RFC 7587 §4.1).
enum RTPClock {
    static let rate = 48_000
    /// 20 ms.
    static let frameUnits: UInt32 = 960

    @inline(__always)
    static func units(nanoseconds: Int64) -> UInt32 {
        UInt32(truncatingIfNeeded: max(0, nanoseconds) / 1000 &* 48 / 1000)
    }
}
