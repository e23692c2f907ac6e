import MediaCrypto
import RTC
import Testing

@Suite("Offers of our own clients, and the answers to them (RFC 8829 §5.2)")
struct AudioOfferTests {
    private func offer(sends: Bool, receives: Int) throws -> SessionDescription {
        var local = try AudioNegotiationTests.local()
        local.candidates = []
        return AudioOffer(
            local: local, sendsMicrophone: sends, receiveSections: receives, ssrc: 42
        ).description
    }

    @Test(
        "the sections are those that were asked for",
        arguments: [
            (true, 8, ["sendrecv"] + Array(repeating: "recvonly", count: 7)),
            (false, 2, ["recvonly", "recvonly"]), (true, 0, ["sendonly"]),
        ])
    func sections(sends: Bool, receives: Int, directions: [String]) throws {
        let offer = try offer(sends: sends, receives: receives)
        #expect(offer.media.map(\.direction.rawValue) == directions)
        #expect(offer.media[0].ssrcs.map(\.ssrc) == (sends ? [42] : []))
        #expect(try SessionDescription(parsing: offer.text) == offer)
    }

    @Test("server and client agree on every section")
    func agreement() throws {
        let offer = try offer(sends: true, receives: 8)
        let session = try AudioNegotiationTests.negotiate(offer.text)
        let answer = try AudioAnswer(
            SessionDescription(parsing: session.answer.text), to: offer)
        #expect(session.microphone?.announcedSSRCs == [42])
        #expect(answer.sections.map(\.mid) == session.slots.map(\.mid))
        #expect(answer.sections.map(\.ssrc) == session.slots.map(\.ssrc))
        #expect(answer.sections.allSatisfy { $0.payloadType == 111 && $0.isNACKEnabled })
        #expect(answer.sections.map(\.direction).prefix(2) == [.sendrecv, .sendonly])
        #expect(answer.candidates.map(\.description) == ["198.51.100.7:5000"])
        #expect(answer.remoteCredentials.ufrag == "srvUfrag")
        #expect(answer.remoteFingerprint == (try AudioNegotiationTests.local().fingerprint))
    }

    @Test(
        "an answer that cannot be used is refused by its reason",
        arguments: [
            ("a=mid:1", "a=mid:9", NegotiationError.mismatchedSections),
            ("m=audio 9", "m=audio 0", .noAudio),
            ("a=setup:passive", "a=setup:active", .unsupportedSetup),
            ("a=candidate", "a=no-candidate", .noCandidate),
            ("opus/48000/2", "L16/48000/2", .noOpus),
            ("a=ice-ufrag", "a=frag", .noICECredentials),
        ])
    func refusals(text: String, replacement: String, error: NegotiationError) throws {
        let offer = try offer(sends: false, receives: 2)
        let session = try AudioNegotiationTests.negotiate(offer.text)
        let damaged = try SessionDescription(
            parsing: session.answer.text.replacing(text, with: replacement))
        #expect(throws: error) { try AudioAnswer(damaged, to: offer) }
    }
}
