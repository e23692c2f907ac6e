import Testing

@testable import MediaCrypto

@Suite("SRTP protection (RFC 3711 §3.3 and §3.4)")
struct SRTPProtectionTests {
    @Test(
        "a packet with CSRCs and extension comes back, and its header stays clear",
        arguments: SRTPProfile.allCases)
    func roundTrip(profile: SRTPProfile) throws {
        var protector = try SRTPProtector(masterKey(profile))
        var unprotector = try SRTPUnprotector(masterKey(profile))
        // 1 CSRC, a one-byte extension of one word.
        var packet = rtpPacket(sequence: 7, ssrc: 0xCAFE_BABE, payload: [])
        packet[0] = 0x91
        packet += hex("00000001 BEDE0001 10550000") + (0..<80).map { UInt8($0) }
        let sealed = protector.sealed(rtp: packet, headerLength: 24, rolloverCounter: 0)
        #expect(sealed.count == packet.count + profile.tagByteCount)
        #expect(Array(sealed[..<24]) == Array(packet[..<24]))
        #expect(Array(sealed[24..<104]) != Array(packet[24..<104]))
        let opened = unprotector.opened(rtp: sealed, headerLength: 24)
        #expect(opened.packet == packet)
    }

    @Test("empty payloads and least RTCP packets come back", arguments: SRTPProfile.allCases)
    func leastPackets(profile: SRTPProfile) throws {
        var protector = try SRTPProtector(masterKey(profile))
        var unprotector = try SRTPUnprotector(masterKey(profile))
        let rtp = rtpPacket(sequence: 1, ssrc: 5, payload: [])
        let sealedRTP = protector.sealed(rtp: rtp)
        let openedRTP = unprotector.opened(rtp: sealedRTP)
        #expect(openedRTP.packet == rtp)
        let rtcp = rtcpPacket(ssrc: 5, fillerWords: 0)
        let sealedRTCP = protector.sealed(rtcp: rtcp)
        let openedRTCP = unprotector.opened(rtcp: sealedRTCP)
        #expect(openedRTCP.packet == rtcp)
    }

    @Test("SRTCP indices count up from zero", arguments: SRTPProfile.allCases)
    func rtcpIndex(profile: SRTPProfile) throws {
        var protector = try SRTPProtector(masterKey(profile))
        var unprotector = try SRTPUnprotector(masterKey(profile))
        for index in 0..<UInt64(300) {
            let sealed = protector.sealed(rtcp: rtcpPacket(ssrc: 9))
            let opened = unprotector.opened(rtcp: sealed)
            #expect(opened.extendedSequence == index)
        }
    }

    @Test("the last of 2^31 SRTCP indices is used, and none after it")
    func rtcpIndexEnd() throws {
        let session = SRTPVectorTests.gcmSession
        var protector = try SRTPProtector(rtp: session, rtcp: session, rtcpIndex: 0x7FFF_FFFF)
        let last = protector.sealed(rtcp: rtcpPacket(ssrc: 9))
        #expect(Array(last.suffix(4)) == [0xFF, 0xFF, 0xFF, 0xFF])
        let after = protector.sealed(rtcp: rtcpPacket(ssrc: 9))
        #expect(after.isEmpty)
    }

