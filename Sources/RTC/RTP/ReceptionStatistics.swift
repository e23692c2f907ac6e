/// What was received of one source: counts, loss and jitter.
///
/// A pause (DTX, mute) is no loss, since the sender's sequence numbers stand still in it, and no
/// jitter, since its timestamps go on. Source: RFC 3550 §6.4.1, §A.1, §A.3, §A.8.
/// Cost: no allocation; hot.
@frozen
public struct ReceptionStatistics: Sendable {
    /// What a packet was to the statistics.
    @frozen
    public enum Arrival: Sendable, Hashable {
        /// Later in sequence than all before it.
        case inOrder
        /// Earlier in sequence than another, and new.
        case late
        /// Received before; counted in `packetsDuplicated` only.
        case duplicate
        /// Far from all before it; counted only if the next one follows it.
        case outOfRange
        /// The second of two far from all before them: the source began anew.
        case restarted
    }

    /// Larger gaps than these are a source that began anew (RFC 3550 §A.1).
    static let dropoutMax: UInt16 = 3000
    static let misorderMax: UInt16 = 100

    /// Packets received, duplicates not counted.
    public private(set) var packetsReceived: UInt64 = 0
    /// Packets received a second time.
    public private(set) var packetsDuplicated: UInt64 = 0
    /// Interarrival jitter, in sixteenths of a timestamp unit.
    public private(set) var jitterScaledBy16: UInt32 = 0

    /// The highest extended number since the last start, cycles in the upper 16 bits.
    private var highest: UInt32 = 0
    /// The extended number at the last start.
    private var base: UInt32 = 0
    /// Packets expected before the last start.
    private var expectedBefore: UInt64 = 0
    /// Which of the 128 numbers up to the highest were received; bit 0 is the highest.
    private var recent: UInt64 = 0
    private var older: UInt64 = 0
    /// The number that would confirm a new start; above 65 535 when there is none.
    private var badSequence: UInt32 = 0x1_0000
    private var transit: UInt32 = 0
    private var hasStarted = false
    private var hasTransit = false
    private var expectedAtReport: UInt64 = 0
    private var receivedAtReport: UInt64 = 0

    private static let noBadSequence: UInt32 = 0x1_0000

    public init() {}

    /// Packets that the source sent, as far as its sequence numbers tell.
    public var packetsExpected: UInt64 {
        hasStarted ? expectedBefore &+ UInt64(highest &- base) &+ 1 : 0
    }

    /// Expected and not received. Sinks again when late packets arrive.
    public var packetsLost: Int64 {
        Int64(truncatingIfNeeded: packetsExpected) &- Int64(truncatingIfNeeded: packetsReceived)
    }

    /// Interarrival jitter in timestamp units.
    public var jitterTimestampUnits: UInt32 { jitterScaledBy16 >> 4 }

    /// The highest sequence number, with its count of cycles in the upper 16 bits.
    public var extendedHighestSequence: UInt32 { highest }

    /// Takes note of one packet. `clockRate` is in timestamp units per second.
    @discardableResult
    public mutating func receive(
        sequenceNumber: UInt16, timestamp: UInt32, marker: Bool, arrival: MonotonicTime,
        clockRate: UInt32
    ) -> Arrival {
        let outcome = place(sequenceNumber)
        switch outcome {
        case .duplicate, .outOfRange:
            return outcome
        case .restarted:
            hasTransit = false
        case .inOrder, .late:
            break
        }
        updateJitter(
            timestamp: timestamp, marker: marker, arrival: arrival, clockRate: clockRate)
        return outcome
    }

    /// Packets lost of those expected since the last call, as a fraction of 256.
    ///
    /// Source: RFC 3550 §A.3.
    public mutating func fractionLostSinceLastReport() -> UInt8 {
        let expected = packetsExpected
        let expectedInterval = Int64(truncatingIfNeeded: expected &- expectedAtReport)
        let receivedInterval = Int64(truncatingIfNeeded: packetsReceived &- receivedAtReport)
        expectedAtReport = expected
        receivedAtReport = packetsReceived
        let lost = expectedInterval &- receivedInterval
        guard expectedInterval > 0, lost > 0 else { return 0 }
        return UInt8(clamping: (lost &<< 8) / expectedInterval)
    }

