/// What a member sends us: one microphone, and whom its packets go to. Found by index; packets
/// touch nothing but its fields.
struct Uplink: ~Copyable {
    let configuration: TransportConfiguration.Microphone
    /// Whether packets are forwarded: on stage, not muted, the policy lets them, and no newer
    /// transport of the member has the microphone.
    var isOpen = false
    /// Rises when forwarding begins anew, so that streams made from it start afresh.
    var generation: UInt32 = 1
    var ssrc: UInt32 = 0
    var statistics = ReceptionStatistics()
    var activity = SpeakerActivity()
    private(set) var history: UnsafeMutablePointer<PacketHistory>?
    var missing = MissingPackets()

    var hasReceived = false
    var packetsDiscarded: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var nacksSent: UInt64 = 0
    var retransmissionsReceived: UInt64 = 0
    /// Of sources (SSRCs) of this microphone that are over.
    var former = FormerTotals()

    /// The middle 32 bits of the NTP time of the last sender report, and when it came.
    var lastSenderReport: UInt32 = 0
    var lastSenderReportAt = MonotonicTime(nanoseconds: 0)

    struct FormerTotals {
        var expected: Int64 = 0
        var received: Int64 = 0
    }

    /// Where a packet goes: a subscriber and which of its streams.
    struct Target {
        let peer: Int32
        let slot: Int32
    }

    let targets: UnsafeMutablePointer<Target>
    private(set) var targetCount = 0
    private let targetCountMax: Int

    init(_ configuration: TransportConfiguration.Microphone, targetCountMax: Int) {
        self.configuration = configuration
        self.targetCountMax = targetCountMax
        targets = .allocate(capacity: targetCountMax)
    }

    deinit {
        targets.deallocate()
        history?.deinitialize(count: 1)
        history?.deallocate()
    }

    mutating func removeTargets() {
        targetCount = 0
    }

    mutating func add(_ target: Target) {
        precondition(targetCount < targetCountMax, "a circle's transports are bounded")
        targets[targetCount] = target
        targetCount += 1
    }

    mutating func keepHistory() {
        guard history == nil else { return }
        let memory = UnsafeMutablePointer<PacketHistory>.allocate(capacity: 1)
        memory.initialize(to: PacketHistory())
        history = memory
    }

    /// Opens or closes the microphone.
    mutating func setOpen(_ isOpen: Bool) {
        guard isOpen != self.isOpen else { return }
        self.isOpen = isOpen
        if isOpen { generation &+= 1 }
    }

    /// Goes over to another source of the same microphone.
    mutating func restart(ssrc: UInt32) {
        former = FormerTotals(expected: packetsExpected, received: packetsReceived)
        statistics = ReceptionStatistics()
        missing = MissingPackets()
        history?.pointee.clear()
        self.ssrc = ssrc
        hasReceived = true
        generation &+= 1
    }

    /// Counts a packet, and takes note of the numbers that it skipped.
    mutating func count(
        _ header: RTPHeader, sequence: UInt64, byteCount: Int, now: MonotonicTime
    ) {
        if header.ssrc != ssrc || !hasReceived { restart(ssrc: header.ssrc) }
        bytesReceived &+= UInt64(byteCount)
        let highest = statistics.extendedHighestSequence
        let isFirst = statistics.packetsReceived == 0
        let arrival = statistics.receive(
            sequenceNumber: header.sequenceNumber, timestamp: header.timestamp,
            marker: header.marker, arrival: now, clockRate: UInt32(RTPClock.rate))
        guard configuration.isNACKEnabled else { return }
        if arrival == .late {
            if missing.arrive(sequence) { retransmissionsReceived &+= 1 }
        } else if arrival == .inOrder, !isFirst {
            let gap = UInt64(header.sequenceNumber &- UInt16(truncatingIfNeeded: highest))
            if gap > 1 { missing.skip(from: sequence &- gap &+ 1, to: sequence, now: now) }
        }
    }

    var packetsExpected: Int64 { former.expected &+ Int64(clamping: statistics.packetsExpected) }
    var packetsReceived: Int64 { former.received &+ Int64(clamping: statistics.packetsReceived) }
    var packetsLost: Int64 { packetsExpected &- packetsReceived }
}

/// Numbers that a microphone skipped a moment ago, to be asked for again.
struct MissingPackets {
    /// More than so many at once is an outage, and asking makes it worse.
    static let countMax = 16
    /// How long a packet may be late before it is asked for: reordering is no loss.
    static let reorderMilliseconds: Int64 = 10
    static let retryMilliseconds: Int64 = 60
    static let attemptCountMax = 3
    /// Older than this it is too late to be played.
    static let lifeMilliseconds: Int64 = 300

    struct Entry {
        var sequence: UInt64 = 0
        var since = MonotonicTime(nanoseconds: 0)
        var nextAskAt = MonotonicTime(nanoseconds: 0)
        var attemptCount = 0
    }

    private(set) var count = 0
    private var entries: InlineArray<16, Entry> = InlineArray(repeating: Entry())

    mutating func skip(from first: UInt64, to end: UInt64, now: MonotonicTime) {
        guard end > first, end - first <= UInt64(Self.countMax) else { return }
        for sequence in first..<end where count < Self.countMax {
            entries[count] = Entry(
                sequence: sequence, since: now,
                nextAskAt: now.adding(milliseconds: Self.reorderMilliseconds))
            count += 1
        }
    }

    /// - Returns: whether the number had been asked for.
    mutating func arrive(_ sequence: UInt64) -> Bool {
        for index in 0..<count where entries[index].sequence == sequence {
            let wasAskedFor = entries[index].attemptCount > 0
            remove(at: index)
            return wasAskedFor
        }
        return false
    }

    /// Calls `ask` with each number that is due.
    mutating func takeDue(now: MonotonicTime, _ ask: (UInt64) -> Void) {
        var index = 0
        while index < count {
            let entry = entries[index]
            if now.since(entry.since) > Self.lifeMilliseconds * 1_000_000
                || entry.attemptCount >= Self.attemptCountMax
            {
                remove(at: index)
                continue
            }
            if entry.nextAskAt <= now {
                entries[index].attemptCount += 1
                entries[index].nextAskAt = now.adding(milliseconds: Self.retryMilliseconds)
                ask(entry.sequence)
            }
            index += 1
        }
    }

    private mutating func remove(at index: Int) {
        count -= 1
        entries[index] = entries[count]
    }
}
