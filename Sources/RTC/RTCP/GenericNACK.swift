/// A request to send packets again.
///
/// Source: RFC 4585 §6.2.1.
public struct GenericNACK {
    /// Who misses the packets.
    public let senderSSRC: UInt32
    /// The source whose packets are missed.
    public let mediaSSRC: UInt32
    private let entries: UnsafeRawBufferPointer

    /// `entries` is a whole number of 32-bit words: a sequence number and a mask of the sixteen
    /// that follow it.
    init(senderSSRC: UInt32, mediaSSRC: UInt32, entries: UnsafeRawBufferPointer) {
        self.senderSSRC = senderSSRC
        self.mediaSSRC = mediaSSRC
        self.entries = entries
    }

    /// Calls `body` with each missing sequence number, in the order of the packet.
    public func forEachSequence(_ body: (UInt16) -> Void) {
        var offset = 0
        while offset + 4 <= entries.count {
            let first = entries.bigEndian16(at: offset)
            var mask = entries.bigEndian16(at: offset + 2)
            body(first)
            var following = first
            while mask != 0 {
                following &+= 1
                if mask & 1 == 1 { body(following) }
                mask >>= 1
            }
            offset += 4
        }
    }
}
