import Domain
import Testing

@testable import SFU

@Suite("A node's numbering of what it says of a circle")
struct CircleNumberingTests {
    private let circleID = CircleID(now: Timestamp(microseconds: 1))
    private let start = Timestamp(microseconds: 1_000_000)

    @Test("events are numbered 1, 2, 3 … apart from quality batches")
    func sequences() {
        var numbering = CircleNumbering(source: "sfu-1", epoch: 4)
        for expected: Int64 in 1...5 {
            let event = numbering.event(
                .nodeSnapshot([]), in: circleID, now: start.adding(seconds: expected),
                notBefore: start)
            #expect(
                event.position == SourcePosition(source: "sfu-1", epoch: 4, sequence: expected))
            let batch = numbering.batch([], in: circleID, now: start, intervalMilliseconds: 5000)
            #expect(
                batch.position == SourcePosition(source: "sfu-1", epoch: 4, sequence: expected))
        }
    }

    @Test("times rise by a microsecond at least, when the clock stands or goes back")
    func times() {
        var numbering = CircleNumbering(source: "sfu-1", epoch: 1)
        let times = [0, 0, -3_600_000_000, 5, 5, 1].map { offset in
            numbering.event(
                .nodeSnapshot([]), in: circleID, now: start.adding(microseconds: offset),
                notBefore: Timestamp(microseconds: 0)
            ).occurredAt.microseconds - start.microseconds
        }
        #expect(times == [0, 1, 2, 5, 6, 7])
    }

    @Test("an event comes after the join that it presupposes, whatever the clocks say")
    func joinFirst() {
        var numbering = CircleNumbering(source: "sfu-1", epoch: 1)
        let joinedAt = start.adding(seconds: 30)
        let event = numbering.event(
            .nodeSnapshot([]), in: circleID, now: start, notBefore: joinedAt)
        #expect(event.occurredAt == joinedAt.adding(microseconds: 1))
    }
}
