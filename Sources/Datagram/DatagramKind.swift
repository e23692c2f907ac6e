/// What a datagram of a WebRTC transport is, by its first bytes.
///
/// Source: RFC 7983 §7, and RFC 5761 §4 for RTP against RTCP.
public enum DatagramKind: Int, Sendable, CaseIterable {
    case stun, dtls, rtp, rtcp, other

    public init(of datagram: UnsafeRawBufferPointer) {
        guard datagram.count >= 2 else {
            self = .other
            return
        }
        self =
            switch datagram[0] {
            case 0...3: .stun
            case 20...63: .dtls
            case 128...191: (64...95).contains(datagram[1] & 0x7F) ? .rtcp : .rtp
            default: .other
            }
    }
}
