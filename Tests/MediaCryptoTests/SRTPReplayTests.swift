import Testing

@testable import MediaCrypto

@Suite("SRTP replay window and rollover counter (RFC 3711 §3.3.1 and §3.3.2)")
struct SRTPReplayTests {
    /// A sender of one source that numbers its packets with all 48 bits.
    struct Link: ~Copyable {
        var protector: SRTPProtector
        var unprotector: SRTPUnprotector

        init(_ profile: SRTPProfile) throws {
            let sender = try SRTPProtector(masterKey(profile))
            let receiver = try SRTPUnprotector(masterKey(profile))
            protector = sender
            unprotector = receiver
        }

        mutating func deliver(_ index: UInt64) -> Opened {
            let packet = rtpPacket(sequence: UInt16(truncatingIfNeeded: index), ssrc: 42)
            let sealed = protector.sealed(
                rtp: packet, rolloverCounter: UInt32(truncatingIfNeeded: index >> 16))
            return unprotector.opened(rtp: sealed)
        }
    }

    @Test("a packet is accepted once", arguments: SRTPProfile.allCases)
    func duplicate(profile: SRTPProfile) throws {
        var link = try Link(profile)
        for index in UInt64(1000)..<1200 {
            let first = link.deliver(index)
            let second = link.deliver(index)
            #expect(first.extendedSequence == index)
            #expect(second.rejection == .replayed)
        }
    }

    @Test("127 behind is accepted, 128 behind is too old")
    func edgeOfWindow() throws {
        var link = try Link(.aeadAES128GCM)
        _ = link.deliver(1000)
        let inside = link.deliver(1000 - 127)
        let outside = link.deliver(1000 - 128)
        let insideAgain = link.deliver(1000 - 127)
        #expect(inside.extendedSequence == 873)
        #expect(outside.rejection == .tooOld)
        #expect(insideAgain.rejection == .replayed)
    }

    @Test("a jump over the whole window forgets it", arguments: [128, 129, 5000, 0x7FFF])
    func jump(step: UInt64) throws {
        var link = try Link(.aeadAES128GCM)
        _ = link.deliver(1000)
        let after = link.deliver(1000 + step)
        let between = link.deliver(1000 + step - 1)
        let before = link.deliver(1000)
        #expect(after.extendedSequence == 1000 + step)
        #expect(between.extendedSequence == 1000 + step - 1)
        #expect(before.rejection == .tooOld)
    }

    @Test("the rollover counter follows the numbers around", arguments: SRTPProfile.allCases)
    func wrap(profile: SRTPProfile) throws {
        var link = try Link(profile)
        var index: UInt64 = 60_000
        while index < 5 << 16 {
            let opened = link.deliver(index)
            #expect(opened.extendedSequence == index)
            index += 20_000
        }
    }

    @Test("reordering around a wrap is put right, and replays are still seen")
    func reorderedWrap() throws {
        var link = try Link(.aeadAES128GCM)
        let order: [UInt64] = [
            65_530, 65_536, 65_533, 65_540, 65_535, 65_534, 65_537, 65_531, 65_539, 65_538, 65_532,
        ]
        for index in order {
            let opened = link.deliver(index)
            #expect(opened.extendedSequence == index)
        }
        for index in order {
            let opened = link.deliver(index)
            #expect(opened.rejection == .replayed)
        }
    }

    @Test("a number behind the very first wrap is too old, not wrapped backwards")
    func beforeTheFirst() throws {
        var link = try Link(.aeadAES128GCM)
        _ = link.deliver(3)
        let opened = link.deliver(65_530)
        #expect(opened.rejection == .tooOld)
    }

    @Test("SRTCP indices have a window of their own")
    func rtcp() throws {
        var link = try Link(.aes128CMSHA1_80)
        var packets: [[UInt8]] = []
        for _ in 0..<200 { packets.append(link.protector.sealed(rtcp: rtcpPacket(ssrc: 42))) }
        let newest = link.unprotector.opened(rtcp: packets[199])
        let inside = link.unprotector.opened(rtcp: packets[72])
        let outside = link.unprotector.opened(rtcp: packets[71])
        let again = link.unprotector.opened(rtcp: packets[199])
        #expect(newest.extendedSequence == 199)
        #expect(inside.extendedSequence == 72)
        #expect(outside.rejection == .tooOld)
        #expect(again.rejection == .replayed)
    }

    @Test("the index guess is that of RFC 3711 appendix A for every distance")
    func appendixA() {
        for highest in [0, 1, 32_767, 32_768, 65_535, 65_536, 98_304, 200_000] as [UInt64] {
            for sequence in stride(from: 0, through: 65_535, by: 13) {
                let guess = SRTPUnprotector.extend(UInt16(sequence), near: highest)
                let expected = Self.appendixAGuess(Int64(sequence), Int64(highest))
                #expect(guess.map(Int64.init) == expected)
            }
            for distance in [32_767, 32_768, 32_769] as [UInt64] {
                let sequence = UInt16(truncatingIfNeeded: highest + distance)
                let guess = SRTPUnprotector.extend(sequence, near: highest)
                let expected = Self.appendixAGuess(Int64(sequence), Int64(highest))
                #expect(guess.map(Int64.init) == expected)
            }
        }
    }

    /// The pseudocode of the appendix, without the wrap of the counter itself.
    static func appendixAGuess(_ sequence: Int64, _ highest: Int64) -> Int64? {
        let last = highest & 0xFFFF
        var counter = highest >> 16
        if last < 32_768 {
            if sequence - last > 32_768 { counter -= 1 }
        } else if last - 32_768 > sequence {
            counter += 1
        }
        return counter < 0 ? nil : counter << 16 | sequence
    }

    @Test("any order of numbers is judged as a plain set judges it", arguments: [1, 2, 3, 4])
    func randomOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var window = SRTPReplayWindow(first: 10_000)
        var seen: Set<UInt64> = [10_000]
        var highest: UInt64 = 10_000
        for _ in 0..<20_000 {
            let index = highest - 200 + .random(in: 0..<(.random(in: 201...500)), using: &generator)
            let expected: SRTPRejection? =
                if index + 128 <= highest { .tooOld } else if seen.contains(index) {
                    .replayed
                } else {
                    nil
                }
            let rejection = window.rejection(of: index)
            #expect(rejection == expected, "seed \(seed)")
            if rejection == nil {
                window.insert(index)
                seen.insert(index)
                highest = max(highest, index)
            }
        }
    }
}
