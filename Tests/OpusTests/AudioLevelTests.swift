import Opus
import Testing

@Suite("Audio level (RFC 6464 §3)")
struct AudioLevelTests {
    private func level(_ pcm: [Int16]) -> UInt8 {
        pcm.withUnsafeBufferPointer { AudioLevel.decibelsBelowOverload(of: $0) }
    }

    @Test(
        "A square wave's level is its amplitude's",
        arguments: [(32_767, 0), (16_384, 6), (3277, 20), (328, 40), (33, 60), (1, 90)])
    func squareWave(amplitude: Int, expected: Int) {
        let pcm = (0..<960).map { Int16($0 % 96 < 48 ? amplitude : -amplitude) }
        #expect(level(pcm) == UInt8(expected))
    }

    @Test("Silence, and no samples, are 127; full negative scale is 0")
    func edges() {
        #expect(level([Int16](repeating: 0, count: 960)) == 127)
        #expect(level([]) == 127)
        #expect(level([.min, .min]) == 0)
    }
}