    /// The report block about this source; begins a new interval for `fractionLost`. Delays are
    /// in 1/65 536 s.
    ///
    /// Source: RFC 3550 §6.4.1.
    public mutating func reportBlock(
        ssrc: UInt32, lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) -> ReportBlock {
        ReportBlock(
            ssrc: ssrc, fractionLost: fractionLostSinceLastReport(),
            packetsLost: Int32(clamping: packetsLost), extendedHighestSequence: highest,
            jitter: jitterTimestampUnits, lastSenderReport: lastSenderReport,
            delaySinceLastSenderReport: delaySinceLastSenderReport)
    }

    private mutating func place(_ sequenceNumber: UInt16) -> Arrival {
        guard hasStarted else {
            hasStarted = true
            start(at: UInt32(sequenceNumber))
            packetsReceived = 1
            return .inOrder
        }
        let ahead = sequenceNumber &- UInt16(truncatingIfNeeded: highest)
        if ahead == 0 {
            packetsDuplicated &+= 1
            return .duplicate
        }
        if ahead < Self.dropoutMax {
            highest = highest &+ UInt32(ahead)
            shiftWindow(by: Int(ahead))
            packetsReceived &+= 1
            badSequence = Self.noBadSequence
            return .inOrder
        }
        if ahead <= UInt16.max - Self.misorderMax {
            return placeFar(sequenceNumber)
        }
        return placeLate(behind: Int(0 &- ahead))
    }

    /// Two far packets in a row are a new start; both are counted.
    private mutating func placeFar(_ sequenceNumber: UInt16) -> Arrival {
        guard UInt32(sequenceNumber) == badSequence else {
            badSequence = UInt32(sequenceNumber &+ 1)
            return .outOfRange
        }
        expectedBefore = packetsExpected
        start(at: UInt32(sequenceNumber))
        base = highest &- 1
        recent = 0b11
        packetsReceived &+= 2
        return .restarted
    }

    private mutating func placeLate(behind: Int) -> Arrival {
        guard !isMarked(behind) else {
            packetsDuplicated &+= 1
            return .duplicate
        }
        mark(behind)
        packetsReceived &+= 1
        // One sent before the first that arrived: the count begins with it.
        if Int64(highest &- base) < Int64(behind) { base = highest &- UInt32(behind) }
        return .late
    }

    private mutating func start(at extended: UInt32) {
        base = extended
        highest = extended
        recent = 1
        older = 0
        badSequence = Self.noBadSequence
    }

    private mutating func shiftWindow(by count: Int) {
        switch count {
        case 128...:
            older = 0
            recent = 0
        case 64...:
            older = recent << UInt64(count - 64)
            recent = 0
        default:
            older = older << UInt64(count) | recent >> UInt64(64 - count)
            recent <<= UInt64(count)
        }
        recent |= 1
    }

    private func isMarked(_ behind: Int) -> Bool {
        behind < 64
            ? recent >> UInt64(behind) & 1 == 1
            : older >> UInt64(behind - 64) & 1 == 1
    }

    private mutating func mark(_ behind: Int) {
        if behind < 64 {
            recent |= 1 << UInt64(behind)
        } else {
            older |= 1 << UInt64(behind - 64)
        }
    }

    private mutating func updateJitter(
        timestamp: UInt32, marker: Bool, arrival: MonotonicTime, clockRate: UInt32
    ) {
        let rate = Int64(clockRate)
        // Whole seconds apart, so that the product stays in range on a clock that ran for years.
        let (seconds, rest) = arrival.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let arrivalUnits = UInt32(
            truncatingIfNeeded: seconds &* rate &+ rest &* rate / 1_000_000_000)
        let newTransit = arrivalUnits &- timestamp
        defer {
            transit = newTransit
            hasTransit = true
        }
        guard hasTransit else { return }
        let difference = Int32(bitPattern: newTransit &- transit).magnitude
        // Beyond a second, or a tenth at the start of a talkspurt, the sender's clock jumped: some
        // stop it while muted. That is not the network's doing.
        let differenceMax = marker ? clockRate / 10 : clockRate
        guard difference <= differenceMax else { return }
        jitterScaledBy16 = jitterScaledBy16 &+ difference &- (jitterScaledBy16 &+ 8) >> 4
    }
}
