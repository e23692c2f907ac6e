/// Why a packet inside an RTCP datagram cannot be read.
public enum RTCPParseError: Error, Sendable, Hashable, CaseIterable {
    /// Fewer bytes than a packet's four-byte header.
    case tooShort
    /// The version is not 2.
    case badVersion
    /// The packet's length reaches beyond the datagram.
    case lengthOverrun
    /// The padding count is no multiple of four, zero, or more than the packet.
    case badPadding
    /// The packet is too short for what its type and count say it holds.
    case contentOverrun
}
