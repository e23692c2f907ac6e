import MediaCrypto

/// What a STUN message says: facts and offsets into the datagram that was parsed.
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0|     type                  |  length of the attributes     |
/// |                         magic cookie                          |
/// |                  transaction ID (96 bits)                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
/// Source: RFC 8489 §5, §14; RFC 8445 §16.1.
/// Cost: no allocation.
public struct STUNMessage: Sendable {
    /// The class of a message.
    public enum Class: UInt16, Sendable, Hashable {
        case request = 0
        case indication = 1
        case success = 2
        case error = 3
    }

    /// What FINGERPRINT says about the datagram.
    public enum Fingerprint: Sendable, Hashable {
        case absent
        case valid
        case mismatched
    }

    /// The Binding method.
    public static let bindingMethod: UInt16 = 1

    /// Twelve bits; `bindingMethod` is the only one that ICE has.
    public private(set) var method: UInt16
    public private(set) var messageClass: Class
    public private(set) var transactionID: TransactionID
    /// Byte range of USERNAME's value in the datagram.
    public private(set) var username: Range<Int>?
    /// PRIORITY of the candidate that a check would create.
    public private(set) var priority: UInt32?
    /// USE-CANDIDATE is present: the controlling side nominates the pair.
    public private(set) var useCandidate = false
    /// The tie-breaker of a sender in the controlling role.
    public private(set) var iceControlling: UInt64?
    /// The tie-breaker of a sender in the controlled role.
    public private(set) var iceControlled: UInt64?
    /// XOR-MAPPED-ADDRESS.
    public private(set) var mappedAddress: TransportAddress?
    /// 300…699.
    public private(set) var errorCode: Int?
    /// Offset of the MESSAGE-INTEGRITY attribute in the datagram.
    public private(set) var messageIntegrityOffset: Int?
    public private(set) var fingerprint = Fingerprint.absent
    /// The first attribute that must be understood and is not: answer with 420.
    public private(set) var unknownRequiredAttribute: UInt16?

    /// Reads a whole datagram. Of repeated attributes the first counts, and those after
    /// MESSAGE-INTEGRITY are ignored, FINGERPRINT excepted.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(STUNParseError) {
        guard bytes.count >= STUNFormat.headerByteCount else { throw .tooShort }
        let type = bytes.bigEndian16(at: 0)
        guard type & 0xC000 == 0 else { throw .notSTUN }
        guard bytes.bigEndian32(at: 4) == STUNFormat.magicCookie else { throw .badMagicCookie }
        let length = Int(bytes.bigEndian16(at: 2))
        guard length & 3 == 0, length == bytes.count - STUNFormat.headerByteCount else {
            throw .lengthMismatch
        }
        method = type & 0x000F | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2
        switch (type & 0x0100 != 0, type & 0x0010 != 0) {
        case (false, false): messageClass = .request
        case (false, true): messageClass = .indication
        case (true, false): messageClass = .success
        case (true, true): messageClass = .error
        }
        transactionID = TransactionID(
            bytes.bigEndian32(at: 8), bytes.bigEndian32(at: 12), bytes.bigEndian32(at: 16))

