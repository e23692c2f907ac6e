import RTC
import Testing

@Suite("Session description fragments (RFC 8840 §9, RFC 9725 §4.3)")
struct SDPFragmentTests {
    /// RFC 9725 §4.3.2, shortened.
    private static let restart = """
        a=ice-options:trickle ice2
        a=group:BUNDLE 0 1
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        a=mid:0
        a=ice-ufrag:ysXw
        a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0
        a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0
        a=end-of-candidates

        """

    @Test("a restart's credentials and candidates are read")
    func restartRequest() throws {
        let fragment = try SDPFragment(parsing: Array(Self.restart.utf8))
        #expect(
            fragment.credentials
                == ICECredentials(ufrag: "ysXw", password: "vw5LmwG4y/e6dPP/zAP9Gp5k"))
        #expect(fragment.sections.count == 1)
        #expect(fragment.sections[0].mid == "0")
        #expect(
            fragment.sections[0].candidates.map { $0.address?.description } == [
                "192.0.2.1:61764", "198.51.100.2:61765",
            ])
        #expect(fragment.sections[0].hasEndOfCandidates)
        #expect(try SDPFragment(parsing: Array(fragment.text.utf8)) == fragment)
    }

    @Test("a fragment without both credentials is no restart")
    func trickle() throws {
        let fragment = try SDPFragment(parsing: Array("a=ice-ufrag:ysXw\r\n".utf8))
        #expect(fragment.iceUfrag == "ysXw")
        #expect(fragment.credentials == nil)
        #expect(try SDPFragment(parsing: []) == SDPFragment())
    }

    @Test("the server's answer is written line by line")
    func restartAnswer() {
        var fragment = SDPFragment(iceUfrag: "newUfrag", icePwd: "newPasswordOf24Character")
        fragment.isICELite = true
        fragment.sections = [
            SDPFragment.Section(
                media: "audio 9 UDP/TLS/RTP/SAVPF 111", mid: "0",
                candidates: [ICECandidate(host: "2001:db8::1", port: 5000, index: 1)],
                hasEndOfCandidates: true)
        ]
        #expect(
            fragment.text.split(separator: "\r\n") == [
                "a=ice-lite", "a=ice-ufrag:newUfrag", "a=ice-pwd:newPasswordOf24Character",
                "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0",
                "a=candidate:2 1 udp 2130706175 2001:db8::1 5000 typ host",
                "a=end-of-candidates",
            ])
    }

    @Test("what is no fragment is refused")
    func refusals() {
        #expect(throws: SDPParseError.malformedLine(1)) {
            try SDPFragment(parsing: Array("{\"candidate\":\"\"}".utf8))
        }
        #expect(throws: SDPParseError.tooManyMediaSections) {
            try SDPFragment(parsing: Array(String(repeating: "m=x\n", count: 65).utf8))
        }
        #expect(throws: SDPParseError.tooLarge) {
            try SDPFragment(parsing: [UInt8](repeating: 0x61, count: 65_537))
        }
    }

    @Test(
        "damaged fragments are refused, or read as ones that read the same again",
        arguments: [111] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var mutator = PacketMutator(seed: seed)
        let samples = [Array(Self.restart.utf8)]
        for _ in 0..<20_000 {
            let bytes = mutator.damaged(samples)
            guard let fragment = try? SDPFragment(parsing: bytes) else { continue }
            guard (try? SDPFragment(parsing: Array(fragment.text.utf8))) == fragment else {
                Issue.record("seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
    }
}
