/// The chunks of an SDES packet.
///
/// Source: RFC 3550 §6.5.
public struct SourceDescription {
    private let bytes: UnsafeRawBufferPointer
    private let chunkCount: Int

    /// `bytes` is the packet without its four-byte header.
    init(_ bytes: UnsafeRawBufferPointer, chunkCount: Int) {
        self.bytes = bytes
        self.chunkCount = chunkCount
    }

    /// Calls `body` with each source and the bytes of its canonical name; stops at the first
    /// chunk that is malformed.
    public func forEachCNAME(_ body: (UInt32, UnsafeRawBufferPointer) -> Void) {
        var offset = 0
        for _ in 0..<chunkCount {
            guard offset + 4 <= bytes.count else { return }
            let ssrc = bytes.bigEndian32(at: offset)
            offset += 4
            while true {
                guard offset < bytes.count else { return }
                let type = bytes[offset]
                if type == 0 {
                    // Zeros up to the next word end the chunk; at least one is there.
                    offset = (offset + 4) & ~3
                    break
                }
                guard offset + 1 < bytes.count else { return }
                let start = offset + 2
                let end = start + Int(bytes[offset + 1])
                guard end <= bytes.count else { return }
                if type == Self.cnameType { body(ssrc, bytes.part(start..<end)) }
                offset = end
            }
        }
    }

    static let cnameType: UInt8 = 1
}
