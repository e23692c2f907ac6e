/// An offer of bundled audio as a browser makes it; for clients of ours.
///
/// Source: RFC 8829 §5.2.
public struct AudioOffer: Sendable {
    public var local: LocalTransport
    /// The first section sends a microphone.
    public var sendsMicrophone: Bool
    /// Sections that receive; the first is the microphone's too, if there is one.
    public var receiveSections: Int
    /// The microphone's source.
    public var ssrc: UInt32
    /// Offers to ask for missing packets, which browsers do not for Opus.
    public var requestsRetransmission: Bool

    public static let opusPayloadType: UInt8 = 111
    public static let audioLevelExtensionID: UInt8 = 1

    public init(
        local: LocalTransport, sendsMicrophone: Bool, receiveSections: Int, ssrc: UInt32,
        requestsRetransmission: Bool = true
    ) {
        self.local = local
        self.sendsMicrophone = sendsMicrophone
        self.receiveSections = receiveSections
        self.ssrc = ssrc
        self.requestsRetransmission = requestsRetransmission
    }

    public var description: SessionDescription {
        var session = SessionDescription(
            sessionID: local.sessionID, sessionVersion: local.sessionVersion)
        let count = max(receiveSections, sendsMicrophone ? 1 : 0)
        session.bundleGroups = [(0..<count).map { "\($0)" }]
        session.attributes = [SDPAttribute("msid-semantic", " WMS *")]
        session.media = (0..<count).map(section)
        return session
    }

    private func section(_ index: Int) -> MediaDescription {
        let payloadType = Self.opusPayloadType
        let format = "\(payloadType)"
        var section = MediaDescription(
            kind: "audio", transportProtocol: "UDP/TLS/RTP/SAVPF", formats: [format])
        section.connection = "IN IP4 0.0.0.0"
        section.mid = "\(index)"
        section.rtpMaps[payloadType] = RTPMap(name: "opus", clockRate: 48_000, channels: 2)
        section.formatParameters[format] = "minptime=10;useinbandfec=1"
        if requestsRetransmission { section.feedback[format] = ["nack"] }
        section.extensions = [
            ExtensionMap(
                id: UInt16(Self.audioLevelExtensionID), uri: ExtensionMap.audioLevelURI)
        ]
        section.rtcpReducedSize = true
        let sends = sendsMicrophone && index == 0
        section.direction = MediaDirection(sends: sends, receives: index < receiveSections)
        if sends {
            let msid = MediaStreamID(stream: local.cname, track: "microphone")
            section.msid = msid
            section.ssrcs = [SSRCDescription(ssrc: ssrc, cname: local.cname, msid: msid)]
        }
        local.describe(in: &section, setup: .actpass)
        return section
    }
}
