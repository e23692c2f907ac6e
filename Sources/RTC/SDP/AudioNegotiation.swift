/// Answers a client's offer of bundled audio for an ICE-lite server.
///
/// Source: RFC 8829 §5.3, RFC 9143 §7.3, RFC 8842 §5.3, RFC 9725 §4.
public struct AudioNegotiation: Sendable {
    public var policy: NegotiationPolicy
    public var local: LocalTransport

    public init(policy: NegotiationPolicy, local: LocalTransport) {
        self.policy = policy
        self.local = local
    }

    /// The format parameters of Opus in every section: browsers refuse differing ones for one
    /// payload type. `usedtx` asks the client not to send silence (RFC 7587 §6.1).
    static let opusParameters = "minptime=10;useinbandfec=1;usedtx=1"

    /// Agrees with an offer. `newSSRC` is asked once for each slot, in order.
    ///
    /// The first section on which the client sends is its microphone, if it may send; each on
    /// which it receives is a slot, up to the policy's count. Other audio becomes inactive, what
    /// is not audio is rejected.
    public func answer(
        to offer: SessionDescription, newSSRC: () -> UInt32
    ) throws(NegotiationError) -> NegotiatedSession {
        let audio = offer.media.indices.filter {
            offer.media[$0].kind == "audio" && !offer.media[$0].isRejected
        }
        guard !audio.isEmpty else { throw .noAudio }
        for index in audio {
            guard
                ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"]
                    .contains(offer.media[index].transportProtocol)
            else { throw .unsupportedProtocol }
        }
        let remote = try RemoteTransport(of: offer, audio: audio)
        switch remote.setup {
        case .actpass, .active, nil: break  // An offer's default is active (RFC 4145 §4).
        case .passive, .holdconn: throw .unsupportedSetup
        }

        var answer = SessionDescription(
            sessionID: local.sessionID, sessionVersion: local.sessionVersion)
        answer.isICELite = true
        answer.attributes = [SDPAttribute("msid-semantic", " WMS *")]
        var session = NegotiatedSession(
            answer: answer, remoteCredentials: remote.credentials,
            remoteFingerprint: remote.fingerprint, remoteIsDTLSClient: true, microphone: nil,
            slots: [], remoteCandidates: offer.media.flatMap(\.candidates))
        var bundled: [String] = []
        for section in offer.media {
            guard section.kind == "audio", !section.isRejected, let mid = section.mid,
                let codec = AudioCodec(section, acceptsRED: policy.acceptsRED)
            else {
                session.answer.media.append(Self.rejection(of: section))
                continue
            }
            bundled.append(mid)
            let part = agree(
                on: section, mid: mid, codec: codec, in: &session, newSSRC: newSSRC)
            session.answer.media.append(part)
        }
        guard !bundled.isEmpty else { throw .noOpus }
        if !offer.bundleGroups.isEmpty { session.answer.bundleGroups = [bundled] }
        return session
    }

    /// Decides who sends on a section, and describes it.
    private func agree(
        on offered: MediaDescription, mid: String, codec: AudioCodec,
        in session: inout NegotiatedSession, newSSRC: () -> UInt32
    ) -> MediaDescription {
        let isMicrophone =
            offered.direction.sends && policy.maySend && session.microphone == nil
        let isSlot = offered.direction.receives && session.slots.count < policy.maySlots
        var section = describe(offered, mid: mid, codec: codec)
        section.direction = MediaDirection(sends: isSlot, receives: isMicrophone)
        if isMicrophone {
            session.microphone = NegotiatedMicrophone(
                mid: mid, opusPayloadType: codec.opusPayloadType,
                redPayloadType: codec.redPayloadType,
                audioLevelExtensionID: codec.audioLevelExtensionID,
                midExtensionID: codec.midExtensionID, isNACKEnabled: codec.isNACKEnabled,
                announcedSSRCs: offered.ssrcs.map(\.ssrc))
            // Only where the client sends: a listener finds a packet's section by its MID, and
            // we send none.
            if let id = codec.midExtensionID {
                section.extensions.append(
                    ExtensionMap(id: UInt16(id), uri: ExtensionMap.midURI))
            }
        }
        if isSlot {
            let ssrc = newSSRC()
            let number = session.slots.count
            session.slots.append(
                NegotiatedSlot(
                    mid: mid, opusPayloadType: codec.opusPayloadType,
                    redPayloadType: codec.redPayloadType, ssrc: ssrc,
                    isNACKEnabled: codec.isNACKEnabled,
                    audioLevelExtensionID: codec.audioLevelExtensionID))
            let msid = MediaStreamID(stream: "circles-\(number)", track: "slot-\(number)")
            section.msid = msid
            section.ssrcs = [SSRCDescription(ssrc: ssrc, cname: local.cname, msid: msid)]
        }
        return section
    }

    /// A section with the codecs and the transport of the answer.
    private func describe(
        _ offered: MediaDescription, mid: String, codec: AudioCodec
    ) -> MediaDescription {
        let opus = "\(codec.opusPayloadType)"
        var section = MediaDescription(
            kind: "audio", transportProtocol: offered.transportProtocol, formats: [opus])
        section.connection = "IN IP4 0.0.0.0"
        section.mid = mid
        section.rtcpReducedSize = offered.rtcpReducedSize
        section.rtpMaps[codec.opusPayloadType] = RTPMap(
            name: "opus", clockRate: 48_000, channels: 2)
        section.formatParameters[opus] = Self.opusParameters
        if codec.isNACKEnabled { section.feedback[opus] = ["nack"] }
        if let red = codec.redPayloadType {
            section.formats.append("\(red)")
            section.rtpMaps[red] = RTPMap(name: "red", clockRate: 48_000, channels: 2)
            section.formatParameters["\(red)"] = "\(opus)/\(opus)"
        }
        if let id = codec.audioLevelExtensionID {
            section.extensions.append(
                ExtensionMap(id: UInt16(id), uri: ExtensionMap.audioLevelURI))
        }
        local.describe(in: &section, setup: .passive)
        return section
    }

    /// Port 0 and outside the bundle, in the section's place.
    private static func rejection(of offered: MediaDescription) -> MediaDescription {
        var section = MediaDescription(
            kind: offered.kind, port: 0, transportProtocol: offered.transportProtocol,
            formats: offered.formats)
        section.connection = "IN IP4 0.0.0.0"
        section.mid = offered.mid
        section.direction = .inactive
        return section
    }
}
