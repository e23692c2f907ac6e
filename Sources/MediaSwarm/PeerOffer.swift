import MediaCrypto
import RTC

/// What a peer of a swarm offers to the server, and keeps until the answer is there.
public struct PeerOffer: Sendable {
    /// To be posted as `application/sdp`.
    public let sdp: String
    let session: SessionDescription
    let credentials: ICECredentials
    let ssrc: UInt32

    /// Receives on `sections` sections, and sends on the first.
    init(certificate: DTLSCertificate, sections: Int, requestsRetransmission: Bool) {
        credentials = .random()
        ssrc = UInt32(truncatingIfNeeded: secureRandomUInt64()) | 1
        let local = LocalTransport(
            credentials: credentials, fingerprint: certificate.fingerprint, candidates: [],
            cname: "swarm", sessionID: secureRandomUInt64() >> 2)
        session =
            AudioOffer(
                local: local, sendsMicrophone: true, receiveSections: sections, ssrc: ssrc,
                requestsRetransmission: requestsRetransmission
            ).description
        sdp = session.text
    }

    /// What the server's answer makes of it.
    struct Agreement: Sendable {
        let remote: MediaClient.Remote
        let microphone: MediaClient.Microphone?
    }

    func agree(on answer: String) throws(SwarmError) -> Agreement {
        let read: AudioAnswer
        do {
            let session = try SessionDescription(parsing: answer)
            read = try AudioAnswer(session, to: self.session)
        } catch {
            throw .answer("\(error)")
        }
        let sent = read.sections.first { $0.direction.receives && $0.payloadType != nil }
        return Agreement(
            remote: .init(
                credentials: read.remoteCredentials, fingerprint: read.remoteFingerprint,
                address: read.candidates[0]),
            microphone: sent.map {
                .init(
                    ssrc: ssrc, payloadType: $0.payloadType ?? AudioOffer.opusPayloadType,
                    audioLevelExtensionID: $0.audioLevelExtensionID ?? 0)
            })
    }
}