    @Test("lengths that make no packet are refused on both sides", arguments: SRTPProfile.allCases)
    func badLengths(profile: SRTPProfile) throws {
        var protector = try SRTPProtector(masterKey(profile))
        let shortHeader = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: 1), headerLength: 11)
        let longHeader = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: 1), headerLength: 18)
        let shortRTCP = protector.sealed(rtcp: [0x80, 201, 0, 0, 0, 0, 0])
        #expect(shortHeader.isEmpty)
        #expect(longHeader.isEmpty)
        #expect(shortRTCP.isEmpty)
        var unprotector = try SRTPUnprotector(masterKey(profile))
        for length in 0..<(12 + profile.tagByteCount) {
            let opened = unprotector.opened(rtp: [UInt8](repeating: 0x80, count: length))
            #expect(opened.rejection == .tooShort)
        }
        for length in 0..<(12 + profile.tagByteCount) {
            let opened = unprotector.opened(rtcp: [UInt8](repeating: 0x80, count: length))
            #expect(opened.rejection == .tooShort)
        }
        for headerLength in [-1, 0, 11, 31 + profile.tagByteCount, Int.max, Int.min] {
            let packet = [UInt8](repeating: 0x80, count: 30 + profile.tagByteCount)
            let opened = unprotector.opened(rtp: packet, headerLength: headerLength)
            #expect(opened.rejection == .tooShort)
        }
    }

    @Test("a changed bit anywhere is noticed", arguments: SRTPProfile.allCases)
    func tampering(profile: SRTPProfile) throws {
        var protector = try SRTPProtector(masterKey(profile))
        var unprotector = try SRTPUnprotector(masterKey(profile))
        let sealedRTP = protector.sealed(rtp: rtpPacket(sequence: 500, ssrc: 77))
        let sealedRTCP = protector.sealed(rtcp: rtcpPacket(ssrc: 77))
        for position in 0..<(8 * sealedRTP.count) {
            var changed = sealedRTP
            changed[position / 8] ^= 1 << UInt8(position % 8)
            let opened = unprotector.opened(rtp: changed)
            #expect(opened.rejection == .authenticationFailed, "bit \(position)")
        }
        for position in 0..<(8 * sealedRTCP.count) {
            var changed = sealedRTCP
            changed[position / 8] ^= 1 << UInt8(position % 8)
            let opened = unprotector.opened(rtcp: changed)
            #expect(
                opened.rejection == .authenticationFailed || opened.rejection == .notEncrypted,
                "bit \(position)")
        }
        // None of it left a trace.
        let rtp = unprotector.opened(rtp: sealedRTP)
        let rtcp = unprotector.opened(rtcp: sealedRTCP)
        #expect(rtp.packet != nil)
        #expect(rtcp.packet != nil)
    }

    @Test("packets under another key, and SRTCP in SRTP's place, are not authentic")
    func wrongKey() throws {
        var protector = try SRTPProtector(masterKey(.aeadAES128GCM, fill: 1))
        var unprotector = try SRTPUnprotector(masterKey(.aeadAES128GCM, fill: 2))
        let sealed = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: 1))
        let opened = unprotector.opened(rtp: sealed)
        #expect(opened.rejection == .authenticationFailed)
        var same = try SRTPUnprotector(masterKey(.aeadAES128GCM, fill: 1))
        let rtcp = protector.sealed(rtcp: rtcpPacket(ssrc: 1, fillerWords: 6))
        let crossed = same.opened(rtp: rtcp)
        #expect(crossed.rejection == .authenticationFailed)
    }

    @Test("keys and salts of the wrong length are refused", arguments: SRTPProfile.allCases)
    func wrongKeyLength(profile: SRTPProfile) {
        var short = masterKey(profile)
        short.key.removeLast()
        var long = masterKey(profile)
        long.salt.append(0)
        for key in [short, long, SRTPMasterKey(profile: profile, key: [], salt: [])] {
            #expect(throws: SRTPError.wrongKeyLength) { _ = try SRTPProtector(key) }
            #expect(throws: SRTPError.wrongKeyLength) { _ = try SRTPUnprotector(key) }
        }
    }

    @Test("a ninth source takes the place of the one heard least recently")
    func leastRecentlyUsed() throws {
        var protector = try SRTPProtector(masterKey(.aeadAES128GCM))
        var unprotector = try SRTPUnprotector(masterKey(.aeadAES128GCM))
        var first: [UInt32: [UInt8]] = [:]
        for ssrc in UInt32(1)...8 {
            let sealed = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: ssrc))
            first[ssrc] = sealed
            _ = unprotector.opened(rtp: sealed)
        }
        // 1 is heard again, so 2 is the oldest.
        let again = protector.sealed(rtp: rtpPacket(sequence: 2, ssrc: 1))
        _ = unprotector.opened(rtp: again)
        let ninth = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: 9))
        let openedNinth = unprotector.opened(rtp: ninth)
        #expect(openedNinth.packet != nil)
        let known = (1...9).filter { unprotector.rtpSources.slot(of: UInt32($0)) != nil }
        #expect(known == [1, 3, 4, 5, 6, 7, 8, 9])
        let replayedOne = unprotector.opened(rtp: first[1] ?? [])
        #expect(replayedOne.rejection == .replayed)
    }

    @Test("packets that are not authentic take no place in the table")
    func unauthenticatedSources() throws {
        var protector = try SRTPProtector(masterKey(.aes128CMSHA1_80))
        var unprotector = try SRTPUnprotector(masterKey(.aes128CMSHA1_80))
        let sealed = protector.sealed(rtp: rtpPacket(sequence: 1, ssrc: 1))
        _ = unprotector.opened(rtp: sealed)
        for ssrc in UInt32(100)..<200 {
            let forged =
                rtpPacket(sequence: 1, ssrc: ssrc) + [UInt8](repeating: 0, count: 10)
            let opened = unprotector.opened(rtp: forged)
            #expect(opened.rejection == .authenticationFailed)
        }
        let count = unprotector.rtpSources.count
        #expect(count == 1)
    }
}
