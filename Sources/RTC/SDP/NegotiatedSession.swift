import MediaCrypto

/// What an offer and our answer to it agree on.
public struct NegotiatedSession: Sendable {
    public var answer: SessionDescription
    /// The client's fragment and password.
    public var remoteCredentials: ICECredentials
    /// What the client's certificate is held against.
    public var remoteFingerprint: CertificateFingerprint
    /// The client opens the DTLS association; always so, since an offer that says otherwise is
    /// refused.
    public var remoteIsDTLSClient: Bool
    /// The section on which the client sends.
    public var microphone: NegotiatedMicrophone?
    /// The sections on which the client receives, in the order of the offer.
    public var slots: [NegotiatedSlot]
    /// The client's candidates, which a lite agent has no use for.
    public var remoteCandidates: [ICECandidate]
}
