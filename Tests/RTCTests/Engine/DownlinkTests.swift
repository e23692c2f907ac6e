import Testing

@testable import RTC

@Suite("A stream to a subscriber over changes of its source (RFC 3550 §5.1)")
struct DownlinkTests {
    private func downlink() -> Downlink {
        Downlink(
            .init(ssrc: 1, opusPayloadType: 111, isNACKEnabled: false), firstSequence: 30_000,
            timestamp: 4_294_967_000)
    }

    /// Sends a source's packet as forwarding does.
    private func send(
        _ downlink: inout Downlink, generation: UInt32, _ sequence: UInt64, _ timestamp: UInt32,
        atMilliseconds: Int64
    ) -> (sequence: UInt64, timestamp: UInt32) {
        let now = MonotonicTime(nanoseconds: 0).adding(milliseconds: atMilliseconds)
        if downlink.sourceGeneration != generation {
            downlink.rebase(
                onto: generation, sequence: sequence, timestamp: timestamp, now: now)
        }
        downlink.lastSequence = sequence &+ downlink.sequenceOffset
        downlink.lastTimestamp = timestamp &+ downlink.timestampOffset
        downlink.lastSentAt = now
        downlink.packetsSent += 1
        return (downlink.lastSequence, downlink.lastTimestamp)
    }

    @Test("numbers follow each other and timestamps move by the time that passed")
    func rebase() {
        var downlink = downlink()
        let first = send(&downlink, generation: 1, 70_000, 5, atMilliseconds: 1000)
        #expect(first.sequence == 30_001)
        let second = send(&downlink, generation: 1, 70_001, 965, atMilliseconds: 1020)
        #expect(second.sequence == 30_002)
        #expect(second.timestamp &- first.timestamp == 960)
        // Another source, a second later, whose numbers are smaller.
        let third = send(&downlink, generation: 2, 3, 4_000_000_000, atMilliseconds: 2020)
        #expect(third.sequence == 30_003)
        #expect(third.timestamp &- second.timestamp == 48_000)
        // And one in the same millisecond: a frame at least.
        let fourth = send(&downlink, generation: 3, 1 << 40, 17, atMilliseconds: 2020)
        #expect(fourth.sequence == 30_004)
        #expect(fourth.timestamp &- third.timestamp == 960)
        #expect(downlink.firstSourceSequence == 1 << 40)
        #expect(downlink.firstSequence == 30_004)
    }

    @Test("the RTP time of a sender report goes on with the clock")
    func reportTime() {
        var downlink = downlink()
        let last = send(&downlink, generation: 1, 1, 0, atMilliseconds: 1000)
        let later = MonotonicTime(nanoseconds: 0).adding(milliseconds: 1500)
        #expect(downlink.timestamp(at: later) &- last.timestamp == 24_000)
    }
}
