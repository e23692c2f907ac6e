/// What a datagram on a port shared by ICE, DTLS and media is, by its first bytes.
///
/// Source: RFC 7983 §7; RFC 5761 §4 for RTP against RTCP.
/// Cost: two loads.
@frozen
public enum PacketKind: Sendable, Hashable {
    case stun
    case zrtp
    case dtls
    case turnChannel
    case rtp
    case rtcp
    case unknown

    public init(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else {
            self = .unknown
            return
        }
        switch first {
        case 0...3: self = .stun
        case 16...19: self = .zrtp
        case 20...63: self = .dtls
        case 64...79: self = .turnChannel
        case 128...191:
            guard bytes.count >= 2 else {
                self = .unknown
                return
            }
            // RTCP packet types 192…223 read as RTP payload types 64…95, which RTP may not use.
            self = (64...95).contains(bytes[1] & 0x7F) ? .rtcp : .rtp
        default: self = .unknown
        }
    }
}
