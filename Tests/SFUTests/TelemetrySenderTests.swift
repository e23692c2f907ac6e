import Domain
import EventLog
import EventSchema
import Logging
import Testing

@testable import SFU

@Suite("TelemetrySender: what waits for a broker")
struct TelemetrySenderTests {
    private struct NoBroker: KafkaLocator {
        func locate() -> KafkaEndpoint? { nil }
    }

    private let circleID = CircleID(now: Timestamp(seconds: 1_795_426_200))

    private func sender() -> TelemetrySender {
        TelemetrySender(
            locator: NoBroker(), logger: Logger(label: "tests"), eventCountMax: 5,
            batchCountMax: 3)
    }

    private func numbers(_ sender: TelemetrySender) throws -> (events: [Int64], batches: [Int64]) {
        var (events, batches): ([Int64], [Int64]) = ([], [])
        for record in sender.waiting {
            #expect(record.key == Array(circleID.description.utf8))
            if record.topic == Topic.events {
                events.append(try EventCodec.decode(record.value).position.sequence)
            } else {
                batches.append(try QualityCodec.decode(record.value).position.sequence)
            }
        }
        return (events, batches)
    }

    @Test("all of it waits, in order, while there is room")
    func keepsOrder() throws {
        let sender = sender()
        var numbering = CircleNumbering(source: "sfu-1", epoch: 1)
        let now = Timestamp(seconds: 1_795_426_200)
        for _ in 0..<5 {
            sender.send(
                numbering.event(.nodeSnapshot([]), in: circleID, now: now, notBefore: now))
        }
        for _ in 0..<3 {
            sender.send(numbering.batch([], in: circleID, now: now, intervalMilliseconds: 5000))
        }
        let waiting = try numbers(sender)
        #expect(waiting.events == [1, 2, 3, 4, 5])
        #expect(waiting.batches == [1, 2, 3])
    }

    @Test("past its bound the oldest goes, and events and batches do not push each other out")
    func dropsTheOldest() throws {
        let sender = sender()
        var numbering = CircleNumbering(source: "sfu-1", epoch: 1)
        let now = Timestamp(seconds: 1_795_426_200)
        for _ in 0..<12 {
            sender.send(
                numbering.event(.nodeSnapshot([]), in: circleID, now: now, notBefore: now))
            sender.send(numbering.batch([], in: circleID, now: now, intervalMilliseconds: 5000))
        }
        let waiting = try numbers(sender)
        #expect(waiting.events == [8, 9, 10, 11, 12])
        #expect(waiting.batches == [10, 11, 12])
    }
}
