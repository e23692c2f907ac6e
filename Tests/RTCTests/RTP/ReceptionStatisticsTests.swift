import RTC
import Testing

@Suite("Reception statistics (RFC 3550 §A.1, §A.3, §A.8)")
struct ReceptionStatisticsTests {
    private static let clockRate: UInt32 = 48_000

    /// Packet `index` of a stream of 20 ms frames, on time but for `lateness`.
    private func receive(
        _ statistics: inout ReceptionStatistics, _ sequenceNumber: UInt16, index: Int,
        marker: Bool = false, lateMilliseconds: Int64 = 0, timestampShift: UInt32 = 0
    ) -> ReceptionStatistics.Arrival {
        statistics.receive(
            sequenceNumber: sequenceNumber,
            timestamp: UInt32(truncatingIfNeeded: index * 960) &+ timestampShift, marker: marker,
            arrival: MonotonicTime(nanoseconds: 0)
                .adding(milliseconds: Int64(index) * 20 + lateMilliseconds),
            clockRate: Self.clockRate)
    }

    /// The numbers of a stream from `first` on that arrive, in order.
    private func statistics(first: UInt16, _ offsets: [Int]) -> ReceptionStatistics {
        var statistics = ReceptionStatistics()
        for offset in offsets {
            _ = receive(
                &statistics, first &+ UInt16(truncatingIfNeeded: offset), index: offset)
        }
        return statistics
    }

    @Test("a whole stream across the wrap loses nothing")
    func wholeStream() {
        let statistics = statistics(first: 65_500, Array(0..<100))
        #expect(statistics.packetsReceived == 100)
        #expect(statistics.packetsExpected == 100)
        #expect(statistics.packetsLost == 0)
        #expect(statistics.extendedHighestSequence == 65_536 + 63)
        #expect(statistics.jitterTimestampUnits == 0)
    }

    @Test("a gap is loss until the late packet comes")
    func latePacket() {
        var statistics = statistics(first: 10, [0, 1, 4])
        #expect(statistics.packetsLost == 2)
        #expect(receive(&statistics, 12, index: 2) == .late)
        #expect(statistics.packetsLost == 1)
        #expect(receive(&statistics, 12, index: 2) == .duplicate)
        #expect(receive(&statistics, 14, index: 4) == .duplicate)
        #expect(statistics.packetsDuplicated == 2)
        #expect(statistics.packetsReceived == 4)
        #expect(statistics.packetsLost == 1)
        #expect(receive(&statistics, 13, index: 3) == .late)
        #expect(statistics.packetsLost == 0)
    }

    @Test("one sent before the first that arrived counts on both sides")
    func beforeFirst() {
        var statistics = statistics(first: 0, [0])
        #expect(receive(&statistics, 65_534, index: 1) == .late)
        #expect(statistics.packetsExpected == 3)
        #expect(statistics.packetsReceived == 2)
        #expect(statistics.packetsLost == 1)
        #expect(receive(&statistics, 65_535, index: 2) == .late)
        #expect(statistics.packetsLost == 0)
    }

    @Test("a duplicate is known for 100 packets", arguments: [1, 63, 64, 65, 99, 100])
    func duplicates(behind: Int) {
        var statistics = statistics(first: 0, Array(0...200))
        #expect(receive(&statistics, UInt16(200 - behind), index: 201) == .duplicate)
        #expect(statistics.packetsLost == 0)
    }

    @Test("one far packet is ignored; two in order are a new start, and totals go on")
    func restart() {
        var statistics = statistics(first: 100, Array(0..<10))
        #expect(receive(&statistics, 40_000, index: 10) == .outOfRange)
        #expect(statistics.packetsReceived == 10)
        #expect(receive(&statistics, 110, index: 10) == .inOrder)
        #expect(receive(&statistics, 40_000, index: 11) == .outOfRange)
        #expect(receive(&statistics, 40_001, index: 12) == .restarted)
        #expect(statistics.packetsReceived == 13)
        #expect(statistics.packetsExpected == 13)
        #expect(receive(&statistics, 40_004, index: 13) == .inOrder)
        #expect(statistics.packetsLost == 2)
        #expect(receive(&statistics, 40_000, index: 14) == .duplicate)
        #expect(receive(&statistics, 39_999, index: 14) == .late)
        #expect(statistics.packetsLost == 2)
        #expect(statistics.packetsExpected == 17)
    }

    @Test("A.3: the fraction is that of the interval, and zero when more came than were missed")
    func fractionLost() {
        var statistics = statistics(first: 0, [0, 1, 2, 3, 4, 6, 8, 9])
        #expect(statistics.fractionLostSinceLastReport() == 2 * 256 / 10)
        #expect(statistics.fractionLostSinceLastReport() == 0)
        _ = receive(&statistics, 5, index: 5)
        #expect(statistics.fractionLostSinceLastReport() == 0)
        _ = receive(&statistics, 11, index: 11)
        #expect(statistics.fractionLostSinceLastReport() == 128)
        #expect(statistics.packetsLost == 2)
    }

