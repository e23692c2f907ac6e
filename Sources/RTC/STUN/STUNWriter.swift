/// Writes one STUN message into a buffer of ours; 548 bytes hold any that ICE needs.
///
/// Source: RFC 8489 §5, §14; RFC 8445 §16.1.
/// Cost: no allocation.
public struct STUNWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private let start: UnsafeMutableRawPointer
    private let transactionID: TransactionID
    /// RFC 8489 pads with zeros; the messages of RFC 5769 do not.
    private let paddingByte: UInt8
    private var length = STUNFormat.headerByteCount

    public init(
        _ buffer: UnsafeMutableRawBufferPointer, class messageClass: STUNMessage.Class,
        method: UInt16 = STUNMessage.bindingMethod, transactionID: TransactionID
    ) {
        self.init(
            buffer, class: messageClass, method: method, transactionID: transactionID,
            paddingByte: 0)
    }

    init(
        _ buffer: UnsafeMutableRawBufferPointer, class messageClass: STUNMessage.Class,
        method: UInt16 = STUNMessage.bindingMethod, transactionID: TransactionID,
        paddingByte: UInt8
    ) {
        guard let start = buffer.baseAddress, buffer.count >= STUNFormat.headerByteCount else {
            preconditionFailure("a STUN header needs 20 bytes")
        }
        precondition(method <= 0xFFF, "a method has twelve bits")
        self.buffer = buffer
        self.start = start
        self.transactionID = transactionID
        self.paddingByte = paddingByte
        let classBits = messageClass.rawValue
        let type =
            method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2
            | (classBits & 1) << 4 | (classBits & 2) << 7
        start.storeBigEndian(type, at: 0)
        start.storeBigEndian(UInt16(0), at: 2)
        start.storeBigEndian(STUNFormat.magicCookie, at: 4)
        start.storeBigEndian(transactionID.first, at: 8)
        start.storeBigEndian(transactionID.second, at: 12)
        start.storeBigEndian(transactionID.third, at: 16)
    }

    /// USERNAME: the receiver's fragment, a colon, the sender's fragment.
    public mutating func addUsername(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= STUNFormat.usernameByteCountMax, "a username this long")
        add(STUNAttribute.username, bytes)
    }

    public mutating func addPriority(_ priority: UInt32) {
        start.storeBigEndian(priority, at: beginAttribute(STUNAttribute.priority, count: 4))
    }

    public mutating func addUseCandidate() {
        _ = beginAttribute(STUNAttribute.useCandidate, count: 0)
    }

    public mutating func addICEControlling(_ tieBreaker: UInt64) {
        start.storeBigEndian(
            tieBreaker, at: beginAttribute(STUNAttribute.iceControlling, count: 8))
    }

    public mutating func addICEControlled(_ tieBreaker: UInt64) {
        start.storeBigEndian(
            tieBreaker, at: beginAttribute(STUNAttribute.iceControlled, count: 8))
    }

    public mutating func addXORMappedAddress(_ address: TransportAddress) {
        let port = address.port ^ UInt16(STUNFormat.magicCookie >> 16)
        if let ipv4 = address.ipv4 {
            let offset = beginAttribute(STUNAttribute.xorMappedAddress, count: 8)
            start.storeBigEndian(UInt16(1), at: offset)
            start.storeBigEndian(port, at: offset + 2)
            start.storeBigEndian(ipv4 ^ STUNFormat.magicCookie, at: offset + 4)
        } else {
            let offset = beginAttribute(STUNAttribute.xorMappedAddress, count: 20)
            let mask = UnsafeRawBufferPointer(buffer)
            start.storeBigEndian(UInt16(2), at: offset)
            start.storeBigEndian(port, at: offset + 2)
            start.storeBigEndian(address.high ^ mask.bigEndian64(at: 4), at: offset + 4)
            start.storeBigEndian(address.low ^ mask.bigEndian64(at: 12), at: offset + 12)
        }
    }

    /// ERROR-CODE with a code of 300…699.
    public mutating func addErrorCode(_ code: Int, reason: StaticString) {
        precondition((300...699).contains(code), "error codes are 300…699")
        let offset = beginAttribute(
            STUNAttribute.errorCode, count: 4 + reason.utf8CodeUnitCount)
        start.storeBigEndian(UInt16(0), at: offset)
        start.storeBytes(of: UInt8(code / 100), toByteOffset: offset + 2, as: UInt8.self)
        start.storeBytes(of: UInt8(code % 100), toByteOffset: offset + 3, as: UInt8.self)
        (start + offset + 4).copyMemory(
            from: reason.utf8Start, byteCount: reason.utf8CodeUnitCount)
    }

    /// UNKNOWN-ATTRIBUTES with one type; goes with error 420.
    public mutating func addUnknownAttribute(_ attribute: UInt16) {
        start.storeBigEndian(
            attribute, at: beginAttribute(STUNAttribute.unknownAttributes, count: 2))
    }

    /// SOFTWARE.
    public mutating func addSoftware(_ name: StaticString) {
        add(
            STUNAttribute.software,
            UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Appends MESSAGE-INTEGRITY if there is a key, then FINGERPRINT; returns the message's
    /// length in bytes.
    public mutating func finish(integrityKey: UnsafeRawBufferPointer?) -> Int {
        if let integrityKey {
            let attributeOffset = length
            let value = beginAttribute(
                STUNAttribute.messageIntegrity, count: STUNFormat.integrityByteCount)
            STUNIntegrity.compute(
                over: UnsafeRawBufferPointer(buffer), upTo: attributeOffset, key: integrityKey,
                into: UnsafeMutableRawBufferPointer(
                    start: start + value, count: STUNFormat.integrityByteCount))
        }
        let covered = length
        let value = beginAttribute(STUNAttribute.fingerprint, count: 4)
        let checksum = CRC32.checksum(of: UnsafeRawBufferPointer(buffer).part(0..<covered))
        start.storeBigEndian(checksum ^ STUNFormat.fingerprintMask, at: value)
        return length
    }

    private mutating func add(_ attribute: UInt16, _ bytes: UnsafeRawBufferPointer) {
        let offset = beginAttribute(attribute, count: bytes.count)
        guard let source = bytes.baseAddress else { return }
        (start + offset).copyMemory(from: source, byteCount: bytes.count)
    }

    /// Writes an attribute's header and padding and the message's new length; returns the offset
    /// of the value.
    private mutating func beginAttribute(_ attribute: UInt16, count: Int) -> Int {
        let offset = length + STUNFormat.attributeHeaderByteCount
        let end = offset + (count + 3) & ~3
        precondition(end <= buffer.count, "a buffer of 548 bytes holds what ICE sends")
        start.storeBigEndian(attribute, at: length)
        start.storeBigEndian(UInt16(count), at: length + 2)
        for index in offset + count..<end {
            start.storeBytes(of: paddingByte, toByteOffset: index, as: UInt8.self)
        }
        length = end
        start.storeBigEndian(UInt16(end - STUNFormat.headerByteCount), at: 2)
        return offset
    }
}
