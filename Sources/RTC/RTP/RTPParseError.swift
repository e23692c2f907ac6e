/// Why a datagram is no RTP packet.
public enum RTPParseError: Error, Sendable, Hashable, CaseIterable {
    /// Fewer than the 12 bytes of a header.
    case tooShort
    /// The version is not 2.
    case badVersion
    /// Contributing sources or the header extension reach beyond the packet.
    case headerOverrun
    /// The padding count is zero or more than the payload.
    case badPadding
}
