import MediaCrypto

/// What a description of ours says about our side of the transport.
public struct LocalTransport: Sendable {
    public var credentials: ICECredentials
    public var fingerprint: CertificateFingerprint
    /// Host candidates for UDP, the preferred one first.
    public var candidates: [ICECandidate]
    /// The canonical name of our sources.
    public var cname: String
    public var sessionID: UInt64
    /// Rises with each description of the session.
    public var sessionVersion: UInt64

    public init(
        credentials: ICECredentials, fingerprint: CertificateFingerprint,
        candidates: [ICECandidate], cname: String, sessionID: UInt64, sessionVersion: UInt64 = 1
    ) {
        self.credentials = credentials
        self.fingerprint = fingerprint
        self.candidates = candidates
        self.cname = cname
        self.sessionID = sessionID
        self.sessionVersion = sessionVersion
    }

    /// Writes the transport into a section.
    func describe(in section: inout MediaDescription, setup: ConnectionSetup) {
        section.rtcpMux = true
        section.iceUfrag = credentials.ufrag
        section.icePwd = credentials.password
        section.fingerprints = [fingerprint.sdp]
        section.setup = setup
        section.candidates = candidates
        section.hasEndOfCandidates = !candidates.isEmpty
    }
}
