import Domain

/// One direction of a bad network, without a socket or a clock: says for each datagram whether
/// it is lost and how late it comes. The same seed and the same datagrams give the same answers.
public struct ImpairedLink: Sendable {
    /// How bad the link is. Probabilities are 0…1, times are microseconds.
    public struct Settings: Sendable, Hashable {
        public enum JitterShape: Sendable, Hashable {
            /// Every delay from 0 to the maximum is as likely.
            case uniform
            /// Around half the maximum, a sixth of it as the deviation, cut to 0…maximum.
            case normal
        }

        public var lossProbability: Double
        /// The delay that every datagram has.
        public var delayMicroseconds: Int64
        /// The most that is added to it at random.
        public var jitterMicrosecondsMax: Int64
        public var jitterShape: JitterShape
        /// How likely a datagram is held back so that later ones overtake it.
        public var reorderProbability: Double
        /// How long it is held back.
        public var reorderMicroseconds: Int64
        public var duplicateProbability: Double
        /// Only RTP is impaired: STUN, DTLS and RTCP pass at once.
        public var isMediaOnly: Bool

        public init(
            lossProbability: Double = 0, delayMicroseconds: Int64 = 0,
            jitterMicrosecondsMax: Int64 = 0, jitterShape: JitterShape = .uniform,
            reorderProbability: Double = 0, reorderMicroseconds: Int64 = 45_000,
            duplicateProbability: Double = 0, isMediaOnly: Bool = true
        ) {
            precondition(
                delayMicroseconds >= 0 && jitterMicrosecondsMax >= 0 && reorderMicroseconds >= 0,
                "no datagram comes before it was sent")
            self.lossProbability = lossProbability
            self.delayMicroseconds = delayMicroseconds
            self.jitterMicrosecondsMax = jitterMicrosecondsMax
            self.jitterShape = jitterShape
            self.reorderProbability = reorderProbability
            self.reorderMicroseconds = reorderMicroseconds
            self.duplicateProbability = duplicateProbability
            self.isMediaOnly = isMediaOnly
        }

        /// A link that does nothing.
        public static let clean = Settings()
    }

    /// What becomes of a datagram.
    public enum Verdict: Sendable, Hashable {
        case drop
        /// Delivered after so many microseconds, and once more after `duplicateAfter`.
        case deliver(after: Int64, duplicateAfter: Int64?)
    }

    /// How many datagrams of one kind had which verdict; received = dropped + delivered.
    public struct Counts: Sendable, Hashable {
        public var received = 0
        public var dropped = 0
        /// Without the second copies.
        public var delivered = 0
        /// The second copies.
        public var duplicated = 0
        /// Of those delivered, how many were held back.
        public var reordered = 0

        public init() {}
    }

    /// May change on the way: what comes later is judged by them.
    public var settings: Settings
    private var random: SplitMix64
    /// By `DatagramKind.rawValue`.
    private var countsByKind = InlineArray<5, Counts>(repeating: Counts())

    public init(_ settings: Settings, seed: UInt64) {
        self.settings = settings
        random = SplitMix64(seed: seed)
    }

    /// The counts of one kind.
    public func counts(of kind: DatagramKind) -> Counts {
        countsByKind[kind.rawValue]
    }

    /// Decides about one datagram and counts it.
    ///
    /// Cost: a few random numbers, no allocation.
    public mutating func judge(_ datagram: UnsafeRawBufferPointer) -> Verdict {
        judge(DatagramKind(of: datagram))
    }

    /// Decides about one datagram of a kind and counts it.
    public mutating func judge(_ kind: DatagramKind) -> Verdict {
        countsByKind[kind.rawValue].received += 1
        if settings.isMediaOnly && kind != .rtp {
            countsByKind[kind.rawValue].delivered += 1
            return .deliver(after: 0, duplicateAfter: nil)
        }
        guard !happens(settings.lossProbability) else {
            countsByKind[kind.rawValue].dropped += 1
            return .drop
        }
        countsByKind[kind.rawValue].delivered += 1
        var delay = nextDelay()
        if happens(settings.reorderProbability) {
            countsByKind[kind.rawValue].reordered += 1
            delay += settings.reorderMicroseconds
        }
        guard happens(settings.duplicateProbability) else {
            return .deliver(after: delay, duplicateAfter: nil)
        }
        countsByKind[kind.rawValue].duplicated += 1
        return .deliver(after: delay, duplicateAfter: nextDelay())
    }

    private mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && random.nextUnit() < probability
    }

    /// Microseconds.
    private mutating func nextDelay() -> Int64 {
        guard settings.jitterMicrosecondsMax > 0 else { return settings.delayMicroseconds }
        let share =
            switch settings.jitterShape {
            case .uniform: random.nextUnit()
            case .normal: min(max(0.5 + nextNormal() / 6, 0), 1)
            }
        let jitter = Double(settings.jitterMicrosecondsMax) * share
        return settings.delayMicroseconds + Int64(jitter.rounded())
    }

    /// Mean 0, deviation 1: a sum of twelve uniform numbers, which needs no library.
    private mutating func nextNormal() -> Double {
        var sum = -6.0
        for _ in 0..<12 {
            sum += random.nextUnit()
        }
        return sum
    }
}
