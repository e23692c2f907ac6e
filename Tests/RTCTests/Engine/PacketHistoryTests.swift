import Testing

@testable import RTC

@Suite("Packet history and missing packets")
struct PacketHistoryTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func store(_ history: inout PacketHistory, _ sequence: UInt64, byteCount: Int) {
        let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: byteCount)
        var packet = [UInt8](repeating: 0, count: 12)
        packet.withUnsafeMutableBufferPointer { buffer in
            guard let address = buffer.baseAddress else { return }
            RTPHeader.write(
                into: address, marker: sequence % 2 == 0, payloadType: 111,
                sequenceNumber: UInt16(truncatingIfNeeded: sequence),
                timestamp: UInt32(sequence * 960), ssrc: 1)
        }
        guard let header = try? packet.withUnsafeBytes({ try RTPHeader(parsing: $0) }) else {
            return
        }
        payload.withUnsafeBufferPointer {
            guard let address = $0.baseAddress else { return }
            history.store(
                sequence: sequence, header: header, payload: address, length: byteCount,
                now: start)
        }
    }

    @Test("holds the last 64 packets as they were")
    func window() {
        var history = PacketHistory()
        for sequence in 1...100 as ClosedRange<UInt64> {
            store(&history, sequence, byteCount: Int(sequence))
        }
        for sequence in 0...36 as ClosedRange<UInt64> {
            let isThere = history.packet(sequence) != nil
            #expect(!isThere)
        }
        for sequence in 37...100 as ClosedRange<UInt64> {
            guard let (entry, payload) = history.packet(sequence) else {
                Issue.record("\(sequence) is gone")
                continue
            }
            #expect(entry.timestamp == UInt32(sequence * 960))
            #expect(entry.isMarked == (sequence % 2 == 0))
            #expect(Int(entry.payloadLength) == Int(sequence))
            #expect(payload[Int(sequence) - 1] == UInt8(sequence))
        }
        let isAhead = history.packet(101) != nil
        #expect(!isAhead)
    }

    @Test("a packet too large to hold is not there, and neither is what it replaced")
    func tooLarge() {
        var history = PacketHistory()
        store(&history, 5, byteCount: 10)
        store(&history, 69, byteCount: 1281)
        let isThere = (history.packet(5) != nil, history.packet(69) != nil)
        #expect(isThere == (false, false))
    }

    @Test("nothing is left after another source took over")
    func clear() {
        var history = PacketHistory()
        for sequence in 1...64 as ClosedRange<UInt64> {
            store(&history, sequence, byteCount: 10)
        }
        history.clear()
        for sequence in 1...64 as ClosedRange<UInt64> {
            let isThere = history.packet(sequence) != nil
            #expect(!isThere)
        }
    }

    private func due(_ missing: inout MissingPackets, atMilliseconds: Int64) -> [UInt64] {
        var numbers: [UInt64] = []
        missing.takeDue(now: start.adding(milliseconds: atMilliseconds)) { numbers.append($0) }
        return numbers.sorted()
    }

    @Test("a gap is asked for after the time of reordering, three times, and given up")
    func retries() {
        var missing = MissingPackets()
        missing.skip(from: 10, to: 13, now: start)
        #expect(due(&missing, atMilliseconds: 9).isEmpty)
        #expect(due(&missing, atMilliseconds: 10) == [10, 11, 12])
        let wasAskedFor = [99, 11, 11].map { missing.arrive($0) }
        #expect(wasAskedFor == [false, true, false])
        #expect(due(&missing, atMilliseconds: 69).isEmpty)
        #expect(due(&missing, atMilliseconds: 70) == [10, 12])
        #expect(due(&missing, atMilliseconds: 130) == [10, 12])
        #expect(due(&missing, atMilliseconds: 190).isEmpty)
        #expect(missing.count == 0)
    }

    @Test("what was only late was not asked for")
    func late() {
        var missing = MissingPackets()
        missing.skip(from: 10, to: 11, now: start)
        let wasAskedFor = missing.arrive(10)
        #expect(!wasAskedFor)
        #expect(missing.count == 0)
    }

    @Test("an outage is not asked for, and the table is bounded")
    func outage() {
        var missing = MissingPackets()
        missing.skip(from: 100, to: 117, now: start)
        #expect(missing.count == 0)
        missing.skip(from: 10, to: 20, now: start)
        missing.skip(from: 30, to: 40, now: start)
        #expect(missing.count == MissingPackets.countMax)
        #expect(due(&missing, atMilliseconds: 301).isEmpty)
        #expect(missing.count == 0)
    }
}