        var offset = STUNFormat.headerByteCount
        while offset < bytes.count {
            // The length is a multiple of four, so an attribute's header always fits.
            let attribute = bytes.bigEndian16(at: offset)
            let start = offset + STUNFormat.attributeHeaderByteCount
            let end = start + Int(bytes.bigEndian16(at: offset + 2))
            let next = (end + 3) & ~3
            guard next <= bytes.count else { throw .attributeOverrun }
            if attribute == STUNAttribute.fingerprint {
                guard next == bytes.count else { throw .attributeAfterFingerprint }
                try readFingerprint(in: bytes, at: offset, value: start..<end)
            } else if messageIntegrityOffset == nil {
                try read(attribute, in: bytes, at: offset, value: start..<end)
            }
            offset = next
        }
    }

    /// Whether MESSAGE-INTEGRITY is present and made with this key. `bytes` is the datagram that
    /// was parsed. Takes the same time wherever the codes differ.
    ///
    /// Source: RFC 8489 §14.5.
    public func hasValidIntegrity(
        in bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer
    ) -> Bool {
        guard let offset = messageIntegrityOffset,
            offset + STUNFormat.attributeHeaderByteCount + STUNFormat.integrityByteCount
                <= bytes.count
        else { return false }
        return withUnsafeTemporaryAllocation(
            byteCount: STUNFormat.integrityByteCount, alignment: 8
        ) { code in
            STUNIntegrity.compute(over: bytes, upTo: offset, key: key, into: code)
            let start = offset + STUNFormat.attributeHeaderByteCount
            return constantTimeEqual(
                UnsafeRawBufferPointer(code),
                bytes.part(start..<start + STUNFormat.integrityByteCount))
        }
    }

    private mutating func readFingerprint(
        in bytes: UnsafeRawBufferPointer, at offset: Int, value: Range<Int>
    ) throws(STUNParseError) {
        guard value.count == 4 else { throw .malformedAttribute }
        let checksum = CRC32.checksum(of: bytes.part(0..<offset)) ^ STUNFormat.fingerprintMask
        fingerprint =
            checksum == bytes.bigEndian32(at: value.lowerBound) ? .valid : .mismatched
    }

    private mutating func read(
        _ attribute: UInt16, in bytes: UnsafeRawBufferPointer, at offset: Int, value: Range<Int>
    ) throws(STUNParseError) {
        switch attribute {
        case STUNAttribute.username:
            guard value.count <= STUNFormat.usernameByteCountMax else { throw .malformedAttribute }
            if username == nil { username = value }
        case STUNAttribute.priority:
            guard value.count == 4 else { throw .malformedAttribute }
            if priority == nil { priority = bytes.bigEndian32(at: value.lowerBound) }
        case STUNAttribute.useCandidate:
            useCandidate = true
        case STUNAttribute.iceControlling:
            guard value.count == 8 else { throw .malformedAttribute }
            if iceControlling == nil { iceControlling = bytes.bigEndian64(at: value.lowerBound) }
        case STUNAttribute.iceControlled:
            guard value.count == 8 else { throw .malformedAttribute }
            if iceControlled == nil { iceControlled = bytes.bigEndian64(at: value.lowerBound) }
        case STUNAttribute.xorMappedAddress:
            let address = try Self.xorMappedAddress(in: bytes, value: value)
            if mappedAddress == nil { mappedAddress = address }
        case STUNAttribute.errorCode:
            let code = try Self.errorCode(in: bytes, value: value)
            if errorCode == nil { errorCode = code }
        case STUNAttribute.messageIntegrity:
            guard value.count == STUNFormat.integrityByteCount else { throw .malformedAttribute }
            messageIntegrityOffset = offset
        case STUNAttribute.mappedAddress, STUNAttribute.unknownAttributes, STUNAttribute.realm,
            STUNAttribute.nonce, STUNAttribute.messageIntegritySHA256:
            break  // Understood, and of no use to ICE.
        default:
            if attribute < STUNAttribute.comprehensionOptionalStart,
                unknownRequiredAttribute == nil
            {
                unknownRequiredAttribute = attribute
            }
        }
    }

    private static func xorMappedAddress(
        in bytes: UnsafeRawBufferPointer, value: Range<Int>
    ) throws(STUNParseError) -> TransportAddress {
        guard value.count >= 8 else { throw .malformedAttribute }
        let start = value.lowerBound
        let port = bytes.bigEndian16(at: start + 2) ^ UInt16(STUNFormat.magicCookie >> 16)
        switch (bytes[start + 1], value.count) {
        case (1, 8):
            return TransportAddress(
                ipv4: bytes.bigEndian32(at: start + 4) ^ STUNFormat.magicCookie, port: port)
        case (2, 20):
            // The mask is the magic cookie and the transaction ID: bytes 4…19 of the header.
            return TransportAddress(
                high: bytes.bigEndian64(at: start + 4) ^ bytes.bigEndian64(at: 4),
                low: bytes.bigEndian64(at: start + 12) ^ bytes.bigEndian64(at: 12), port: port)
        default:
            throw .malformedAttribute
        }
    }

    private static func errorCode(
        in bytes: UnsafeRawBufferPointer, value: Range<Int>
    ) throws(STUNParseError) -> Int {
        guard value.count >= 4 else { throw .malformedAttribute }
        let hundreds = Int(bytes[value.lowerBound + 2] & 7)
        let rest = Int(bytes[value.lowerBound + 3])
        guard (3...6).contains(hundreds), rest < 100 else { throw .malformedAttribute }
        return hundreds * 100 + rest
    }
}
