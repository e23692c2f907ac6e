import Opus
import Testing

@Suite("Opus encoder and decoder (RFC 6716)")
struct OpusCodecTests {
    /// The largest normalised correlation over the delays that a codec may have.
    private func correlation(_ sent: [Int16], _ heard: [Int16]) -> Double {
        let count = sent.count - 1000
        var best = 0.0
        for delay in stride(from: 0, through: 960, by: 1) {
            var product = 0.0
            var sentPower = 0.0
            var heardPower = 0.0
            for index in stride(from: 0, to: count, by: 3) {
                let one = Double(sent[index])
                let other = Double(heard[index + delay])
                product += one * other
                sentPower += one * one
                heardPower += other * other
            }
            let power = (sentPower * heardPower).squareRoot()
            if power > 0 { best = max(best, product / power) }
        }
        return best
    }

    @Test("What is decoded resembles what was encoded")
    func roundTrip() throws {
        let settings = OpusEncoder.Settings(hasInBandFEC: false)
        let voice = try EncodedVoice(seconds: 2, pauses: false, settings: settings)
        let decoder = try OpusDecoder()
        let heard = try voice.packets.flatMap { try decoder.decode($0) }
        let sent = voice.frames.flatMap { $0 }
        #expect(heard.count == sent.count)
        let middle = 24_000..<72_000
        #expect(correlation(Array(sent[middle]), Array(heard[middle])) > 0.8)
    }

    @Test("Speech at 32 kbit/s takes some 80 bytes a packet")
    func packetSize() throws {
        let voice = try EncodedVoice(pauses: false)
        let mean = voice.packets.map(\.count).reduce(0, +) / voice.packets.count
        #expect((60...100).contains(mean))
    }

    @Test("At a constant bitrate every packet has the same length")
    func constantBitrate() throws {
        let settings = OpusEncoder.Settings(
            application: .audio, hasDTX: false, isVariableBitrate: false)
        let voice = try EncodedVoice(seconds: 2, settings: settings)
        #expect(Set(voice.packets.map(\.count)) == [80])
    }

    @Test("A lost packet is concealed, and rebuilt better from the next one's FEC")
    func lossConcealment() throws {
        let settings = OpusEncoder.Settings(hasInBandFEC: true, expectedLossPercent: 20)
        let voice = try EncodedVoice(seconds: 4, pauses: false, settings: settings)
        func error(_ rebuild: (OpusDecoder, Int) throws -> [Int16]) throws -> Double {
            let whole = try OpusDecoder()
            let lossy = try OpusDecoder()
            var error = 0.0
            for index in voice.packets.indices.dropLast() {
                let truth = try whole.decode(voice.packets[index])
                guard index % 5 == 4 else {
                    _ = try lossy.decode(voice.packets[index])
                    continue
                }
                let heard = try rebuild(lossy, index)
                #expect(heard.count == Voice.frameSamples)
                for (one, other) in zip(truth, heard) {
                    error += abs(Double(one) - Double(other))
                }
            }
            return error
        }
        let concealed = try error { decoder, _ in try decoder.decode(nil) }
        let corrected = try error { try $0.decode(voice.packets[$1 + 1], fec: true) }
        #expect(corrected < 0.8 * concealed)
    }

    @Test("Frames, settings and packets that Opus does not have are refused")
    func badInput() throws {
        #expect(throws: OpusError.badArgument) {
            try OpusEncoder(OpusEncoder.Settings(channels: 3))
        }
        #expect(throws: OpusError.badArgument) {
            try OpusEncoder(OpusEncoder.Settings(expectedLossPercent: 101))
        }
        #expect(throws: OpusError.badArgument) { try OpusDecoder(channels: 0) }
        let encoder = try OpusEncoder(OpusEncoder.Settings())
        #expect(throws: OpusError.badArgument) {
            try EncodedVoice.encode([Int16](repeating: 0, count: 961), with: encoder)
        }
        let decoder = try OpusDecoder()
        #expect(throws: OpusError.invalidPacket) { try decoder.decode([]) }
        // Code 3 without its frame count.
        #expect(throws: OpusError.invalidPacket) { try decoder.decode([0xFF]) }
        var empty: [UInt8] = []
        #expect(throws: OpusError.bufferTooSmall) {
            try [Int16](repeating: 0, count: 960).withUnsafeBufferPointer { pcm in
                try empty.withUnsafeMutableBytes { buffer in
                    _ = try encoder.encode(
                        pcm: try #require(pcm.baseAddress), frameSamples: 960, into: buffer)
                }
            }
        }
    }
}
