import MediaCrypto

/// What a description says about its writer's side of the transport.
struct RemoteTransport {
    let credentials: ICECredentials
    let fingerprint: CertificateFingerprint
    let setup: ConnectionSetup?

    /// Reads the transport of the audio sections. `indices` are those of the sections that carry
    /// audio, at least one.
    ///
    /// The first section of the BUNDLE group speaks for all of them, and the others may say
    /// nothing (RFC 9143 §7.1.3).
    init(of session: SessionDescription, audio indices: [Int]) throws(NegotiationError) {
        let group = try Self.group(of: session, audio: indices)
        var sections = indices.map { session.media[$0] }
        if let tagged = group.first.flatMap({ session.media(withMID: $0) }) {
            sections.insert(tagged, at: 0)
        }
        guard
            let carrier = sections.first(where: { $0.iceUfrag != nil && $0.icePwd != nil }),
            let ufrag = carrier.iceUfrag, let password = carrier.icePwd
        else { throw .noICECredentials }
        guard Self.isICEText(ufrag, byteCount: 4...256),
            Self.isICEText(password, byteCount: 22...256)
        else { throw .malformedICECredentials }
        credentials = ICECredentials(ufrag: ufrag, password: password)
        let texts = sections.first { !$0.fingerprints.isEmpty }?.fingerprints ?? []
        guard !texts.isEmpty else { throw .noFingerprint }
        let fingerprints = texts.compactMap { CertificateFingerprint(sdp: $0) }
        guard
            let fingerprint = fingerprints.first(where: { $0.hashFunction == .sha256 })
                ?? fingerprints.first
        else { throw .malformedFingerprint }
        self.fingerprint = fingerprint
        guard sections[0].rtcpMux || indices.allSatisfy({ session.media[$0].rtcpMux }) else {
            throw .noRTCPMux
        }
        setup = sections.first { $0.setup != nil }?.setup
    }

    /// The BUNDLE group of all audio sections; empty for a single section without one.
    private static func group(
        of session: SessionDescription, audio indices: [Int]
    ) throws(NegotiationError) -> [String] {
        var mids: [String] = []
        for index in indices {
            guard let mid = session.media[index].mid else { throw .noMID }
            mids.append(mid)
        }
        if let group = session.bundleGroups.first(where: { group in
            mids.allSatisfy { group.contains($0) }
        }) {
            return group
        }
        // One section has nothing to share its transport with.
        guard mids.count == 1, !session.bundleGroups.contains(where: { $0.contains(mids[0]) })
        else { throw .notBundled }
        return []
    }

    /// `ice-char` of RFC 8839 §5.1.
    private static func isICEText(_ text: String, byteCount: ClosedRange<Int>) -> Bool {
        byteCount.contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}
