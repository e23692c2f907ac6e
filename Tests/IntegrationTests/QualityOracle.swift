import Database
import Domain
import Foundation

/// What the minutes must say, computed the plain way from the whole set of batches.
struct QualityOracle {
    private struct Sample {
        let member: Event.Member
        let direction: String
        let source: String
        let epoch: Int64
        let sampledAt: Int64
        let expected: Int64
        let lost: Int64
        let discarded: Int64
        let jitter: Int64
        let roundTripTime: Int64
    }

    private struct Minute {
        var expected: Int64 = 0
        var lost: Int64 = 0
        var discarded: Int64 = 0
        var jitters: [Int64] = []
        var roundTripTimes: [Int64] = []
    }

    private struct Key: Hashable {
        let session: String
        let uid: String
        let direction: String
        let minute: Int64
    }

    private let samples: [Sample]

    /// - Parameter batches: in the order of their numbers.
    init(_ batches: [QualityBatch]) {
        samples = batches.flatMap { batch in
            batch.members.flatMap { quality in
                let (node, at) = (batch.position, batch.sampledAt.microseconds)
                return [
                    quality.uplink.map {
                        Sample(
                            member: quality.member, direction: "uplink", source: node.source,
                            epoch: node.epoch, sampledAt: at, expected: $0.packetsExpected,
                            lost: $0.packetsLost, discarded: $0.packetsDiscarded,
                            jitter: $0.jitterMicroseconds,
                            roundTripTime: $0.roundTripTimeMicroseconds)
                    },
                    quality.downlink.map {
                        Sample(
                            member: quality.member, direction: "downlink", source: node.source,
                            epoch: node.epoch, sampledAt: at, expected: $0.packetsExpected,
                            lost: $0.packetsLost, discarded: 0, jitter: $0.jitterMicroseconds,
                            roundTripTime: $0.roundTripTimeMicroseconds)
                    },
                ].compactMap { $0 }
            }
        }
    }

    private var byMinute: [Key: Minute] {
        var minutes: [Key: Minute] = [:]
        for (index, sample) in samples.enumerated() {
            let former = samples[..<index].last {
                $0.member == sample.member && $0.direction == sample.direction
                    && $0.source == sample.source && $0.epoch == sample.epoch
            }
            let key = Key(
                session: sample.member.sessionID.description, uid: sample.member.uid,
                direction: sample.direction, minute: sample.sampledAt / 60_000_000)
            var minute = minutes[key] ?? Minute()
            minute.expected += max(sample.expected - (former?.expected ?? 0), 0)
            minute.lost += sample.lost - (former?.lost ?? 0)
            minute.discarded += max(sample.discarded - (former?.discarded ?? 0), 0)
            minute.jitters.append(sample.jitter)
            if sample.roundTripTime > 0 { minute.roundTripTimes.append(sample.roundTripTime) }
            minutes[key] = minute
        }
        return minutes
    }

    /// Rounded half up: the values are not negative.
    private func mean(_ values: [Int64]) -> String {
        guard !values.isEmpty else { return "∅" }
        let count = Int64(values.count)
        return "\((2 * values.reduce(0, +) + count) / (2 * count))"
    }

    /// The rows of `query`.
    var minutes: String {
        byMinute.sorted {
            ($0.key.minute, $0.key.session, $0.key.direction)
                < ($1.key.minute, $1.key.session, $1.key.direction)
        }.map { key, minute in
            "\(key.minute)|\(key.session)|\(key.uid)|\(key.direction)|\(minute.expected)"
                + "|\(minute.lost)|\(minute.discarded)|\(mean(minute.jitters))"
                + "|\(minute.jitters.max() ?? 0)|\(mean(minute.roundTripTimes))"
                + "|\(minute.roundTripTimes.max().map { "\($0)" } ?? "∅")|\(minute.jitters.count)"
        }.joined(separator: "\n")
    }

    static func query(_ circleID: CircleID) -> SQL {
        """
        select (extract(epoch from minute_at) / 60)::bigint, session_id, uid, direction,
            packets_expected, packets_lost, packets_discarded, jitter_us_avg, jitter_us_max,
            round_trip_time_us_avg, round_trip_time_us_max, sample_count
        from quality_minutes
        where circle_id = \(circleID)
        order by minute_at, session_id::text collate "C", direction
        """
    }

    /// `session|direction|expected|lost` over all time.
    var totals: String {
        Dictionary(grouping: byMinute) { "\($0.key.session)|\($0.key.direction)" }
            .map { key, minutes in
                let expected = minutes.reduce(0) { $0 + $1.value.expected }
                return "\(key)|\(expected)|\(minutes.reduce(0) { $0 + $1.value.lost })"
            }.sorted().joined(separator: "\n")
    }

    /// `day|uid|direction|minutes|expected|lost|loss|jitter|its p95|RTT p50|p95|MOS` of each day,
    /// as the report of quality has them.
    var days: [String] {
        let groups = Dictionary(grouping: byMinute) { key, _ in
            "\(key.minute / 1440)|\(key.uid)|\(key.direction)"
        }
        return groups.sorted { $0.key < $1.key }.map { key, minutes in
            let expected = minutes.reduce(0) { $0 + $1.value.expected }
            let lost = minutes.reduce(0) { $0 + $1.value.lost }
            let loss = expected == 0 ? nil : min(max(Double(lost) / Double(expected), 0), 1)
            let jitters = minutes.flatMap(\.value.jitters)
            let jitterSum: Int64 = jitters.reduce(0, +)
            let jitter = Double(jitterSum) / Double(jitters.count * 1000)
            let jitterHigh = ReportOracle.percentile(
                0.95, minutes.compactMap { $0.value.jitters.max() }.map { Double($0) / 1000 })
            let roundTrips = minutes.map(\.value.roundTripTimes).filter { !$0.isEmpty }
                .map { (times: [Int64]) -> Double in
                    let sum: Int64 = times.reduce(0, +)
                    return Double(sum) / Double(times.count * 1000)
                }
            let middle = ReportOracle.percentile(0.5, roundTrips)
            let opinion = loss.map {
                Self.opinion(loss: $0, jitter: jitter, roundTrip: middle ?? 0)
            }
            let high = ReportOracle.percentile(0.95, roundTrips)
            let values: [Double?] = [loss, jitter, jitterHigh, middle, high, opinion]
            let texts = values.map { ReportOracle.text($0) }.joined(separator: "|")
            return "\(key)|\(minutes.count)|\(expected)|\(lost)|\(texts)"
        }
    }

    /// The wideband E-model with the coefficients of docs/mos.md, in milliseconds.
    /// Source: ITU-T G.107.1 and G.107 §3.4, §3.5, Annex B.
    private static func opinion(loss: Double, jitter: Double, roundTrip: Double) -> Double {
        let percent = loss * 100
        let equipment = 19.96 + 75.04 * percent / (percent + 19.5)
        let delay = roundTrip / 2 + 2 * jitter + 26.5
        let x = max(log2(delay / 100), 0)
        let sixth = { (value: Double) in pow(1 + pow(value, 6), 1.0 / 6) }
        let impairment = x == 0 ? 0 : 25 * (sixth(x) - 3 * sixth(x / 3) + 2)
        let rating = min(max((129 - impairment - equipment) / 1.29, 0), 100)
        return max(1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6, 1)
    }
}
