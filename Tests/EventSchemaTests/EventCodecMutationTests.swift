import Domain
import EventSchema
import Testing

@Suite("EventCodec on damaged records")
struct EventCodecMutationTests {
    private static let records = SampleEvents.payloads.map {
        EventCodec.encode(SampleEvents.event($0))
    }

    /// What became of a damaged record.
    private enum Outcome: Hashable {
        case refused
        case read
        /// Read, but what was read does not survive its own encoding; or refused for no reason.
        case unstable
    }

    private func outcome(_ bytes: [UInt8]) -> Outcome {
        let event: Event
        do throws(EventDecodingError) {
            event = try EventCodec.decode(bytes)
        } catch {
            // `unsupported` is between the codec and itself.
            return error == .unsupported ? .unstable : .refused
        }
        return (try? EventCodec.decode(EventCodec.encode(event))) == event ? .read : .unstable
    }

    @Test("every prefix of every sample is refused or read, never trapped on")
    func survivesTruncation() {
        var refusedCount = 0
        for record in Self.records {
            for count in 0..<record.count {
                let outcome = outcome(Array(record.prefix(count)))
                #expect(outcome != .unstable, "\(count) bytes of \(record)")
                if outcome == .refused { refusedCount += 1 }
            }
        }
        #expect(refusedCount > 0)
    }

    @Test(
        "a mutated record is refused or read as an event that round trips",
        arguments: [101, 102, 103, 104] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var counts: [Outcome: Int] = [:]
        for _ in 0..<5000 {
            var bytes = Self.records.randomElement(using: &random)!  // there are samples
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                mutate(&bytes, using: &random)
            }
            let outcome = outcome(bytes)
            counts[outcome, default: 0] += 1
            guard outcome != .unstable else {
                Issue.record("seed \(seed): \(bytes) reads as something that does not round trip")
                return
            }
        }
        // Otherwise the mutations are too weak or too strong to show anything.
        #expect(counts[.refused, default: 0] > 500, "seed \(seed)")
        #expect(counts[.read, default: 0] > 50, "seed \(seed)")
    }

    @Test("random bytes are refused or read, never trapped on", arguments: [201] as [UInt64])
    func survivesNoise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...96, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            guard outcome(bytes) != .unstable else {
                Issue.record("seed \(seed): \(bytes)")
                return
            }
        }
    }

    private func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes[index] = [0x00, 0x7F, 0x80, 0xFF].randomElement(using: &random)!  // four
        case 3: bytes.removeLast(bytes.count - index)
        case 4: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        case 5: bytes.remove(at: index)
        default:
            // A piece of another record: repeated and swapped fields.
            let other = Self.records.randomElement(using: &random)!  // there are samples
            let begin = Int.random(in: 0..<other.count, using: &random)
            bytes.insert(contentsOf: other[begin...].prefix(24), at: index)
        }
    }
}
