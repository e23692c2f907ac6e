/// Unwraps 16-bit sequence numbers into numbers that only grow with the stream.
///
/// The first number is placed in cycle 1, so that one sent before it has a place when it arrives
/// late. Source: RFC 3550 §A.1.
/// Cost: no allocation; hot.
@frozen
public struct ExtendedSequence: Sendable, Hashable {
    /// The highest number so far, cycles × 65 536 + sequence number; `nil` before the first.
    public private(set) var highest: UInt64?

    public init() {}

    /// The extended number nearest to the highest so far.
    public mutating func extend(_ sequenceNumber: UInt16) -> UInt64 {
        guard let highest else {
            let first = 0x1_0000 | UInt64(sequenceNumber)
            self.highest = first
            return first
        }
        let difference = Int16(
            bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest))
        let extended = UInt64(bitPattern: Int64(bitPattern: highest) &+ Int64(difference))
        if difference > 0 { self.highest = extended }
        return extended
    }
}
