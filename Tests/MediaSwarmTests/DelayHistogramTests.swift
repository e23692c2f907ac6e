import Testing

@testable import MediaSwarm

@Suite("Percentiles of delays")
struct DelayHistogramTests {
    @Test("each delay is found again within 3 %")
    func precision() {
        var delay: Int64 = 1
        while delay < 16_000_000 {
            var histogram = DelayHistogram()
            histogram.record(microseconds: delay)
            let found = Double(histogram.percentile(50))
            #expect(found >= Double(delay) && found <= Double(delay) * 1.032)
            delay = delay * 17 / 16 + 1
        }
    }

    @Test("percentiles are by nearest rank, and 100 is the greatest")
    func ranks() {
        var histogram = DelayHistogram()
        #expect(histogram.percentile(99) == 0)
        for delay in 1...20 { histogram.record(microseconds: Int64(delay)) }
        #expect(histogram.percentile(50) == 10)
        #expect(histogram.percentile(95) == 19)
        #expect(histogram.percentile(100) == 20)
        #expect(histogram.percentile(0) == 1)
    }

    @Test("delays outside the range count as the nearest inside")
    func bounds() {
        var histogram = DelayHistogram()
        histogram.record(microseconds: -5)
        histogram.record(microseconds: .max)
        #expect(histogram.count == 2)
        #expect(histogram.percentile(50) == 0)
        #expect(histogram.percentile(100) == 1 << 24 - 1)
    }

    @Test("histograms add, and an earlier state is taken away")
    func arithmetic() {
        var first = DelayHistogram()
        first.record(microseconds: 10)
        let earlier = first
        first.record(microseconds: 5000)
        var other = DelayHistogram()
        other.record(microseconds: 20)
        first.merge(other)
        #expect(first.count == 3)
        let since = first.since(earlier)
        #expect(since.count == 2)
        #expect(since.percentile(50) == 20)
    }
}
