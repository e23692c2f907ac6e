/// The types of attributes that are read or written.
///
/// Source: RFC 8489 §18.3, RFC 8445 §16.1.
enum STUNAttribute {
    static let mappedAddress: UInt16 = 0x0001
    static let username: UInt16 = 0x0006
    static let messageIntegrity: UInt16 = 0x0008
    static let errorCode: UInt16 = 0x0009
    static let unknownAttributes: UInt16 = 0x000A
    static let realm: UInt16 = 0x0014
    static let nonce: UInt16 = 0x0015
    static let messageIntegritySHA256: UInt16 = 0x001C
    static let xorMappedAddress: UInt16 = 0x0020
    static let priority: UInt16 = 0x0024
    static let useCandidate: UInt16 = 0x0025
    static let software: UInt16 = 0x8022
    static let fingerprint: UInt16 = 0x8028
    static let iceControlled: UInt16 = 0x8029
    static let iceControlling: UInt16 = 0x802A

    /// Types below it must be understood by the receiver (RFC 8489 §14).
    static let comprehensionOptionalStart: UInt16 = 0x8000
}

/// Fixed numbers of the format.
enum STUNFormat {
    static let headerByteCount = 20
    static let attributeHeaderByteCount = 4
    static let magicCookie: UInt32 = 0x2112_A442
    static let integrityByteCount = 20
    /// XORed into the checksum, so that it differs from one of an application (RFC 8489 §14.7).
    static let fingerprintMask: UInt32 = 0x5354_554E
    /// USERNAME is less than 509 bytes (RFC 8489 §14.3).
    static let usernameByteCountMax = 508
}
