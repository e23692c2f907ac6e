/// Numbers that a stream to a subscriber skips because their packets never came from the source.
/// The subscriber counts them as lost; they are the source's losses and not the subscriber's.
struct SequenceGaps {
    private struct Gap {
        /// The number sent after it.
        var end: UInt64 = 0
        var count: UInt32 = 0
        /// How many it was at first: numbers `end - width` up to `end`.
        var width: UInt32 = 0
    }

    /// Reports speak of a moment that is at most a round trip ago.
    private static let recentCount = 16

    private var total: Int64 = 0
    private var recent: InlineArray<16, Gap> = InlineArray(repeating: Gap())
    private var next = 0

    /// Takes note that `count` numbers before `end` were skipped.
    mutating func skip(_ count: UInt64, before end: UInt64) {
        let count = UInt32(clamping: count)
        total += Int64(count)
        recent[next] = Gap(end: end, count: count, width: count)
        next = (next + 1) % Self.recentCount
    }

    /// A number that was skipped is sent after all.
    mutating func fill(_ sequence: UInt64) {
        total -= 1
        for index in 0..<Self.recentCount
        where recent[index].count > 0 && sequence < recent[index].end
            && sequence &+ UInt64(recent[index].width) >= recent[index].end
        {
            recent[index].count -= 1
            return
        }
    }

    /// How many numbers up to this one were never sent. What is left of a gap that the number
    /// itself was in counts as after it.
    func count(upTo sequence: UInt64) -> Int64 {
        var count = total
        for index in 0..<Self.recentCount where recent[index].end > sequence {
            count -= Int64(recent[index].count)
        }
        return count
    }
}
