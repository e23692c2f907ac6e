import Foundation
import Synchronization

/// Durations of requests, for percentiles.
final class Latencies: Sendable {
    private let microseconds = Mutex<[Int64]>([])

    func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        microseconds.withLock { $0.append(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) }
    }

    var count: Int { microseconds.withLock { $0.count } }

    /// In milliseconds; by nearest rank.
    func percentile(_ percent: Double) -> Double {
        let sorted = microseconds.withLock { $0 }.sorted()
        guard !sorted.isEmpty else { return 0 }
        let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
        return Double(sorted[max(0, min(sorted.count, rank) - 1)]) / 1000
    }

    var summary: String {
        String(
            format: "%d requests: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms", count, percentile(50),
            percentile(95), percentile(99))
    }
}
