import MediaCrypto

/// What a server's answer says to the client that made the offer.
public struct AudioAnswer: Sendable {
    /// One section of the offer.
    public struct Section: Sendable, Hashable {
        public var mid: String
        /// Seen from the server: `sendonly` is heard here.
        public var direction: MediaDirection
        /// Payload type of Opus; `nil` for a rejected section.
        public var payloadType: UInt8?
        /// The server's source on the section.
        public var ssrc: UInt32?
        /// The server accepts requests for missing packets.
        public var isNACKEnabled: Bool
        /// 1…14.
        public var audioLevelExtensionID: UInt8?
    }

    public var remoteCredentials: ICECredentials
    public var remoteFingerprint: CertificateFingerprint
    /// The server's addresses, its preferred one first.
    public var candidates: [TransportAddress]
    /// In the order of the offer.
    public var sections: [Section]

    /// Reads an answer to an offer of ours.
    public init(
        _ answer: SessionDescription, to offer: SessionDescription
    ) throws(NegotiationError) {
        guard answer.media.map(\.mid) == offer.media.map(\.mid) else {
            throw .mismatchedSections
        }
        let audio = answer.media.indices.filter {
            answer.media[$0].kind == "audio" && !answer.media[$0].isRejected
        }
        guard !audio.isEmpty else { throw .noAudio }
        let remote = try RemoteTransport(of: answer, audio: audio)
        // This side opens the association; an answer's default is passive (RFC 4145 §4).
        guard remote.setup == .passive || remote.setup == nil else { throw .unsupportedSetup }
        remoteCredentials = remote.credentials
        remoteFingerprint = remote.fingerprint
        let addressed = answer.media.flatMap(\.candidates)
            .compactMap { candidate in candidate.address.map { (candidate.priority, $0) } }
            .sorted { $0.0 > $1.0 }.map(\.1)
        var seen: Set<TransportAddress> = []
        candidates = addressed.filter { seen.insert($0).inserted }
        guard !candidates.isEmpty else { throw .noCandidate }
        sections = answer.media.map { section in
            let codec =
                section.isRejected ? nil : AudioCodec(section, acceptsRED: false)
            return Section(
                mid: section.mid ?? "", direction: section.direction,
                payloadType: codec?.opusPayloadType, ssrc: section.ssrcs.first?.ssrc,
                isNACKEnabled: codec?.isNACKEnabled ?? false,
                audioLevelExtensionID: codec?.audioLevelExtensionID)
        }
        guard sections.contains(where: { $0.payloadType != nil }) else { throw .noOpus }
    }
}
