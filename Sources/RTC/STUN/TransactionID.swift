/// The 96 random bits that pair a STUN response with its request.
///
/// Source: RFC 8489 §5.
public struct TransactionID: Hashable, Sendable {
    /// The first four bytes, as a big-endian number.
    public var first: UInt32
    /// The middle four.
    public var second: UInt32
    /// The last four.
    public var third: UInt32

    public init(_ first: UInt32, _ second: UInt32, _ third: UInt32) {
        self.first = first
        self.second = second
        self.third = third
    }
}
