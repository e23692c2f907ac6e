/// What a client is allowed, whatever it offers.
public struct NegotiationPolicy: Sendable, Hashable {
    /// A section on which the client sends may be accepted.
    public var maySend: Bool
    /// The most sections on which the client receives.
    public var maySlots: Int
    /// Redundant audio is accepted beside plain Opus.
    public var acceptsRED: Bool

    public init(maySend: Bool, maySlots: Int = 8, acceptsRED: Bool = true) {
        self.maySend = maySend
        self.maySlots = maySlots
        self.acceptsRED = acceptsRED
    }
}
