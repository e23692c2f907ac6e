/// Why a datagram is no STUN message.
public enum STUNParseError: Error, Sendable, Hashable, CaseIterable {
    /// Fewer than the 20 bytes of a header.
    case tooShort
    /// The first two bits are not zero.
    case notSTUN
    /// The magic cookie is not 0x2112A442.
    case badMagicCookie
    /// The header's length is no multiple of four, or not that of the datagram.
    case lengthMismatch
    /// An attribute is longer than the message.
    case attributeOverrun
    /// An attribute that is understood has an impossible length or value.
    case malformedAttribute
    /// FINGERPRINT is not the last attribute.
    case attributeAfterFingerprint
}
