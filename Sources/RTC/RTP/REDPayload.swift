/// Redundant audio: older frames before the newest.
///
/// ```
/// |F|   block PT  |  timestamp offset (14 bits) | block length (10) |   while F is 1
/// |0|   block PT  |                                                     the primary block
/// ```
/// Source: RFC 2198 §3.
@frozen
public struct REDPayload: Sendable, Hashable {
    /// No sender of Opus has more than a handful.
    static let redundantBlockCountMax = 32

    /// Payload type of the newest frame, 0…127.
    public var payloadType: UInt8
    /// Where the newest frame is in the payload.
    public var range: Range<Int>
    /// Older frames before it.
    public var redundantBlockCount: Int

    /// Finds the newest frame of a payload.
    public static func primary(
        in payload: UnsafeRawBufferPointer
    ) throws(REDParseError) -> REDPayload {
        guard !payload.isEmpty else { throw .empty }
        var offset = 0
        var blockCount = 0
        var redundantByteCount = 0
        while true {
            guard offset < payload.count else { throw .headerOverrun }
            let first = payload[offset]
            if first & 0x80 == 0 {
                let start = offset + 1 + redundantByteCount
                guard start <= payload.count else { throw .blockOverrun }
                return REDPayload(
                    payloadType: first & 0x7F, range: start..<payload.count,
                    redundantBlockCount: blockCount)
            }
            guard offset + 4 <= payload.count else { throw .headerOverrun }
            blockCount += 1
            guard blockCount <= redundantBlockCountMax else { throw .tooManyBlocks }
            redundantByteCount += Int(payload.bigEndian16(at: offset + 2) & 0x3FF)
            offset += 4
        }
    }
}
