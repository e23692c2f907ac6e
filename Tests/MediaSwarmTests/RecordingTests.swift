import Opus
import Testing

@testable import MediaSwarm

@Suite("Recorded voices")
struct RecordingTests {
    private static func settings(pauses: Bool) -> SwarmSettings {
        SwarmSettings(seed: 3, hasPauses: pauses, recordingSeconds: 6, encoderComplexity: 1)
    }

    @Test("a stamped frame is an Opus packet of 20 ms that carries the stamp")
    func frames() throws {
        let recording = try Recording(voice: 0, settings: Self.settings(pauses: false))
        #expect(recording.frameCount == 300)
        let decoder = try OpusDecoder()
        var buffer = [UInt8](repeating: 0, count: 1500)
        var pcm = [Int16](repeating: 0, count: 960)
        for frame in 0..<recording.frameCount {
            #expect(recording.level(ofFrame: frame) != nil)
            buffer.withUnsafeMutableBytes { buffer in
                let length = recording.write(frame: frame, stamp: UInt64(frame), into: buffer)
                let packet = UnsafeRawBufferPointer(rebasing: buffer[..<length])
                #expect(OpusStamp.read(packet) == UInt64(frame))
                pcm.withUnsafeMutableBufferPointer { pcm in
                    #expect((try? decoder.decode(packet, into: pcm)) == 960)
                }
            }
        }
    }

    @Test("pauses are silence that is not sent, and the same seed says the same")
    func pauses() throws {
        let recording = try Recording(voice: 1, settings: Self.settings(pauses: true))
        let again = try Recording(voice: 1, settings: Self.settings(pauses: true))
        let levels = (0..<recording.frameCount).map { recording.level(ofFrame: $0) }
        #expect(levels.contains(nil))
        #expect(levels.count { $0 != nil } > levels.count / 2)
        #expect(levels == (0..<again.frameCount).map { again.level(ofFrame: $0) })
    }
}

@Suite("The stamp of a packet")
struct PacketStampTests {
    @Test("carries talker and time", arguments: [0, 1, 65_535])
    func numbers(talker: Int) {
        let stamp = PacketStamp(talker: talker, sentMicroseconds: 281_474_976_710_655)
        let read = PacketStamp(stamp.number)
        #expect(read.talker == talker)
        #expect(read.sentMicroseconds == 281_474_976_710_655)
    }
}
