import Opus

/// Frames of a voice with the packets that an encoder made of them.
struct EncodedVoice {
    var frames: [[Int16]] = []
    var packets: [[UInt8]] = []
    /// Whether the whole frame lay within a pause.
    var isPaused: [Bool] = []

    init(
        number: Int = 0, seconds: Int = 10, pauses: Bool = true,
        settings: OpusEncoder.Settings = OpusEncoder.Settings()
    ) throws {
        var voice = Voice(seed: 7, number: number, pauses: pauses)
        let encoder = try OpusEncoder(settings)
        for _ in 0..<seconds * 50 {
            let wasPausing = voice.isPausing
            let frame = Self.frame(of: &voice)
            frames.append(frame)
            isPaused.append(wasPausing && voice.isPausing)
            packets.append(try Self.encode(frame, with: encoder))
        }
    }

    static func frame(of voice: inout Voice) -> [Int16] {
        [Int16](unsafeUninitializedCapacity: Voice.frameSamples) { buffer, count in
            let frame = UnsafeMutableBufferPointer(rebasing: buffer[..<Voice.frameSamples])
            frame.initialize(repeating: 0)
            voice.render(into: frame)
            count = Voice.frameSamples
        }
    }

    static func encode(_ frame: [Int16], with encoder: OpusEncoder) throws -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: 1275)
        let length = try frame.withUnsafeBufferPointer { pcm in
            guard let samples = pcm.baseAddress else { throw OpusError.badArgument }
            return try packet.withUnsafeMutableBytes { buffer in
                try encoder.encode(pcm: samples, frameSamples: pcm.count, into: buffer)
            }
        }
        return Array(packet[..<length])
    }
}

extension OpusDecoder {
    /// Decodes to 20 ms of mono, concealing when there is no packet.
    func decode(_ packet: [UInt8]?, fec: Bool = false) throws -> [Int16] {
        var pcm = [Int16](repeating: 0, count: Voice.frameSamples)
        let count = try pcm.withUnsafeMutableBufferPointer {
            samples in
            guard let packet else { return try self.decode(nil, into: samples) }
            return try packet.withUnsafeBytes { bytes in
                try self.decode(bytes, into: samples, fec: fec)
            }
        }
        return Array(pcm[..<count])
    }
}
