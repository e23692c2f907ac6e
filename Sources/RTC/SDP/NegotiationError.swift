/// Why an offer cannot be answered, or an answer not be used.
public enum NegotiationError: Error, Sendable, Hashable, CaseIterable {
    /// No audio section that is not rejected.
    case noAudio
    /// An audio section without an identification tag.
    case noMID
    /// Several audio sections that are not in one BUNDLE group.
    case notBundled
    case noICECredentials
    /// A fragment or password of a length or with characters that ICE forbids.
    case malformedICECredentials
    case noFingerprint
    /// Fingerprints, none of which can be read.
    case malformedFingerprint
    case noRTCPMux
    /// No audio section with `opus/48000/2`.
    case noOpus
    /// Not over DTLS-SRTP with feedback.
    case unsupportedProtocol
    /// The other side insists on being the DTLS server, or holds the connection.
    case unsupportedSetup
    /// An answer's sections are not those of the offer.
    case mismatchedSections
    /// An answer without the address of a candidate.
    case noCandidate

    /// A stable text for the client.
    public var text: String {
        switch self {
        case .noAudio: "the description has no audio section"
        case .noMID: "an audio section has no a=mid"
        case .notBundled: "the audio sections are not in one BUNDLE group"
        case .noICECredentials: "a=ice-ufrag or a=ice-pwd is missing"
        case .malformedICECredentials: "a=ice-ufrag or a=ice-pwd is malformed"
        case .noFingerprint: "a=fingerprint is missing"
        case .malformedFingerprint: "a=fingerprint is malformed or of an unknown hash function"
        case .noRTCPMux: "a=rtcp-mux is missing"
        case .noOpus: "no audio section has opus/48000/2"
        case .unsupportedProtocol: "audio is not over UDP/TLS/RTP/SAVPF"
        case .unsupportedSetup: "a=setup is neither actpass nor active"
        case .mismatchedSections: "the answer's sections are not those of the offer"
        case .noCandidate: "the answer has no candidate with an IP address"
        }
    }
}
