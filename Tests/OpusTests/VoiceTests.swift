import Opus
import Testing

@Suite("Synthetic voices")
struct VoiceTests {
    private func samples(of voice: Voice, seconds: Int) -> [Int16] {
        var voice = voice
        return (0..<seconds * 50).flatMap { _ in EncodedVoice.frame(of: &voice) }
    }

    @Test("The same seed and number give the same samples, others do not")
    func deterministic() {
        let first = samples(of: Voice(seed: 3, number: 1), seconds: 5)
        #expect(first == samples(of: Voice(seed: 3, number: 1), seconds: 5))
        #expect(first != samples(of: Voice(seed: 3, number: 2), seconds: 5))
        #expect(first != samples(of: Voice(seed: 4, number: 1), seconds: 5))
    }

    @Test("The loudest sample is at −12 dBFS", arguments: 0..<4)
    func peak(number: Int) {
        let loudest =
            samples(of: Voice(seed: 5, number: number), seconds: 10)
            .map { abs(Int($0)) }.max() ?? 0
        #expect((8000...8231).contains(loudest))
    }

    @Test("Speech is as loud as speech is, and pauses are silent", arguments: 0..<4)
    func levels(number: Int) throws {
        let voice = try EncodedVoice(number: number, seconds: 12)
        let levels = voice.frames.map { frame in
            frame.withUnsafeBufferPointer { AudioLevel.decibelsBelowOverload(of: $0) }
        }
        let loud = levels.filter { $0 < 40 }.count
        let silent = levels.filter { $0 == 127 }.count
        #expect(Double(loud) > 0.4 * Double(levels.count))
        #expect(Double(silent) > 0.03 * Double(levels.count))
        #expect(Double(silent) < 0.5 * Double(levels.count))
    }

    @Test("Without pauses a voice is never silent for long", arguments: 0..<4)
    func withoutPauses(number: Int) {
        var voice = Voice(seed: 7, number: number, pauses: false)
        var run = 0
        for _ in 0..<600 {
            let level = EncodedVoice.frame(of: &voice).withUnsafeBufferPointer {
                AudioLevel.decibelsBelowOverload(of: $0)
            }
            run = level > 60 ? run + 1 : 0
            #expect(run <= 6)
        }
    }

    @Test("The encoder falls silent in pauses and only there", arguments: 0..<4)
    func dtx(number: Int) throws {
        let voice = try EncodedVoice(number: number, seconds: 12)
        var silentPackets = 0
        for (index, packet) in voice.packets.enumerated() where packet.count <= 2 {
            silentPackets += 1
            // A sentence may begin with a closed mouth, and the encoder is slow to believe it.
            #expect(voice.isPaused[max(index - 5, 0)...index].contains(true))
        }
        #expect(silentPackets > 20)
    }

    @Test("Voices differ in pitch, within what people have")
    func pitch() {
        let pitches = (0..<6).map { number in
            pitchHertz(samples(of: Voice(seed: 7, number: number, pauses: false), seconds: 2))
        }
        for pitch in pitches {
            #expect((75...260).contains(pitch), "\(pitches)")
        }
        #expect((pitches.max() ?? 0) > 1.3 * (pitches.min() ?? 0), "\(pitches)")
    }

    /// The median over 40 ms windows of the lag at which a window resembles itself most.
    private func pitchHertz(_ samples: [Int16]) -> Double {
        let pcm = stride(from: 0, to: samples.count, by: 6).map { Double(samples[$0]) }
        var found: [Int] = []
        for start in stride(from: 0, to: pcm.count - 700, by: 800) {
            var best = (lag: 0, value: 0.0)
            for lag in 30...107 {
                var value = 0.0
                for index in start..<start + 320 {
                    value += pcm[index] * pcm[index + lag]
                }
                if value > best.value { best = (lag, value) }
            }
            if best.lag > 0 { found.append(best.lag) }
        }
        guard !found.isEmpty else { return 0 }
        return 8000 / Double(found.sorted()[found.count / 2])
    }
}
