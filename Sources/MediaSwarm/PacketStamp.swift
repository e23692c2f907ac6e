/// What a packet of a swarm carries through the server: who sent it, and when.
struct PacketStamp {
    /// The talker's number, which has 16 bits here.
    var talker: Int
    /// By the machine's monotonic clock; 48 bits last for nine years.
    var sentMicroseconds: Int64

    private static let timeBits: UInt64 = 48

    init(talker: Int, sentMicroseconds: Int64) {
        self.talker = talker
        self.sentMicroseconds = sentMicroseconds
    }

    init(_ number: UInt64) {
        talker = Int(number >> Self.timeBits)
        sentMicroseconds = Int64(number & (1 << Self.timeBits - 1))
    }

    var number: UInt64 {
        UInt64(truncatingIfNeeded: talker) << Self.timeBits
            | UInt64(truncatingIfNeeded: sentMicroseconds) & (1 << Self.timeBits - 1)
    }
}
