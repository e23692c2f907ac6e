import Opus
import Testing

@Suite("Stamps in Opus padding (RFC 6716 §3.2.5)")
struct OpusStampTests {
    private func stamped(_ packet: [UInt8], _ stamp: UInt64) throws -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0xEE, count: OpusStamp.overheadBytes)
        let length = try buffer.withUnsafeMutableBytes { bytes in
            try OpusStamp.write(stamp, into: bytes, length: packet.count)
        }
        return Array(buffer[..<length])
    }

    private func stamp(of packet: [UInt8]) -> UInt64? {
        packet.withUnsafeBytes { OpusStamp.read($0) }
    }

    @Test("Stamped packets decode to the same samples, and the stamps are read back")
    func sameSamples() throws {
        let voice = try EncodedVoice(seconds: 4)
        let plain = try OpusDecoder()
        let marked = try OpusDecoder()
        for (index, packet) in voice.packets.enumerated() {
            let value = UInt64(index) &* 0x0123_4567_89AB_CDEF
            let marks = try stamped(packet, value)
            #expect(marks.count == packet.count + OpusStamp.overheadBytes)
            #expect(stamp(of: marks) == value)
            #expect(try marked.decode(marks) == plain.decode(packet))
        }
    }

    @Test("A second stamp takes the first one's place")
    func restamped() throws {
        let packet = try #require(try EncodedVoice(seconds: 1).packets.last)
        let first = try stamped(packet, 1)
        let second = try stamped(first, 2)
        #expect(second.count == first.count)
        #expect(stamp(of: second) == 2)
    }

    @Test("Packets of every frame code can be stamped", arguments: [0, 1, 2, 3])
    func frameCodes(code: UInt8) throws {
        // Two frames of 12 bytes where the code has two; SILK wide-band, 20 ms.
        let frame = [UInt8](repeating: 0x5A, count: 12)
        let body: [UInt8] =
            switch code {
            case 0: frame
            case 1: frame + frame
            case 2: [12] + frame + frame
            default: [0x82, 12] + frame + frame
            }
        let marked = try stamped([9 << 3 | code] + body, 42)
        #expect(stamp(of: marked) == 42)
    }

    @Test("A DTX packet of one byte can be stamped")
    func dtx() throws {
        let marked = try stamped([0x48], 9)
        #expect(stamp(of: marked) == 9)
        #expect(try OpusDecoder().decode(marked).count == Voice.frameSamples)
    }

    @Test("Packets that were never stamped have no stamp")
    func unstamped() throws {
        for packet in try EncodedVoice(seconds: 4).packets {
            #expect(stamp(of: packet) == nil)
        }
        #expect(stamp(of: []) == nil)
        // Padding whose length runs past the end, or never ends.
        #expect(stamp(of: [0x4B, 0x41, 200, 0, 0]) == nil)
        #expect(stamp(of: [0x4B, 0x41, 255, 255]) == nil)
        // The mark, but not in padding.
        let tail: [UInt8] = [0xC1, 0x5C, 0, 0, 0, 0, 0, 0, 0, 1]
        #expect(stamp(of: [0x48] + tail) == nil)
    }

    @Test("A packet without room for the stamp, or that is none, is refused")
    func refused() throws {
        var buffer = [UInt8](repeating: 0, count: 20)
        buffer[0] = 0x48
        #expect(throws: OpusError.bufferTooSmall) {
            try buffer.withUnsafeMutableBytes { try OpusStamp.write(1, into: $0, length: 9) }
        }
        #expect(throws: OpusError.invalidPacket) {
            try buffer.withUnsafeMutableBytes { try OpusStamp.write(1, into: $0, length: 0) }
        }
        buffer[0] = 0xFF
        #expect(throws: OpusError.invalidPacket) {
            try buffer.withUnsafeMutableBytes { try OpusStamp.write(1, into: $0, length: 2) }
        }
    }

    @Test("Any bytes are read without harm")
    func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Xorshift(state: seed | 1)
        let packet = try stamped(try #require(try EncodedVoice(seconds: 1).packets.last), 77)
        for _ in 0..<20_000 {
            var mutant = packet
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<min(mutant.count, 8), using: &random)
                mutant[position] = UInt8.random(in: 0...255, using: &random)
            }
            mutant.removeLast(Int.random(in: 0..<mutant.count, using: &random))
            let padding = mutant.withUnsafeBytes { OpusPacket.paddingLength($0) }
            #expect((0...mutant.count).contains(padding), "seed \(seed)")
            _ = stamp(of: mutant)
        }
    }
}

private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
