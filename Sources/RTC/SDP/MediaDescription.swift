/// One media section of a session description.
///
/// Source: RFC 8866 §5.14, RFC 8829 §5.2.
public struct MediaDescription: Sendable, Equatable {
    /// There are no more payload types.
    public static let formatCountMax = 128
    /// The most extensions, sources, candidates or fingerprints of a section.
    public static let valueCountMax = 256
    /// The most lines of RTCP feedback for one payload type.
    public static let feedbackCountMax = 16

    /// `audio`, `video`, `application` or another word.
    public var kind: String
    public var port: UInt16
    /// Such as `UDP/TLS/RTP/SAVPF`.
    public var transportProtocol: String
    /// Payload types as they are written, in order of preference.
    public var formats: [String]
    /// Value of the `c=` line.
    public var connection: String?
    public var direction: MediaDirection = .sendrecv
    /// The identification tag (RFC 5888).
    public var mid: String?
    public var rtpMaps: [UInt8: RTPMap] = [:]
    /// Format parameters (`a=fmtp`) by payload type.
    public var formatParameters: [String: String] = [:]
    /// RTCP feedback (`a=rtcp-fb`) by payload type, in order.
    public var feedback: [String: [String]] = [:]
    public var extensions: [ExtensionMap] = []
    public var ssrcs: [SSRCDescription] = []
    public var msid: MediaStreamID?
    public var iceUfrag: String?
    public var icePwd: String?
    public var iceOptions: String?
    /// Values of `a=fingerprint`, in order.
    public var fingerprints: [String] = []
    public var setup: ConnectionSetup?
    public var candidates: [ICECandidate] = []
    public var hasEndOfCandidates = false
    public var rtcpMux = false
    public var rtcpReducedSize = false
    /// The section exists only inside its bundle: port 0 is then no rejection (RFC 9143 §6).
    public var bundleOnly = false
    /// Other attributes, in order.
    public var attributes: [SDPAttribute] = []

    public init(kind: String, port: UInt16 = 9, transportProtocol: String, formats: [String]) {
        self.kind = kind
        self.port = port
        self.transportProtocol = transportProtocol
        self.formats = formats
    }

    /// Port 0 outside a bundle: the section carries nothing.
    public var isRejected: Bool { port == 0 && !bundleOnly }

    /// The payload types of the section that have a map, in order of preference.
    public var codecs: [(payloadType: UInt8, map: RTPMap)] {
        formats.compactMap { format in
            guard let payloadType = Substring(format).number(as: UInt8.self), payloadType < 128,
                let map = rtpMaps[payloadType]
            else { return nil }
            return (payloadType, map)
        }
    }

    /// The value of another attribute, empty for a flag; `nil` if it is absent.
    public func attribute(_ name: String) -> String? {
        attributes.first { $0.name == name }.map { $0.value ?? "" }
    }
}
