import Testing

@testable import MediaCrypto

@Suite("SRTP under mutated packets")
struct SRTPMutationTests {
    @Test(
        "mutated, cut and grown packets are refused and change nothing",
        arguments: SRTPProfile.allCases, [11, 12, 13] as [UInt64])
    func mutations(profile: SRTPProfile, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var protector = try SRTPProtector(masterKey(profile))
        var unprotector = try SRTPUnprotector(masterKey(profile))
        for round in 0..<4000 {
            let payload = (0..<Int.random(in: 0..<120, using: &generator)).map { UInt8($0) }
            let packet = rtpPacket(sequence: UInt16(round), ssrc: 0xABCD, payload: payload)
            let sealedRTP = protector.sealed(rtp: packet)
            let sealedRTCP = protector.sealed(
                rtcp: rtcpPacket(
                    ssrc: 0xABCD, fillerWords: Int.random(in: 0..<20, using: &generator)))
            let mutatedRTP = Self.mutate(sealedRTP, &generator)
            let mutatedRTCP = Self.mutate(sealedRTCP, &generator)
            let headerLength = [12, 12, 12, 16, 24, 72].randomElement(using: &generator) ?? 12
            let badRTP = unprotector.opened(rtp: mutatedRTP, headerLength: headerLength)
            let badRTCP = unprotector.opened(rtcp: mutatedRTCP)
            #expect(badRTP.packet == nil, "seed \(seed), round \(round)")
            #expect(badRTCP.packet == nil, "seed \(seed), round \(round)")
            let goodRTP = unprotector.opened(rtp: sealedRTP)
            let goodRTCP = unprotector.opened(rtcp: sealedRTCP)
            #expect(goodRTP.packet == packet, "seed \(seed), round \(round)")
            #expect(goodRTCP.packet != nil, "seed \(seed), round \(round)")
        }
        let sources = unprotector.rtpSources.count + unprotector.rtcpSources.count
        #expect(sources == 2, "seed \(seed)")
    }

    /// Never the same bytes.
    static func mutate(_ packet: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var mutated = packet
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
            let position = Int.random(in: 0..<mutated.count, using: &generator)
            mutated[position] ^= UInt8.random(in: 1...255, using: &generator)
        case 1:
            mutated.removeLast(Int.random(in: 1...mutated.count, using: &generator))
        case 2:
            mutated += (0..<Int.random(in: 1..<40, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
        default:
            mutated = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
        }
        return mutated
    }
}
