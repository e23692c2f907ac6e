import MediaCrypto
import Testing

@testable import RTC

@Suite("Answers of the server (RFC 8829 §5.3, RFC 9143 §7.3, RFC 8842 §5.3)")
struct AudioNegotiationTests {
    static func local(version: UInt64 = 1) throws -> LocalTransport {
        let fingerprint = try #require(
            CertificateFingerprint(hashFunction: .sha256, bytes: Array(0..<32)))
        return LocalTransport(
            credentials: ICECredentials(ufrag: "srvUfrag", password: "srvPasswordOf24Character"),
            fingerprint: fingerprint,
            candidates: [ICECandidate(host: "198.51.100.7", port: 5000)], cname: "circles",
            sessionID: 77, sessionVersion: version)
    }

    static func negotiate(
        _ offer: String, maySend: Bool = true, maySlots: Int = 8, acceptsRED: Bool = true,
        version: UInt64 = 1
    ) throws -> NegotiatedSession {
        let negotiation = AudioNegotiation(
            policy: NegotiationPolicy(
                maySend: maySend, maySlots: maySlots, acceptsRED: acceptsRED),
            local: try local(version: version))
        var ssrc: UInt32 = 1000
        return try negotiation.answer(to: SessionDescription(parsing: offer)) {
            ssrc += 1
            return ssrc
        }
    }

    private func directions(_ session: NegotiatedSession) -> [MediaDirection] {
        session.answer.media.map(\.direction)
    }

    @Test(
        "an answer has the offer's sections in order, and reads again",
        arguments: ClientOffers.all, [true, false])
    func shape(offer: ClientOffers.Named, maySend: Bool) throws {
        let offered = try SessionDescription(parsing: offer.text)
        let session = try Self.negotiate(offer.text, maySend: maySend)
        let answer = session.answer
        #expect(try SessionDescription(parsing: answer.text) == answer)
        #expect(answer.media.map(\.mid) == offered.media.map(\.mid))
        #expect(answer.media.map(\.kind) == offered.media.map(\.kind))
        #expect(answer.isICELite)
        let accepted = answer.media.filter { !$0.isRejected }
        #expect(accepted.allSatisfy { $0.setup == .passive && $0.rtcpMux && $0.kind == "audio" })
        #expect(
            answer.bundleGroups
                == (offered.bundleGroups.isEmpty ? [] : [accepted.compactMap(\.mid)]))
        // One text for one payload type in every section.
        #expect(
            accepted.allSatisfy { section in
                section.formatParameters[section.formats[0]]
                    == "minptime=10;useinbandfec=1;usedtx=1"
            })
        // What we send on has no MID.
        for section in accepted where !section.direction.receives {
            #expect(!section.extensions.contains { $0.uri == ExtensionMap.midURI })
        }
    }

    @Test("Chromium's speaker is answered line by line")
    func chromiumSpeaker() throws {
        let session = try Self.negotiate(ClientOffers.chromiumSpeaker, maySlots: 1)
        let expected = """
            v=0
            o=- 77 1 IN IP4 127.0.0.1
            s=-
            t=0 0
            a=group:BUNDLE 0 1 2 3 4 5 6 7
            a=ice-lite
            a=msid-semantic: WMS *
            m=audio 9 UDP/TLS/RTP/SAVPF 111 63
            c=IN IP4 0.0.0.0
            a=mid:0
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
            a=sendrecv
            a=msid:circles-0 slot-0
            a=rtcp-mux
            a=rtcp-rsize
            a=rtpmap:111 opus/48000/2
            a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1
            a=rtcp-fb:111 nack
            a=rtpmap:63 red/48000/2
            a=fmtp:63 111/111
            a=ice-ufrag:srvUfrag
            a=ice-pwd:srvPasswordOf24Character
            a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:\
            15:16:17:18:19:1A:1B:1C:1D:1E:1F
            a=setup:passive
            a=ssrc:1001 cname:circles
            a=ssrc:1001 msid:circles-0 slot-0
            a=candidate:1 1 udp 2130706431 198.51.100.7 5000 typ host
            a=end-of-candidates
            m=audio 9 UDP/TLS/RTP/SAVPF 111 63
            c=IN IP4 0.0.0.0
            a=mid:1
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
            a=inactive

            """.split(separator: "\n").joined(separator: "\r\n") + "\r\n"
        #expect(session.answer.text.hasPrefix(expected), "\(session.answer.text)")
        #expect(
            session.microphone
                == NegotiatedMicrophone(
                    mid: "0", opusPayloadType: 111, redPayloadType: 63, audioLevelExtensionID: 1,
                    midExtensionID: 4, isNACKEnabled: true, announcedSSRCs: [1_234_567_890]))
        #expect(
            session.slots == [
                NegotiatedSlot(
                    mid: "0", opusPayloadType: 111, redPayloadType: 63, ssrc: 1001,
                    isNACKEnabled: true, audioLevelExtensionID: 1)
            ])
        #expect(session.remoteCredentials.ufrag == "Yd6h")
        #expect(session.remoteCredentials.password == "6qwIYcq0Yd8UXJIXGY3JeRUx")
        #expect(session.remoteFingerprint.bytes.first == 0xA0)
        #expect(session.remoteIsDTLSClient)
    }

    @Test("a listener's eight sections are eight slots with a source each")
    func chromiumListener() throws {
        let session = try Self.negotiate(ClientOffers.chromiumListener, maySend: false)
        #expect(session.microphone == nil)
        #expect(session.slots.map(\.mid) == (0..<8).map { "\($0)" })
        #expect(session.slots.map(\.ssrc) == Array(1001...1008))
        #expect(directions(session).allSatisfy { $0 == .sendonly })
        #expect(session.answer.media[7].msid?.text == "circles-7 slot-7")
    }

    @Test("who may not send is answered sendonly on a section for both")
    func mayNotSend() throws {
        let session = try Self.negotiate(ClientOffers.chromiumSpeaker, maySend: false)
        #expect(session.microphone == nil)
        #expect(session.slots.count == 8)
        #expect(directions(session).allSatisfy { $0 == .sendonly })
        let silent = try Self.negotiate(ClientOffers.gstreamer, maySend: false)
        #expect(directions(silent) == [.inactive])
    }

    @Test("sections beyond the slots are inactive, the microphone's still sends")
    func slotLimit() throws {
        let session = try Self.negotiate(ClientOffers.chromiumSpeaker, maySlots: 3)
        #expect(
            directions(session)
                == [.sendrecv, .sendonly, .sendonly] + Array(repeating: .inactive, count: 5))
        let none = try Self.negotiate(ClientOffers.chromiumSpeaker, maySlots: 0)
        #expect(directions(none)[0] == .recvonly)
        #expect(none.microphone?.mid == "0")
        #expect(none.answer.media[0].msid == nil)
    }

    @Test("the first section that sends is the microphone, others are none")
    func secondMicrophone() throws {
        let both = ClientOffers.chromiumSpeaker
            .replacing("a=recvonly", with: "a=sendonly", maxReplacements: 1)
            .replacing("a=recvonly", with: "a=sendrecv", maxReplacements: 1)
        let session = try Self.negotiate(both)
        #expect(directions(session).prefix(4) == [.sendrecv, .inactive, .sendonly, .sendonly])
        #expect(session.slots.map(\.mid) == ["0", "2", "3", "4", "5", "6", "7"])
    }

    @Test("Firefox: its payload types, and a bundle-only section as a slot")
    func firefox() throws {
        let session = try Self.negotiate(ClientOffers.firefox)
        #expect(session.microphone?.opusPayloadType == 109)
        #expect(session.microphone?.redPayloadType == nil)
        #expect(session.microphone?.isNACKEnabled == false)
        #expect(session.microphone?.midExtensionID == 3)
        #expect(directions(session) == [.sendrecv, .sendonly])
        #expect(session.answer.media.allSatisfy { $0.port == 9 && $0.formats == ["109"] })
    }

    @Test("aiortc: the strongest fingerprint that all sides know, its candidates")
    func aiortc() throws {
        let session = try Self.negotiate(ClientOffers.aiortc)
        #expect(session.remoteFingerprint.hashFunction == .sha256)
        #expect(session.remoteCandidates.count == 2)
        #expect(session.microphone?.audioLevelExtensionID == 2)
    }

    @Test("GStreamer: one section without a group is answered without one")
    func gstreamer() throws {
        let session = try Self.negotiate(ClientOffers.gstreamer)
        #expect(session.answer.bundleGroups.isEmpty)
        #expect(session.microphone?.mid == "audio0")
        #expect(session.microphone?.isNACKEnabled == true)
        #expect(directions(session) == [.recvonly])
    }

    @Test("LiveKit's Python: data and video are rejected outside the bundle")
    func liveKitPython() throws {
        let session = try Self.negotiate(ClientOffers.liveKitPython)
        let answer = session.answer
        #expect(answer.bundleGroups == [["13"]])
        #expect(answer.media.map(\.isRejected) == [true, true, false])
        #expect(answer.media[0].formats == ["webrtc-datachannel"])
        #expect(answer.media[1].formats == ["96", "97"])
        #expect(answer.media[1].iceUfrag == nil)
        #expect(session.microphone?.mid == "13")
        #expect(session.microphone?.announcedSSRCs == [998_877])
    }

    @Test("redundant audio is agreed to only if it is wanted and made of this Opus")
    func redundantAudio() throws {
        let unwanted = try Self.negotiate(ClientOffers.chromiumSpeaker, acceptsRED: false)
        #expect(unwanted.microphone?.redPayloadType == nil)
        #expect(unwanted.answer.media[0].formats == ["111"])
        let other = ClientOffers.chromiumSpeaker.replacing(
            "a=fmtp:63 111/111", with: "a=fmtp:63 9/9")
        #expect(try Self.negotiate(other).microphone?.redPayloadType == nil)
        let plain = ClientOffers.chromiumSpeaker.replacing("a=fmtp:63 111/111\n", with: "")
        #expect(try Self.negotiate(plain).microphone?.redPayloadType == nil)
    }

    @Test("a section without Opus is rejected, the others are not")
    func sectionWithoutOpus() throws {
        let offer = ClientOffers.firefox.replacing(
            "a=rtpmap:109 opus/48000/2\na=rtpmap:101", with: "a=rtpmap:101")
        let session = try Self.negotiate(offer)
        #expect(session.answer.media.map(\.isRejected) == [false, true])
        #expect(session.answer.bundleGroups == [["0"]])
    }

    @Test("an ICE restart has the next version")
    func versions() throws {
        let session = try Self.negotiate(ClientOffers.chromiumSpeaker, version: 2)
        #expect(session.answer.text.contains("\r\no=- 77 2 IN IP4 127.0.0.1\r\n"))
    }

    @Test(
        "what cannot be answered is refused by its reason",
        arguments: [
            ("m=audio 9", "m=video 9", NegotiationError.noAudio),
            ("m=audio 9", "m=audio 0", .noAudio),
            ("a=mid:", "a=middle:", .noMID),
            ("a=group:BUNDLE", "a=group:LS", .notBundled),
            ("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 9", .notBundled),
            ("a=ice-ufrag:", "a=ice-frag:", .noICECredentials),
            ("a=ice-pwd:", "a=ice-password:", .noICECredentials),
            ("a=ice-ufrag:Yd6h", "a=ice-ufrag:Yd6", .malformedICECredentials),
            ("a=ice-ufrag:Yd6h", "a=ice-ufrag:Yd6:", .malformedICECredentials),
            ("a=ice-pwd:6qwI", "a=ice-pwd:", .malformedICECredentials),
            ("a=fingerprint:", "a=footprint:", .noFingerprint),
            ("a=fingerprint:sha-256 A0", "a=fingerprint:sha-256 G0", .malformedFingerprint),
            ("a=fingerprint:sha-256 A0", "a=fingerprint:sha-3 A0", .malformedFingerprint),
            ("a=rtcp-mux", "a=rtcp-max", .noRTCPMux),
            ("opus/48000/2", "opus/48000", .noOpus),
            ("UDP/TLS/RTP/SAVPF", "RTP/AVP", .unsupportedProtocol),
            ("a=setup:actpass", "a=setup:passive", .unsupportedSetup),
            ("a=setup:actpass", "a=setup:holdconn", .unsupportedSetup),
        ])
    func refusals(text: String, replacement: String, error: NegotiationError) {
        var offer = ClientOffers.chromiumSpeaker.replacing(text, with: replacement)
        if text == "a=ice-pwd:6qwI" {
            offer = offer.replacing("a=ice-pwd:Ycq0Yd8UXJIXGY3JeRUx", with: "a=ice-pwd:short")
        }
        #expect(throws: error) { try Self.negotiate(offer) }
    }

    @Test(
        "a client that is the DTLS client by its own word is answered", arguments: ["active", nil])
    func setups(setup: String?) throws {
        let offer = ClientOffers.chromiumSpeaker.replacing(
            "a=setup:actpass\n", with: setup.map { "a=setup:\($0)\n" } ?? "")
        #expect(try Self.negotiate(offer).remoteIsDTLSClient)
    }

    @Test("each refusal has a text of its own")
    func texts() {
        #expect(
            Set(NegotiationError.allCases.map(\.text)).count == NegotiationError.allCases.count)
    }

    @Test("damaged offers are refused or answered readably", arguments: [101] as [UInt64])
    func survivesMutation(seed: UInt64) throws {
        var mutator = PacketMutator(seed: seed)
        let samples = [ClientOffers.firefox, ClientOffers.aiortc, ClientOffers.liveKitPython]
            .map { Array($0.utf8) }
        var answerCount = 0
        for _ in 0..<4000 {
            let text = String(decoding: mutator.damaged(samples), as: UTF8.self)
            guard let session = try? Self.negotiate(text) else { continue }
            answerCount += 1
            guard (try? SessionDescription(parsing: session.answer.text)) == session.answer else {
                Issue.record("seed \(seed): \(text)")
                return
            }
        }
        #expect(answerCount > 100, "seed \(seed)")
    }
}
