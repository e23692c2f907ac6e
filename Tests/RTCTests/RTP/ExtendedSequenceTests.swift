import RTC
import Testing

@Suite("Unwrapped sequence numbers (RFC 3550 §A.1)")
struct ExtendedSequenceTests {
    @Test("numbers go on across the wrap, late ones keep their place")
    func wrap() {
        var sequence = ExtendedSequence()
        #expect(sequence.highest == nil)
        #expect(sequence.extend(65_534) == 0x1_FFFE)
        #expect(sequence.extend(1) == 0x2_0001)
        #expect(sequence.extend(65_535) == 0x1_FFFF)
        #expect(sequence.extend(0) == 0x2_0000)
        #expect(sequence.highest == 0x2_0001)
    }

    @Test("one sent before the first has a place")
    func beforeFirst() {
        var sequence = ExtendedSequence()
        #expect(sequence.extend(0) == 0x1_0000)
        #expect(sequence.extend(65_535) == 0xFFFF)
        #expect(sequence.highest == 0x1_0000)
    }

    @Test("100 000 numbers with reordering unwrap to themselves", arguments: [31] as [UInt64])
    func longStream(seed: UInt64) {
        var random = PacketMutator(seed: seed)
        var sequence = ExtendedSequence()
        let first: UInt64 = 0x1_0000 + 60_000
        _ = sequence.extend(UInt16(truncatingIfNeeded: first))
        for index in 1..<100_000 as Range<UInt64> {
            let sent = first + index - min(index, UInt64.random(in: 0...50, using: &random))
            guard sequence.extend(UInt16(truncatingIfNeeded: sent)) == sent else {
                Issue.record("seed \(seed): \(sent)")
                return
            }
        }
    }
}