    @Test("A.8: the jitter of a delay of 5 ms that comes and goes, by hand")
    func jitter() {
        var statistics = statistics(first: 0, [0])
        // 5 ms are 240 units. In sixteenths: 0 + 240 − (0 + 8) / 16 = 240.
        _ = receive(&statistics, 1, index: 1, lateMilliseconds: 5)
        #expect(statistics.jitterScaledBy16 == 240)
        #expect(statistics.jitterTimestampUnits == 15)
        // 240 + 240 − 248 / 16 = 465.
        _ = receive(&statistics, 2, index: 2)
        #expect(statistics.jitterScaledBy16 == 465)
        // On time again: 465 − 473 / 16 = 436.
        _ = receive(&statistics, 3, index: 3)
        #expect(statistics.jitterScaledBy16 == 436)
    }

    @Test("a pause with DTX is neither loss nor jitter")
    func discontinuousTransmission() {
        var statistics = statistics(first: 0, Array(0..<50))
        // Three seconds later: the next number, the timestamp of now, the marker.
        #expect(receive(&statistics, 50, index: 200, marker: true) == .inOrder)
        // A comfort frame each 400 ms in silence.
        for index in 1...10 {
            _ = receive(&statistics, UInt16(50 + index), index: 200 + index * 20)
        }
        #expect(statistics.packetsLost == 0)
        #expect(statistics.packetsExpected == 61)
        #expect(statistics.jitterTimestampUnits == 0)
        #expect(statistics.fractionLostSinceLastReport() == 0)
    }

    @Test(
        "a talkspurt whose timestamps jump leaves the jitter as it was",
        arguments: [
            UInt32(bitPattern: -480_000), 5_000_000, 0x8000_0000, UInt32(bitPattern: -24_000),
        ])
    func timestampJump(shift: UInt32) {
        var statistics = statistics(first: 0, [0])
        _ = receive(&statistics, 1, index: 1, lateMilliseconds: 5)
        let before = statistics.jitterScaledBy16
        #expect(
            receive(&statistics, 2, index: 100, marker: true, timestampShift: shift) == .inOrder)
        #expect(statistics.jitterScaledBy16 == before)
        _ = receive(&statistics, 3, index: 101, timestampShift: shift)
        #expect(statistics.jitterScaledBy16 < before)
        #expect(statistics.packetsLost == 0)
    }

    @Test("arrivals of a clock that ran for years give the same jitter")
    func longClock() {
        var statistics = ReceptionStatistics()
        let start = MonotonicTime(nanoseconds: 300_000_000_000_000_000)
        for (sequence, milliseconds) in [(0, 0), (1, 25), (2, 40)] as [(UInt16, Int64)] {
            statistics.receive(
                sequenceNumber: sequence, timestamp: UInt32(sequence) * 960, marker: false,
                arrival: start.adding(milliseconds: milliseconds), clockRate: Self.clockRate)
        }
        #expect(statistics.jitterScaledBy16 == 465)
    }

    @Test("the report block carries the totals")
    func reportBlock() {
        var statistics = statistics(first: 65_534, [0, 1, 3])
        let block = statistics.reportBlock(
            ssrc: 7, lastSenderReport: 8, delaySinceLastSenderReport: 9)
        #expect(
            block
                == ReportBlock(
                    ssrc: 7, fractionLost: 64, packetsLost: 1, extendedHighestSequence: 65_537,
                    jitter: 0, lastSenderReport: 8, delaySinceLastSenderReport: 9))
    }

    @Test(
        "loss, duplicates and reordering are counted as they were made",
        arguments: [41, 42, 43, 44] as [UInt64])
    func randomStream(seed: UInt64) {
        var random = PacketMutator(seed: seed)
        let count = 70_000
        let first = UInt16.random(in: 0...UInt16.max, using: &random)
        var arrivals: [(at: Int, index: Int)] = []
        var lost = 0
        var duplicated: UInt64 = 0
        for index in 0..<count {
            // The ends arrive on time, so that what is expected is the whole stream.
            let isEnd = index < 40 || index >= count - 40
            if !isEnd, Int.random(in: 0..<20, using: &random) == 0 {
                lost += 1
                continue
            }
            let delay = isEnd ? 0 : Int.random(in: 0..<30, using: &random)
            arrivals.append((index + delay, index))
            if !isEnd, Int.random(in: 0..<50, using: &random) == 0 {
                duplicated += 1
                arrivals.append((index + delay + 3, index))
            }
        }
        arrivals.sort { ($0.at, $0.index) < ($1.at, $1.index) }
        var statistics = ReceptionStatistics()
        for arrival in arrivals {
            statistics.receive(
                sequenceNumber: first &+ UInt16(truncatingIfNeeded: arrival.index),
                timestamp: UInt32(truncatingIfNeeded: arrival.index * 960), marker: false,
                arrival: MonotonicTime(nanoseconds: Int64(arrival.at) * 20_000_000),
                clockRate: Self.clockRate)
        }
        #expect(statistics.packetsExpected == UInt64(count), "seed \(seed)")
        #expect(statistics.packetsLost == Int64(lost), "seed \(seed)")
        #expect(statistics.packetsDuplicated == duplicated, "seed \(seed)")
    }
}
