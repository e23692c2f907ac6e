/// What a description says about one RTP source.
///
/// Source: RFC 5576 §4.1; `msid` at the source as libwebrtc writes it.
public struct SSRCDescription: Sendable, Hashable {
    public var ssrc: UInt32
    public var cname: String?
    public var msid: MediaStreamID?

    public init(ssrc: UInt32, cname: String? = nil, msid: MediaStreamID? = nil) {
        self.ssrc = ssrc
        self.cname = cname
        self.msid = msid
    }
}
