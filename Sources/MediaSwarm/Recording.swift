import Opus
import RTC

/// Some seconds of a voice, encoded once and said again and again by many: a swarm on the
/// server's machine must not take the server's time for encoding.
struct Recording: Sendable {
    /// Of a frame.
    static let frameMilliseconds = 20
    private static let packetBytesMax = 1276

    private struct Frame {
        var offset: Int
        var length: Int
        var level: RTC.AudioLevel
    }

    private var bytes: [UInt8] = []
    private var frames: [Frame] = []

    var frameCount: Int { frames.count }

    /// Records the voice of a number.
    init(voice number: Int, settings: SwarmSettings) throws(OpusError) {
        var voice = Voice(seed: settings.seed, number: number, pauses: settings.hasPauses)
        let encoder = try OpusEncoder(
            .init(hasDTX: settings.hasPauses, complexity: settings.encoderComplexity))
        var pcm = [Int16](repeating: 0, count: Voice.frameSamples)
        var packet = [UInt8](repeating: 0, count: Self.packetBytesMax)
        for _ in 0..<(settings.recordingSeconds * 1000 / Self.frameMilliseconds) {
            let isVoice = !voice.isPausing
            let level = pcm.withUnsafeMutableBufferPointer { pcm in
                voice.render(into: pcm)
                return Opus.AudioLevel.decibelsBelowOverload(of: UnsafeBufferPointer(pcm))
            }
            let length = try Self.encode(&pcm, into: &packet, encoder, settings)
            frames.append(
                Frame(
                    offset: bytes.count, length: length,
                    level: RTC.AudioLevel(decibelsBelowOverload: level, isVoice: isVoice)))
            bytes += packet[..<length]
        }
    }

    /// - Returns: the packet's length; 0 when there is nothing to be sent.
    private static func encode(
        _ pcm: inout [Int16], into packet: inout [UInt8], _ encoder: OpusEncoder,
        _ settings: SwarmSettings
    ) throws(OpusError) -> Int {
        // Typed errors do not pass through `withUnsafe…`.
        let result: Result<Int, OpusError> = pcm.withUnsafeBufferPointer { pcm in
            packet.withUnsafeMutableBytes { buffer in
                guard let samples = pcm.baseAddress else { return .success(0) }
                do throws(OpusError) {
                    let length = try encoder.encode(
                        pcm: samples, frameSamples: pcm.count, into: buffer)
                    // At most two bytes: silence, which is not sent (RFC 7587 §3.1.3).
                    guard length > 2 else { return .success(0) }
                    let padded = settings.payloadBytesMin - OpusStamp.overheadBytes
                    guard padded > length else { return .success(length) }
                    try OpusPacket.pad(buffer, length: length, to: padded)
                    return .success(padded)
                } catch {
                    return .failure(error)
                }
            }
        }
        return try result.get()
    }

    /// The level of a frame; `nil` when it is silence that is not sent.
    func level(ofFrame index: Int) -> RTC.AudioLevel? {
        frames[index].length == 0 ? nil : frames[index].level
    }

    /// Writes a frame's packet with a stamp.
    ///
    /// - Returns: its length; 0 when it cannot be stamped.
    func write(frame index: Int, stamp: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let frame = frames[index]
        bytes.withUnsafeBytes {
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: $0[frame.offset...].prefix(frame.length)))
        }
        // Our own packets, in a buffer with room: what fails is not sent, and then counted lost.
        return (try? OpusStamp.write(stamp, into: buffer, length: frame.length)) ?? 0
    }
}
