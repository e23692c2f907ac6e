import Testing

@testable import MediaCrypto

@Suite("SRTP vectors (RFC 3711 appendix B, RFC 7714 §16 and §17)")
struct SRTPVectorTests {
    @Test("the AES-CM keystream is that of RFC 3711 appendix B.2, first and last blocks")
    func keystream() throws {
        let key = SRTPSessionKey(
            profile: .aes128CMSHA1_80, encryption: hex("2B7E151628AED2A6ABF7158809CF4F3C"),
            authentication: [UInt8](repeating: 0, count: 20),
            salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
        let cipher = try SRTPCipher(key, .seal)
        let length = 12 + 0xFF02 * 16
        var packet = [UInt8](repeating: 0, count: length + 10)
        let sealed = packet.withUnsafeMutableBufferPointer {
            cipher.sealRTP($0.baseAddress!, headerLength: 12, length: length, ssrc: 0, index: 0)
        }
        #expect(sealed == length + 10)
        for (block, expected) in [
            (0, "E03EAD0935C95E80E166B16DD92B4EB4"), (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (2, "41E95B3BB0A2E8DD477901E4FCA894C0"), (0xFEFF, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xFF00, "362B7C3C6773516318A077D7FC5073AE"),
            (0xFF01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ] {
            let start = 12 + 16 * block
            #expect(Array(packet[start..<(start + 16)]) == hex(expected), "block \(block)")
        }
    }

    @Test("session keys are derived as in RFC 3711 appendix B.3")
    func keyDerivation() throws {
        let master = SRTPMasterKey(
            profile: .aes128CMSHA1_80, key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            salt: hex("0EC675AD498AFEEBB6960B3AABE6"))
        let session = try SRTPSessionKey(master, for: .rtp)
        #expect(session.encryption == hex("C61E7A93744F39EE10734AFE3FF7A087"))
        #expect(session.salt == hex("30CBBC08863D8C85D49DB34A9AE1"))
        #expect(session.authentication == hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
        let authentication = try SRTPSessionKey.derive(master, label: 1, byteCount: 94)
        #expect(
            authentication
                == hex(
                    """
                    CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
                    E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
                    6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2
                    """))
    }

    // RFC 7714 gives session keys: no derivation.
    static let gcmSession = SRTPSessionKey(
        profile: .aeadAES128GCM, encryption: hex("000102030405060708090a0b0c0d0e0f"),
        authentication: [], salt: hex("517569642070726f2071756f"))

    @Test("an SRTP packet is that of RFC 7714 §16.1, both ways")
    func gcmRTP() throws {
        let plain = hex(
            """
            8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
            696e2070 61727465 73207472 6573
            """)
        let sealed = hex(
            """
            8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
            42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce
            """)
        var protector = try SRTPProtector(rtp: Self.gcmSession, rtcp: Self.gcmSession)
        let ours = protector.sealed(rtp: plain)
        #expect(ours == sealed)
        var unprotector = try SRTPUnprotector(rtp: Self.gcmSession, rtcp: Self.gcmSession)
        let opened = unprotector.opened(rtp: sealed)
        #expect(opened.packet == plain)
        #expect(opened.extendedSequence == 0xF17B)
    }

    @Test("an SRTCP packet is that of RFC 7714 §17.1, both ways")
    func gcmRTCP() throws {
        let plain = hex(
            """
            81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
            deadbeef deadbeef deadbeef deadbeef
            """)
        let sealed = hex(
            """
            81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
            730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4
            """)
        var protector = try SRTPProtector(
            rtp: Self.gcmSession, rtcp: Self.gcmSession, rtcpIndex: 0x5D4)
        let ours = protector.sealed(rtcp: plain)
        #expect(ours == sealed)
        var unprotector = try SRTPUnprotector(rtp: Self.gcmSession, rtcp: Self.gcmSession)
        let opened = unprotector.opened(rtcp: sealed)
        #expect(opened.packet == plain)
        #expect(opened.extendedSequence == 0x5D4)
    }

    @Test("SRTCP that is only tagged, RFC 7714 §17.3, is refused")
    func gcmRTCPTagOnly() throws {
        let tagged = hex(
            """
            81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
            deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4
            """)
        var unprotector = try SRTPUnprotector(rtp: Self.gcmSession, rtcp: Self.gcmSession)
        let opened = unprotector.opened(rtcp: tagged)
        #expect(opened.rejection == .notEncrypted)
    }

    struct ReferencePacket: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var master: SRTPMasterKey
        var rtp: [UInt8]
        var rtcp: [UInt8]
    }

    // The reference packets that libsrtp's own test driver holds: they pin key derivation,
    // packet layout and byte order of both profiles against what browsers run.
    static let references = [
        ReferencePacket(
            testDescription: "AES128_CM_SHA1_80",
            master: SRTPMasterKey(
                profile: .aes128CMSHA1_80, key: hex("e1f97a0d3e018be0d64fa32c06de4139"),
                salt: hex("0ec675ad498afeebb6960b3aabe6")),
            rtp: hex(
                """
                800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b
                8dbb
                """),
            rtcp: hex(
                """
                81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123
                0798
                """)),
        ReferencePacket(
            testDescription: "AEAD_AES_128_GCM",
            master: SRTPMasterKey(
                profile: .aeadAES128GCM, key: hex("000102030405060708090a0b0c0d0e0f"),
                salt: hex("a0a1a2a3a4a5a6a7a8a9aaab")),
            rtp: hex(
                """
                800f1234 decafbad cafebabe c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201
                df3131a1 27e8a392
                """),
            rtcp: hex(
                """
                81c8000b cafebabe c98b8b5d f0392a55 852b6c21 ac8e7025 c52c6fbe a2b3b446 ea31123b
                a88ce61e 80000001
                """)),
    ]

    @Test("master keys give the packets of libsrtp, both ways", arguments: references)
    func libsrtp(reference: ReferencePacket) throws {
        let filler = [UInt8](repeating: 0xAB, count: 16)
        let rtp = hex("800f1234 decafbad cafebabe") + filler
        let rtcp = hex("81c8000b cafebabe") + filler
        var protector = try SRTPProtector(
            rtp: SRTPSessionKey(reference.master, for: .rtp),
            rtcp: SRTPSessionKey(reference.master, for: .rtcp), rtcpIndex: 1)
        let sealedRTP = protector.sealed(rtp: rtp)
        let sealedRTCP = protector.sealed(rtcp: rtcp)
        #expect(sealedRTP == reference.rtp)
        #expect(sealedRTCP == reference.rtcp)
        var unprotector = try SRTPUnprotector(reference.master)
        let openedRTP = unprotector.opened(rtp: reference.rtp)
        let openedRTCP = unprotector.opened(rtcp: reference.rtcp)
        #expect(openedRTP.packet == rtp)
        #expect(openedRTCP.packet == rtcp)
    }
}
