/// The header of an RTP packet: facts and offsets into the packet that was parsed.
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |                             SSRC                              |
/// |            contributing sources (CC × 32 bits)                |
/// |  extension profile (if X)     |  length in 32-bit words       |
/// |                        extension                              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
/// Source: RFC 3550 §5.1, §5.3.1; RFC 8285 §4.
/// Cost: no allocation; hot.
@frozen
public struct RTPHeader: Sendable {
    /// Bytes of a header without contributing sources and extension.
    public static let fixedByteCount = 12
    /// Bytes of a header that carries one audio level.
    public static let withAudioLevelByteCount = 20

    public var marker: Bool
    public var hasPadding: Bool
    /// 0…127.
    public var payloadType: UInt8
    public var sequenceNumber: UInt16
    /// In units of the payload's clock rate.
    public var timestamp: UInt32
    public var ssrc: UInt32
    /// Bytes of the header, contributing sources and extension included.
    public var length: Int
    /// 0xBEDE for one-byte elements, 0x100x for two-byte ones; 0 without an extension.
    public var extensionProfile: UInt16
    /// Offset of the extension's elements in the packet.
    public var extensionOffset: Int
    /// Bytes of the extension's elements; 0 without an extension.
    public var extensionLength: Int
}

extension RTPHeader {
    /// Reads the header, also of a packet whose payload is still encrypted: the padding cannot be
    /// checked before `paddingLength(in:)`.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(RTPParseError) {
        guard bytes.count >= Self.fixedByteCount else { throw .tooShort }
        let first = bytes[0]
        let second = bytes[1]
        guard first >> 6 == 2 else { throw .badVersion }
        marker = second & 0x80 != 0
        hasPadding = first & 0x20 != 0
        payloadType = second & 0x7F
        sequenceNumber = bytes.bigEndian16(at: 2)
        timestamp = bytes.bigEndian32(at: 4)
        ssrc = bytes.bigEndian32(at: 8)
        var length = Self.fixedByteCount + Int(first & 0x0F) * 4
        if first & 0x10 != 0 {
            guard length + 4 <= bytes.count else { throw .headerOverrun }
            extensionProfile = bytes.bigEndian16(at: length)
            extensionLength = Int(bytes.bigEndian16(at: length + 2)) * 4
            extensionOffset = length + 4
            length = extensionOffset + extensionLength
        } else {
            extensionProfile = 0
            extensionOffset = length
            extensionLength = 0
        }
        guard length <= bytes.count else { throw .headerOverrun }
        self.length = length
    }

    /// Bytes of padding at the end of a decrypted packet, its count byte included.
    public func paddingLength(in bytes: UnsafeRawBufferPointer) throws(RTPParseError) -> Int {
        guard hasPadding else { return 0 }
        guard bytes.count > length, let last = bytes.last else { throw .badPadding }
        guard last > 0, Int(last) <= bytes.count - length else { throw .badPadding }
        return Int(last)
    }

    /// Where the value of an extension element is in the packet; `nil` if it is absent.
    ///
    /// Source: RFC 8285 §4.2 (one-byte), §4.3 (two-byte).
    public func extensionElement(id: UInt8, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        let isOneByte = extensionProfile == 0xBEDE
        guard isOneByte || extensionProfile & 0xFFF0 == 0x1000 else { return nil }
        let end = extensionOffset + extensionLength
        guard id != 0, end <= bytes.count else { return nil }
        var offset = extensionOffset
        while offset < end {
            let head = bytes[offset]
            let element: UInt8
            let count: Int
            if head == 0 {
                offset += 1  // padding
                continue
            } else if isOneByte {
                element = head >> 4
                guard element != 15 else { return nil }
                count = Int(head & 0x0F) + 1
                offset += 1
            } else {
                guard offset + 1 < end else { return nil }
                element = head
                count = Int(bytes[offset + 1])
                offset += 2
            }
            guard offset + count <= end else { return nil }
            // An ID of 0 with a length is padding too, and ends the one-byte form.
            guard element != 0 else { return nil }
            if element == id { return offset..<offset + count }
            offset += count
        }
        return nil
    }

    /// The audio level that the packet carries under the negotiated ID.
    ///
    /// Source: RFC 6464 §3.
    public func audioLevel(id: UInt8, in bytes: UnsafeRawBufferPointer) -> AudioLevel? {
        guard let range = extensionElement(id: id, in: bytes), !range.isEmpty else { return nil }
        return AudioLevel(byte: bytes[range.lowerBound])
    }

    /// Writes the 12 bytes of a header without contributing sources and extension.
    public static func write(
        into packet: UnsafeMutablePointer<UInt8>, marker: Bool, payloadType: UInt8,
        sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32
    ) {
        let start = UnsafeMutableRawPointer(packet)
        packet[0] = 0x80
        packet[1] = payloadType & 0x7F | (marker ? 0x80 : 0)
        start.storeBigEndian(sequenceNumber, at: 2)
        start.storeBigEndian(timestamp, at: 4)
        start.storeBigEndian(ssrc, at: 8)
    }

    /// Writes the 20 bytes of a header with one audio level in the one-byte form;
    /// `audioLevelID` is 1…14.
    public static func write(
        into packet: UnsafeMutablePointer<UInt8>, marker: Bool, payloadType: UInt8,
        sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32,
        audioLevel: AudioLevel, audioLevelID: UInt8
    ) {
        write(
            into: packet, marker: marker, payloadType: payloadType,
            sequenceNumber: sequenceNumber, timestamp: timestamp, ssrc: ssrc)
        packet[0] = 0x90
        let start = UnsafeMutableRawPointer(packet)
        start.storeBigEndian(UInt32(0xBEDE_0001), at: fixedByteCount)
        // A length field of 0 says one byte; two bytes of padding fill the word.
        packet[16] = (audioLevelID & 0x0F) << 4
        packet[17] = audioLevel.byte
        packet[18] = 0
        packet[19] = 0
    }
}
