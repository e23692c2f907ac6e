import RTC
import Testing

@Suite("Session descriptions (RFC 8866, RFC 8829, RFC 8839)")
struct SessionDescriptionTests {
    @Test("what is read is written so that it reads the same", arguments: ClientOffers.all)
    func roundTrip(offer: ClientOffers.Named) throws {
        let session = try SessionDescription(parsing: offer.text)
        #expect(try SessionDescription(parsing: session.text) == session)
        #expect(session.text.utf8.filter { $0 == 10 }.count > 10)
    }

    @Test("line ends may lack the carriage return", arguments: ClientOffers.all)
    func carriageReturns(offer: ClientOffers.Named) throws {
        let lines = offer.text.split(separator: "\n").joined(separator: "\r\n") + "\r\n"
        #expect(
            try SessionDescription(parsing: lines) == SessionDescription(parsing: offer.text))
    }

    @Test("Chromium's speaker: sections, codecs, feedback, sources")
    func chromium() throws {
        let session = try SessionDescription(parsing: ClientOffers.chromiumSpeaker)
        #expect(session.sessionID == 4_611_731_400_430_051_336)
        #expect(session.sessionVersion == 2)
        #expect(session.bundleGroups == [["0", "1", "2", "3", "4", "5", "6", "7"]])
        #expect(session.media.count == 8)
        let first = try #require(session.media.first)
        #expect(first.kind == "audio")
        #expect(first.formats.count == 8)
        #expect(first.direction == .sendrecv)
        #expect(first.rtpMaps[111] == RTPMap(name: "opus", clockRate: 48_000, channels: 2))
        #expect(first.formatParameters["63"] == "111/111")
        #expect(first.feedback["111"] == ["transport-cc", "nack"])
        #expect(first.extensions.map(\.id) == [1, 2, 3, 4])
        let msid = MediaStreamID(stream: "2b1e", track: "0c2d")
        #expect(first.msid == msid)
        #expect(
            first.ssrcs == [
                SSRCDescription(ssrc: 1_234_567_890, cname: "Vx1+abc/", msid: msid)
            ])
        #expect(first.iceUfrag == "Yd6h")
        #expect(first.setup == .actpass)
        #expect(first.rtcpMux && first.rtcpReducedSize && !first.isRejected)
        #expect(first.attribute("rtcp") == "9 IN IP4 0.0.0.0")
        #expect(session.media(withMID: "7")?.direction == .recvonly)
    }

    @Test("Firefox: session-level fingerprint, bundle-only section, extension directions")
    func firefox() throws {
        let session = try SessionDescription(parsing: ClientOffers.firefox)
        #expect(session.media.allSatisfy { $0.fingerprints.count == 1 })
        #expect(session.media[1].bundleOnly && !session.media[1].isRejected)
        #expect(session.media[1].port == 0)
        #expect(session.media[0].extensions[1].direction == .recvonly)
        #expect(session.media[1].iceOptions == "trickle")
    }

    @Test("aiortc: candidates with their addresses")
    func candidates() throws {
        let session = try SessionDescription(parsing: ClientOffers.aiortc)
        let section = try #require(session.media.first)
        #expect(
            section.candidates.map { $0.address?.description } == [
                "192.168.1.7:46123", "203.0.113.5:46123",
            ])
        #expect(section.candidates.map(\.type) == ["host", "srflx"])
        #expect(section.candidates[0].priority == 2_130_706_431)
        #expect(section.hasEndOfCandidates)
        #expect(section.fingerprints.count == 2)
    }

    @Test("GStreamer: feedback for all formats is feedback for each")
    func wildcardFeedback() throws {
        let session = try SessionDescription(parsing: ClientOffers.gstreamer)
        #expect(session.media[0].feedback == ["97": ["nack pli", "nack"]])
    }

    @Test("the attributes of the session level are for the sections that lack them")
    func sessionLevel() throws {
        let session = try SessionDescription(
            parsing: """
                v=0
                o=- 1 1 IN IP4 0.0.0.0
                s=-
                c=IN IP4 192.0.2.1
                t=0 0
                a=recvonly
                a=ice-ufrag:aaaa
                a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa
                a=setup:active
                a=fingerprint:sha-1 00
                m=audio 9 UDP/TLS/RTP/SAVPF 111
                m=audio 9 UDP/TLS/RTP/SAVPF 111
                c=IN IP4 0.0.0.0
                a=inactive
                a=inactive
                a=ice-ufrag:bbbb
                a=ice-ufrag:cccc
                a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb
                a=setup:passive
                a=fingerprint:sha-1 11
                """)
        let (first, second) = (session.media[0], session.media[1])
        #expect(first.direction == .recvonly)
        #expect(first.iceUfrag == "aaaa")
        #expect(first.setup == .active)
        #expect(first.connection == "IN IP4 192.0.2.1")
        #expect(first.fingerprints == ["sha-1 00"])
        #expect(second.direction == .inactive)
        #expect(second.iceUfrag == "bbbb")
        #expect(second.icePwd == "bbbbbbbbbbbbbbbbbbbbbb")
        #expect(second.setup == .passive)
        #expect(second.connection == "IN IP4 0.0.0.0")
        #expect(second.fingerprints == ["sha-1 11"])
    }

    private static let head = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\n"
    private static let media = "m=audio 9 UDP/TLS/RTP/SAVPF 111\n"

    private static let opening = head + media

    /// A text under its error, since some texts are long.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let error: SDPParseError
        var testDescription: String { "\(error)" }

        init(_ text: String, _ error: SDPParseError) {
            self.text = text
            self.error = error
        }
    }

    private static let refused = [
        Refusal("", .missingVersion), Refusal("o=- 1 1 IN IP4 0.0.0.0\n", .missingVersion),
        Refusal("v=1\n", .missingVersion), Refusal("v=0\n", .missingOrigin),
        Refusal("v=0\n\(media)", .missingOrigin),
        Refusal("v=0\no=- 1 IN IP4 0.0.0.0\n", .malformedOrigin(line: 2)),
        Refusal("v=0\no=- -1 1 IN IP4 0.0.0.0\n", .malformedOrigin(line: 2)),
        Refusal("v=0\no=- 1 18446744073709551616 IN IP4 ::\n", .malformedOrigin(line: 2)),
        Refusal("v=0\nx\n", .malformedLine(2)), Refusal("v=0\n=x\n", .malformedLine(2)),
        Refusal("v=0\n\na=x\ry\n", .malformedLine(3)), Refusal("v=0\na=\0\n", .malformedLine(2)),
        Refusal("\(head)m=audio 9 X\n", .malformedMedia(line: 5)),
        Refusal("\(head)m=audio 65536 X 0\n", .malformedMedia(line: 5)),
        Refusal("\(opening)a=rtpmap:111 opus\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=rtpmap:128 opus/48000\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=rtpmap:111 opus/99999999999\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=fmtp:111\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=extmap:0 urn:x\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=extmap:4096 urn:x\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=ssrc:4294967296 cname:x\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=setup:never\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=mid:a b\n", .malformedAttribute(line: 6)),
        Refusal("\(opening)a=mid:0\n\(media)a=mid:0\n", .duplicateMID),
        Refusal("\(head)\(String(repeating: media, count: 65))", .tooManyMediaSections),
        Refusal(
            "\(head)m=audio 9 X\(String(repeating: " 0", count: 129))\n", .tooManyValues(line: 5)),
        Refusal(
            "\(opening)\(String(repeating: "a=rtcp-fb:* x\n", count: 17))",
            .tooManyValues(line: 22)),
        Refusal(
            "\(opening)\(String(repeating: "a=extmap:1 urn:x\n", count: 257))",
            .tooManyValues(line: 262)),
        Refusal(
            "\(opening)\((0...256).map { "a=ssrc:\($0) cname:x\n" }.joined())",
            .tooManyValues(line: 262)),
        Refusal("\(head)\(String(repeating: "a=x\n", count: 4093))", .tooManyLines),
        Refusal("\(head)a=\(String(repeating: "x", count: 65_536))", .tooLarge),
    ]

    @Test("what is no description is refused by its reason", arguments: refused)
    func refusals(refusal: Refusal) {
        #expect(throws: refusal.error) { try SessionDescription(parsing: refusal.text) }
    }

    @Test("the bounds themselves are within bounds")
    func bounds() throws {
        let sections = try SessionDescription(
            parsing: Self.head + String(repeating: Self.media, count: 64))
        #expect(sections.media.count == 64)
        _ = try SessionDescription(
            parsing: Self.head + String(repeating: "a=x\n", count: 4092))
    }

    @Test("candidates of other forms, and lines of other types, are no reason to refuse")
    func unknownLines() throws {
        let session = try SessionDescription(
            parsing: Self.head + "b=AS:64\nk=prompt\n" + Self.media
                + "a=candidate:1 1 udp x 192.0.2.1 9 typ host\ni=title\na=made-up\n"
                + "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active\n"
                + "a=candidate:1 1 udp 1 4f2a.local 9 typ host\n")
        let section = session.media[0]
        #expect(section.candidates.count == 2)
        #expect(section.candidates.allSatisfy { $0.address == nil })
        #expect(section.attribute("made-up") == "")
        #expect(section.attribute("candidate") != nil)
        #expect(section.attribute("absent") == nil)
    }

    @Test(
        "damaged descriptions are refused, or read as ones that read the same again",
        arguments: [81, 82] as [UInt64])
    func survivesMutation(seed: UInt64) throws {
        var mutator = PacketMutator(seed: seed)
        let samples = ClientOffers.all.map { Array($0.text.utf8) }
        let short = [ClientOffers.firefox, ClientOffers.aiortc, ClientOffers.gstreamer]
            .map { Array($0.utf8) }
        var readCount = 0
        for round in 0..<10_000 {
            let bytes = mutator.damaged(round % 10 == 0 ? samples : short)
            guard let session = try? SessionDescription(parsing: bytes) else { continue }
            readCount += 1
            guard (try? SessionDescription(parsing: session.text)) == session else {
                Issue.record("seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
        #expect(readCount > 1000, "seed \(seed)")
    }
}
