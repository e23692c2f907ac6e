import Testing

@testable import Ingest

@Suite("SourceCursor (gap-free numbering per source)")
struct SourceCursorTests {
    /// A cursor after these arrivals, in this order.
    private func cursor(after sequences: Int64...) -> SourceCursor {
        var cursor = SourceCursor()
        for sequence in sequences { _ = cursor.arrive(sequence) }
        return cursor
    }

    @Test("before the first arrival nothing is known and nothing is missing")
    func isEmptyAtFirst() {
        #expect(SourceCursor().last == 0)
        #expect(SourceCursor().missing.isEmpty)
    }

    @Test("numbers in order are accepted and leave nothing missing")
    func acceptsInOrder() {
        var cursor = SourceCursor()
        for sequence: Int64 in 1...100 {
            #expect(cursor.arrive(sequence) == .accepted)
            #expect(cursor.last == sequence)
        }
        #expect(cursor.missing.isEmpty)
    }

    @Test("the last number once more is a duplicate and changes nothing")
    func refusesTheLastAgain() {
        var cursor = cursor(after: 1, 2, 3)
        let before = cursor
        #expect(cursor.arrive(3) == .duplicate)
        #expect(cursor.arrive(1) == .duplicate)
        #expect(cursor == before)
    }

    @Test("a number past the next is accepted after a gap")
    func noticesGaps() {
        var cursor = cursor(after: 1)
        #expect(cursor.arrive(5) == .acceptedAfterGap(2...4))
        #expect(cursor.last == 5)
        #expect(cursor.missing == [2...4])
    }

    @Test("a source whose first number is not 1 has a gap before it")
    func noticesALateBeginning() {
        var cursor = SourceCursor()
        #expect(cursor.arrive(3) == .acceptedAfterGap(1...2))
        #expect(cursor.missing == [1...2])
    }

    @Test("a gap of one number")
    func noticesSmallGaps() {
        var cursor = cursor(after: 1)
        #expect(cursor.arrive(3) == .acceptedAfterGap(2...2))
        #expect(cursor.arrive(2) == .accepted)
        #expect(cursor == SourceCursor(last: 3))
    }

    @Test("gaps are kept in rising order and do not run together")
    func keepsSeveralGaps() {
        #expect(
            cursor(after: 1, 4, 6, 10) == SourceCursor(last: 10, missing: [2...3, 5...5, 7...9]))
    }

    @Test("after a gap the next number is accepted without one")
    func goesOnAfterAGap() {
        var cursor = cursor(after: 1, 5)
        #expect(cursor.arrive(6) == .accepted)
        #expect(cursor == SourceCursor(last: 6, missing: [2...4]))
    }

    @Test(
        "a missing number that arrives leaves the rest of its gap missing",
        arguments: [
            (2, [3...6]), (3, [2...2, 4...6]), (4, [2...3, 5...6]), (5, [2...4, 6...6]),
            (6, [2...5]),
        ] as [(Int64, [ClosedRange<Int64>])])
    func fillsGaps(sequence: Int64, rest: [ClosedRange<Int64>]) {
        var cursor = cursor(after: 1, 7)
        #expect(cursor.arrive(sequence) == .accepted)
        #expect(cursor == SourceCursor(last: 7, missing: rest))
        #expect(cursor.arrive(sequence) == .duplicate)
        #expect(cursor == SourceCursor(last: 7, missing: rest))
    }

    @Test("filling one gap leaves the others alone")
    func fillsTheRightGap() {
        var cursor = SourceCursor(last: 20, missing: [2...4, 8...12, 15...15])
        #expect(cursor.arrive(10) == .accepted)
        #expect(cursor.missing == [2...4, 8...9, 11...12, 15...15])
        #expect(cursor.arrive(15) == .accepted)
        #expect(cursor.missing == [2...4, 8...9, 11...12])
        #expect(cursor.arrive(5) == .duplicate)
        #expect(cursor.last == 20)
    }

    @Test("a gap filled from both ends is gone")
    func closesGaps() {
        var cursor = cursor(after: 1, 6)
        for sequence: Int64 in [2, 5, 4, 3] {
            #expect(cursor.arrive(sequence) == .accepted)
        }
        #expect(cursor == SourceCursor(last: 6))
    }

    @Test("numbers below the first are duplicates", arguments: [0, -1] as [Int64])
    func refusesNonsense(sequence: Int64) {
        var cursor = cursor(after: 1, 3)
        #expect(cursor.arrive(sequence) == .duplicate)
        #expect(cursor == SourceCursor(last: 3, missing: [2...2]))
    }

    @Test("the largest number does not trap, nor does what comes after it")
    func survivesTheLargestNumber() {
        var cursor = SourceCursor()
        #expect(cursor.arrive(.max) == .acceptedAfterGap(1...(.max - 1)))
        #expect(cursor.arrive(1) == .accepted)
        #expect(cursor.arrive(.max - 1) == .accepted)
        #expect(cursor.arrive(.max) == .duplicate)
        #expect(cursor == SourceCursor(last: .max, missing: [2...(.max - 2)]))
    }

    // MARK: Against a plain set

    /// Says the same as `SourceCursor`, from the set of all numbers that arrived.
    private struct Oracle {
        var arrived: Set<Int64> = []

        mutating func arrive(_ sequence: Int64) -> SourceCursor.Arrival {
            let last = arrived.max() ?? 0
            guard arrived.insert(sequence).inserted else { return .duplicate }
            return sequence > last + 1
                ? .acceptedAfterGap((last + 1)...(sequence - 1)) : .accepted
        }

        var missing: [Int64] {
            (1...(arrived.max() ?? 1)).filter { !arrived.contains($0) }
        }
    }

    @Test(
        "any arrivals are judged as a plain set judges them",
        arguments: 301...330 as ClosedRange<UInt64>)
    func agreesWithASet(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (cursor, oracle) = (SourceCursor(), Oracle())
        let highest = Int64.random(in: 5...80, using: &random)
        for step in 0..<200 {
            // Mostly near the front, as a log delivers; now and then anywhere.
            let isAnywhere = Int.random(in: 0..<3, using: &random) == 0
            let sequence =
                isAnywhere
                ? Int64.random(in: 1...highest, using: &random)
                : cursor.last + Int64.random(in: 0...2, using: &random)
            guard sequence >= 1 else { continue }
            let (arrival, expected) = (cursor.arrive(sequence), oracle.arrive(sequence))
            let missing = cursor.missing.flatMap { Array($0) }
            guard arrival == expected, cursor.last == oracle.arrived.max(),
                missing == oracle.missing
            else {
                Issue.record("seed \(seed), step \(step): \(sequence) gave \(arrival), \(cursor)")
                return
            }
            // Whole runs: no gap touches the next.
            for (left, right) in zip(cursor.missing, cursor.missing.dropFirst()) {
                #expect(left.upperBound + 1 < right.lowerBound, "seed \(seed), step \(step)")
            }
        }
        #expect(oracle.arrived.count > 5)
    }
}
