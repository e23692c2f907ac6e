import Testing

@testable import API

@Suite("Rows that a broker has taken")
struct TakenRowsTests {
    private static func rows(_ count: Int, partition: Int32 = 0, takenAt: UInt64 = 0) -> TakenRows {
        var taken = TakenRows()
        for index in 0..<count {
            taken.append(
                TakenRows.Row(
                    outboxID: Int64(index), partition: partition, offset: Int64(index),
                    logGeneration: 1, byteCount: 100, takenAtNanoseconds: takenAt))
        }
        return taken
    }

    @Test("what is young and ahead of Ingest stays")
    func stays() {
        var taken = Self.rows(3, takenAt: 5)
        let due = taken.removeDue(
            nowNanoseconds: 4 + TakenRows.ageMaxNanoseconds,
            places: [
                0: TakenRows.Place(logGeneration: 1, nextOffset: 0),
                1: TakenRows.Place(logGeneration: 2, nextOffset: 9),
            ])
        #expect(due.isEmpty)
        #expect(taken.rows.map(\.outboxID) == [0, 1, 2])
    }

    @Test("what is a second old is due")
    func ages() {
        var taken = Self.rows(2, takenAt: 5)
        let due = taken.removeDue(
            nowNanoseconds: 5 + TakenRows.ageMaxNanoseconds, places: [:])
        #expect(due.map(\.outboxID) == [0, 1])
        #expect(taken.rows.isEmpty)
    }

    @Test("what Ingest has read past is due, and what lies in a log that is gone")
    func isPassed() {
        var taken = Self.rows(3)
        let passed = taken.removeDue(
            nowNanoseconds: 0, places: [0: TakenRows.Place(logGeneration: 1, nextOffset: 2)])
        #expect(passed.map(\.outboxID) == [0, 1])
        let gone = taken.removeDue(
            nowNanoseconds: 0, places: [0: TakenRows.Place(logGeneration: 2, nextOffset: 0)])
        #expect(gone.map(\.outboxID) == [2])
    }

    @Test("past their number the oldest are due")
    func isBounded() {
        var taken = Self.rows(TakenRows.countMax + 2)
        #expect(taken.removeDue(nowNanoseconds: 0, places: [:]).map(\.outboxID) == [0, 1])
        #expect(taken.rows.count == TakenRows.countMax)
    }

    @Test("what is stored goes")
    func isRemoved() {
        var taken = Self.rows(4)
        taken.remove([1, 3, 99])
        #expect(taken.rows.map(\.outboxID) == [0, 2])
        #expect(taken.removeAll().map(\.outboxID) == [0, 2])
        #expect(taken.rows.isEmpty)
    }
}
