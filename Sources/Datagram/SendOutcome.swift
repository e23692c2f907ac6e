/// What became of a batch of datagrams: the three counts add up to the batch's.
@frozen
public struct SendOutcome: Sendable, Hashable {
    /// Handed to the kernel.
    public var sent: Int
    /// Not sent because the socket's buffer stayed full for 5 ms.
    public var dropped: Int
    /// Refused by the kernel one by one: unreachable, too long, not allowed.
    public var failed: Int
    /// The errno of the last that failed; 0 when none did.
    public var lastErrorNumber: Int32

    @inlinable
    public init(sent: Int = 0, dropped: Int = 0, failed: Int = 0, lastErrorNumber: Int32 = 0) {
        self.sent = sent
        self.dropped = dropped
        self.failed = failed
        self.lastErrorNumber = lastErrorNumber
    }
}
