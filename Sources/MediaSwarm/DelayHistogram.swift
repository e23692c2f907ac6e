/// Delays from 1 µs to 16 s, counted in fixed memory: 32 classes an octave, so that a percentile
/// is right within 3 %.
public struct DelayHistogram: Sendable, Equatable {
    private static let classBits = 5
    private static let classesPerOctave = 1 << classBits
    /// 2²⁴ µs.
    private static let octaveMax = 24
    private static let microsecondsMax = (1 << octaveMax) - 1

    private var counts = [UInt32](
        repeating: 0, count: (octaveMax - classBits + 1) * classesPerOctave)
    public private(set) var count = 0

    public init() {}

    /// Counts one; a delay outside the range as the nearest inside.
    public mutating func record(microseconds: Int64) {
        counts[Self.index(of: Int(clamping: microseconds))] &+= 1
        count += 1
    }

    /// Adds what another has counted.
    public mutating func merge(_ other: DelayHistogram) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        count += other.count
    }

    /// What was counted since an earlier state of the same.
    public func since(_ earlier: DelayHistogram) -> DelayHistogram {
        var difference = self
        for index in counts.indices { difference.counts[index] &-= earlier.counts[index] }
        difference.count -= earlier.count
        return difference
    }

    /// The delay that so many percent do not exceed, in microseconds; 0 when there is none. 100
    /// is the maximum.
    public func percentile(_ percent: Double) -> Int {
        let rank = max(1, Int((Double(count) * min(max(percent, 0), 100) / 100).rounded(.up)))
        var seen = 0
        for index in counts.indices {
            seen += Int(counts[index])
            if seen >= rank { return Self.highest(in: index) }
        }
        return 0
    }

    private static func index(of microseconds: Int) -> Int {
        let value = min(max(microseconds, 0), microsecondsMax)
        guard value >= classesPerOctave else { return value }
        let octave = Int.bitWidth - 1 - value.leadingZeroBitCount - classBits
        // The top `classBits` + 1 bits name the class; the first of them is always set.
        return octave * classesPerOctave + value >> octave
    }

    /// The highest delay of a class.
    private static func highest(in index: Int) -> Int {
        guard index >= 2 * classesPerOctave else { return index }
        let octave = index / classesPerOctave - 1
        return (index % classesPerOctave + classesPerOctave + 1) << octave - 1
    }
}
