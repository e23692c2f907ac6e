import Domain
import Metrics

/// Expected and lost packets of a circle's members for `/metrics`: sums over all, of which
/// Prometheus takes the rate. Who lost them is in `quality_samples`.
struct LossMeters {
    private struct Counters {
        let expected: Counter
        let lost: Counter

        init(direction: String) {
            let dimensions = [("direction", direction)]
            expected = Counter(label: "circles_sfu_packets_expected_total", dimensions: dimensions)
            lost = Counter(label: "circles_sfu_packets_lost_total", dimensions: dimensions)
        }
    }

    /// What was counted of a session. The highest values: late packets take losses back, which a
    /// counter of Prometheus cannot say.
    private struct Counted {
        var expected: Int64 = 0
        var lost: Int64 = 0
    }

    private struct Directions {
        var uplink = Counted()
        var downlink = Counted()
    }

    private static let uplink = Counters(direction: "uplink")
    private static let downlink = Counters(direction: "downlink")

    /// By member session: those of the last batch.
    private var counted: [SessionID: Directions] = [:]

    mutating func record(_ batch: QualityBatch) {
        var next: [SessionID: Directions] = [:]
        for quality in batch.members {
            var directions = counted[quality.member.sessionID] ?? Directions()
            if let uplink = quality.uplink {
                Self.count(
                    uplink.packetsExpected, uplink.packetsLost, &directions.uplink, Self.uplink)
            }
            if let downlink = quality.downlink {
                Self.count(
                    downlink.packetsExpected, downlink.packetsLost, &directions.downlink,
                    Self.downlink)
            }
            next[quality.member.sessionID] = directions
        }
        counted = next
    }

    private static func count(
        _ expected: Int64, _ lost: Int64, _ counted: inout Counted, _ counters: Counters
    ) {
        counters.expected.increment(by: max(0, expected - counted.expected))
        counters.lost.increment(by: max(0, lost - counted.lost))
        counted = Counted(
            expected: max(expected, counted.expected), lost: max(lost, counted.lost))
    }
}
