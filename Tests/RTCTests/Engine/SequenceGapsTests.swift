import Testing

@testable import RTC

@Suite("SequenceGaps: numbers that were never sent")
struct SequenceGapsTests {
    @Test("a gap counts for the numbers behind it and not for those before it")
    func countsByPlace() {
        var gaps = SequenceGaps()
        gaps.skip(3, before: 100)
        gaps.skip(1, before: 110)
        #expect(gaps.count(upTo: 90) == 0)
        #expect(gaps.count(upTo: 100) == 3)
        #expect(gaps.count(upTo: 109) == 3)
        #expect(gaps.count(upTo: 110) == 4)
    }

    @Test("a number that comes late is no gap any more")
    func fills() {
        var gaps = SequenceGaps()
        gaps.skip(2, before: 100)
        gaps.skip(2, before: 200)
        gaps.fill(98)
        #expect(gaps.count(upTo: 150) == 1)
        #expect(gaps.count(upTo: 250) == 3)
        gaps.fill(199)
        gaps.fill(198)
        #expect(gaps.count(upTo: 150) == 1)
        #expect(gaps.count(upTo: 250) == 1)
    }

    @Test("any history counts as a list of all numbers would", arguments: UInt64(1)...20)
    func agreesWithAList(seed: UInt64) {
        var random = SequenceGapsRandom(state: seed)
        var gaps = SequenceGaps()
        var sent: Set<UInt64> = [1000]
        var inOrder: [UInt64] = [1000]
        var last: UInt64 = 1000
        for _ in 0..<300 {
            if random.next() % 10 < 8 {
                let next = last + 1 + (random.next() % 8 == 0 ? random.next() % 5 : 0)
                if next - last > 1 { gaps.skip(next - last - 1, before: next) }
                last = next
                sent.insert(next)
                inOrder.append(next)
            } else {
                let late = last - random.next() % 20
                guard late > 1000, sent.insert(late).inserted else { continue }
                gaps.fill(late)
            }
            // As far back as the recent gaps reach; not a late one, whose gap is half before it.
            let highest = inOrder[max(0, inOrder.count - 1 - Int(random.next() % 10))]
            let unsent = (1000...highest).count { !sent.contains($0) }
            #expect(gaps.count(upTo: highest) == Int64(unsent), "seed \(seed)")
        }
    }
}

private struct SequenceGapsRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 16
    }
}
