import CoreMetrics
import PrometheusMetrics
import Testing

@Suite("PrometheusRegistry (text format 0.0.4)")
struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry()

    @Test("without a metric there is no text")
    func isEmptyAtFirst() {
        #expect(registry.exposition() == "")
    }

    // MARK: Counters

    @Test("a counter counts, and its name ends in _total")
    func counts() {
        let counter = registry.makeCounter(label: "circles_requests", dimensions: [])
        counter.increment(by: 1)
        counter.increment(by: 41)
        #expect(
            registry.exposition() == """
                # TYPE circles_requests_total counter
                circles_requests_total 42

                """)
    }

    @Test("a counter that is called a total is not called so twice")
    func keepsTotals() {
        registry.makeCounter(label: "requests_total", dimensions: []).increment(by: 1)
        #expect(registry.exposition().hasSuffix("\nrequests_total 1\n"))
    }

    @Test("a counter shows before its first increment and after a reset")
    func showsZero() {
        let counter = registry.makeCounter(label: "a", dimensions: [])
        #expect(registry.exposition().hasSuffix("a_total 0\n"))
        counter.increment(by: 7)
        counter.reset()
        #expect(registry.exposition().hasSuffix("a_total 0\n"))
    }

    @Test("the same name and labels are the same counter")
    func sharesSeries() {
        let labels = [("result", "sent")]
        registry.makeCounter(label: "mails", dimensions: labels).increment(by: 1)
        registry.makeCounter(label: "mails", dimensions: labels).increment(by: 2)
        registry.makeCounter(label: "mails_total", dimensions: labels).increment(by: 4)
        #expect(registry.exposition().hasSuffix("\nmails_total{result=\"sent\"} 7\n"))
    }

    @Test("a counter that is given up keeps its value: it would read as a reset")
    func keepsDestroyed() {
        let counter = registry.makeCounter(label: "a", dimensions: [])
        counter.increment(by: 3)
        registry.destroyCounter(counter)
        #expect(registry.exposition().hasSuffix("a_total 3\n"))
    }

    // MARK: Gauges

    @Test("a gauge goes up and down")
    func gauges() {
        let gauge = registry.makeMeter(label: "connections", dimensions: [])
        gauge.set(Int64(10))
        gauge.increment(by: 2.5)
        gauge.decrement(by: 5)
        #expect(
            registry.exposition() == """
                # TYPE connections gauge
                connections 7.5

                """)
        gauge.set(-3.0)
        #expect(registry.exposition().hasSuffix("\nconnections -3\n"))
    }

    @Test("a recorder that does not aggregate is a gauge of the last value")
    func recordsLast() {
        let recorder = registry.makeRecorder(label: "lag", dimensions: [], aggregate: false)
        recorder.record(Int64(5))
        recorder.record(Int64(2))
        #expect(registry.exposition() == "# TYPE lag gauge\nlag 2\n")
    }

    @Test("numbers past 2^53 and none at all do not trap", arguments: [1e300, -1e300, .infinity])
    func survivesLargeNumbers(value: Double) {
        registry.makeMeter(label: "a", dimensions: []).set(value)
        let text = registry.exposition().split(separator: " ").last.map(String.init) ?? ""
        #expect(Double(text.dropLast()) == value)
    }

    // MARK: Histograms

    @Test("a timer is a histogram in seconds with cumulative buckets")
    func times() {
        let timer = registry.makeTimer(label: "request", dimensions: [("method", "GET")])
        timer.recordNanoseconds(250_000_000)
        timer.recordNanoseconds(250_000_001)
        timer.recordNanoseconds(500_000_000)
        timer.recordNanoseconds(16_000_000_000)
        let text = registry.exposition()
        #expect(text.hasPrefix("# TYPE request_seconds histogram\n"))
        func bucket(_ bound: String, _ count: Int) -> String {
            "request_seconds_bucket{method=\"GET\",le=\"\(bound)\"} \(count)"
        }
        let lines = text.split(separator: "\n").map(String.init).dropFirst()
        let small = ["0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1"]
        #expect(
            lines.dropLast(2)
                == small.map { bucket($0, 0) } + [
                    bucket("0.25", 1), bucket("0.5", 3), bucket("1", 3), bucket("2.5", 3),
                    bucket("5", 3), bucket("10", 3), bucket("+Inf", 4),
                ])
        #expect(
            lines.suffix(2).first?.hasPrefix("request_seconds_sum{method=\"GET\"} 17.0000") == true)
        #expect(lines.last == "request_seconds_count{method=\"GET\"} 4")
    }

    @Test("a sum is the sum of what was recorded")
    func sums() {
        let timer = registry.makeTimer(label: "work_seconds", dimensions: [])
        timer.recordNanoseconds(500_000_000)
        timer.recordNanoseconds(250_000_000)
        #expect(registry.exposition().contains("\nwork_seconds_sum 0.75\n"))
        #expect(registry.exposition().hasSuffix("\nwork_seconds_count 2\n"))
    }

    @Test("a recorder that aggregates is a histogram of sizes")
    func recordsSizes() {
        let recorder = registry.makeRecorder(label: "batch", dimensions: [], aggregate: true)
        recorder.record(Int64(1))
        recorder.record(Int64(11))
        recorder.record(2_000_000.0)
        #expect(
            registry.exposition() == """
                # TYPE batch histogram
                batch_bucket{le="1"} 1
                batch_bucket{le="10"} 1
                batch_bucket{le="100"} 2
                batch_bucket{le="1000"} 2
                batch_bucket{le="10000"} 2
                batch_bucket{le="100000"} 2
                batch_bucket{le="1000000"} 2
                batch_bucket{le="+Inf"} 3
                batch_sum 2000012
                batch_count 3

                """)
    }

    // MARK: Names and labels

    @Test("metrics are in the order of their names, each with one TYPE line")
    func ordersMetrics() {
        registry.makeMeter(label: "b", dimensions: []).set(1.0)
        registry.makeCounter(label: "a", dimensions: [("x", "2")]).increment(by: 2)
        registry.makeCounter(label: "a", dimensions: [("x", "1")]).increment(by: 1)
        #expect(
            registry.exposition() == """
                # TYPE a_total counter
                a_total{x="1"} 1
                a_total{x="2"} 2
                # TYPE b gauge
                b 1

                """)
    }

    @Test("several labels keep their order")
    func keepsLabelOrder() {
        registry.makeMeter(label: "a", dimensions: [("z", "1"), ("b", "2")]).set(0.5)
        #expect(registry.exposition().hasSuffix("\na{z=\"1\",b=\"2\"} 0.5\n"))
    }

    @Test(
        "a label's value cannot end its quotes or its line",
        arguments: [
            ("a\"b", #"a\"b"#), ("a\\b", #"a\\b"#), ("a\nb", #"a\nb"#), ("\\\"\n", #"\\\"\n"#),
            ("é {}=,", "é {}=,"), ("", ""),
        ])
    func escapesLabels(value: String, escaped: String) {
        registry.makeMeter(label: "a", dimensions: [("x", value)]).set(1.0)
        #expect(registry.exposition() == "# TYPE a gauge\na{x=\"\(escaped)\"} 1\n")
    }

    @Test(
        "nor hide what ends them in a grapheme",
        arguments: ["a\r\nb 1\nevil 2", "\u{600}\"} 1", "x\u{600}\\", "\"\u{301}"])
    func escapesInsideGraphemes(value: String) {
        registry.makeMeter(label: "a", dimensions: [("x", value)]).set(1.0)
        let text = Array(registry.exposition().unicodeScalars)
        // Two lines and two unescaped quotes, whatever the value.
        #expect(text.count { $0 == "\n" } == 2)
        var (quoteCount, isEscaped) = (0, false)
        for scalar in text {
            if scalar == "\"", !isEscaped { quoteCount += 1 }
            isEscaped = scalar == "\\" && !isEscaped
        }
        #expect(quoteCount == 2)
    }

    @Test(
        "names hold letters, digits and underscores only",
        arguments: [
            ("circles.api-requests", "circles_api_requests"), ("a b\nc", "a_b_c"),
            ("größe", "gr__e"), ("a{b=\"c\"}", "a_b__c__"), ("x1_2", "x1_2"),
            ("\u{661}", "_"),
        ])
    func sanitizesNames(label: String, name: String) {
        registry.makeMeter(label: label, dimensions: [(label, "v")]).set(1.0)
        #expect(registry.exposition() == "# TYPE \(name) gauge\n\(name){\(name)=\"v\"} 1\n")
    }

    @Test("a name does not begin with a digit")
    func guardsFirstCharacters() {
        registry.makeMeter(label: "5xx", dimensions: []).set(1.0)
        let first = registry.exposition().dropFirst("# TYPE ".count).first
        #expect(first.map { $0.isNumber } == false)
    }
}
