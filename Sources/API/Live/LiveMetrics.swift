import Metrics

/// What live updates tell of themselves at `/metrics`.
struct LiveMetrics: Sendable {
    let subscribers = Gauge(label: "circles_live_subscribers")
    /// Events handed to streams: one for each stream.
    let events = Counter(label: "circles_live_events_total")
    let snapshots = Counter(label: "circles_live_snapshots_total")
    let resumes = Counter(label: "circles_live_resumes_total")
    let readFailures = Counter(label: "circles_live_read_failures_total")
    /// From when the oldest event of a write happened until it was written.
    let deliveryDelay = Timer(label: "circles_live_delivery_delay")
    private let dropped: [LiveSubscriber.Cut: Counter]
    private let refused: [Refusal: Counter]

    enum Refusal: String, CaseIterable, Sendable {
        case process
        case circle
        case user
    }

    init() {
        func counters<Reason: RawRepresentable<String> & CaseIterable & Hashable>(
            _ label: String
        ) -> [Reason: Counter] {
            Dictionary(
                uniqueKeysWithValues: Reason.allCases.map {
                    ($0, Counter(label: label, dimensions: [("reason", $0.rawValue)]))
                })
        }
        dropped = counters("circles_live_dropped_total")
        refused = counters("circles_live_refused_total")
    }

    func countDropped(_ cut: LiveSubscriber.Cut) {
        dropped[cut]?.increment()
    }

    func countRefused(_ refusal: Refusal) {
        refused[refusal]?.increment()
    }
}
