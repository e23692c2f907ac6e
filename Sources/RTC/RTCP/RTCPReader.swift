/// Reads the packets of an RTCP datagram one after the other.
///
/// ```
/// |V=2|P|  count  |  packet type  |  length in words minus one    |
/// ```
/// A datagram need not begin with a report (reduced-size RTCP, RFC 5506).
/// Source: RFC 3550 §6.1, §6.4, RFC 4585 §6.1.
/// Cost: no allocation.
public struct RTCPReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// `bytes` is a decrypted datagram and outlives the reader and its packets.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The next packet, or `nil` at the end. After an error the rest of the datagram cannot be
    /// read, and the reader is at the end.
    public mutating func next() throws(RTCPParseError) -> RTCPPacket? {
        guard offset < bytes.count else { return nil }
        let start = offset
        offset = bytes.count
        guard start + 4 <= bytes.count else { throw .tooShort }
        let first = bytes[start]
        guard first >> 6 == 2 else { throw .badVersion }
        let end = start + (Int(bytes.bigEndian16(at: start + 2)) + 1) * 4
        guard end <= bytes.count else { throw .lengthOverrun }
        var contentEnd = end
        if first & 0x20 != 0 {
            let padding = Int(bytes[end - 1])
            guard padding > 0, padding & 3 == 0, padding <= end - start - 4 else {
                throw .badPadding
            }
            contentEnd -= padding
        }
        let packet = try Self.packet(
            type: bytes[start + 1], count: first & 0x1F,
            content: bytes.part(start + 4..<contentEnd))
        offset = end
        return packet
    }

    private static func packet(
        type: UInt8, count: UInt8, content: UnsafeRawBufferPointer
    ) throws(RTCPParseError) -> RTCPPacket {
        switch type {
        case RTCPType.senderReport:
            guard content.count >= 24 else { throw .contentOverrun }
            let report = SenderReport(
                ssrc: content.bigEndian32(at: 0), ntpTime: content.bigEndian64(at: 4),
                rtpTimestamp: content.bigEndian32(at: 12),
                packetCount: content.bigEndian32(at: 16), octetCount: content.bigEndian32(at: 20))
            return .senderReport(report, try blocks(count, in: content, at: 24))
        case RTCPType.receiverReport:
            guard content.count >= 4 else { throw .contentOverrun }
            return .receiverReport(
                ssrc: content.bigEndian32(at: 0), try blocks(count, in: content, at: 4))
        case RTCPType.sourceDescription:
            return .sourceDescription(SourceDescription(content, chunkCount: Int(count)))
        case RTCPType.goodbye:
            let byteCount = Int(count) * 4
            guard byteCount <= content.count else { throw .contentOverrun }
            return .goodbye(GoodbyeSources(content.part(0..<byteCount)))
        case RTCPType.transportFeedback:
            guard content.count >= 8 else { throw .contentOverrun }
            guard count == genericNACKFormat else { return .transportFeedback(format: count) }
            return .genericNACK(
                GenericNACK(
                    senderSSRC: content.bigEndian32(at: 0), mediaSSRC: content.bigEndian32(at: 4),
                    entries: content.part(8..<content.count)))
        case RTCPType.payloadFeedback:
            guard content.count >= 8 else { throw .contentOverrun }
            return .payloadFeedback(format: count)
        case RTCPType.applicationDefined: return .applicationDefined
        case RTCPType.extendedReport: return .extendedReport
        default: return .unknown(type: type)
        }
    }

    private static func blocks(
        _ count: UInt8, in content: UnsafeRawBufferPointer, at offset: Int
    ) throws(RTCPParseError) -> ReportBlocks {
        let end = offset + Int(count) * ReportBlock.byteCount
        guard end <= content.count else { throw .contentOverrun }
        return ReportBlocks(content.part(offset..<end))
    }

    static let genericNACKFormat: UInt8 = 1
}
