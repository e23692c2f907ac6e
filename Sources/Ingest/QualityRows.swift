import Database
import Domain
import EventSchema

/// A numbering of batches: a node in one of its epochs, in one circle.
struct QualitySource: Hashable {
    let circleID: CircleID
    let source: String
    let epoch: Int64

    init(_ batch: QualityBatch) {
        circleID = batch.circleID
        source = batch.position.source
        epoch = batch.position.epoch
    }

    init(circleID: CircleID, source: String, epoch: Int64) {
        self.circleID = circleID
        self.source = source
        self.epoch = epoch
    }
}

/// How far a numbering has come.
struct QualityCursor {
    var lastSequence: Int64
    var lastSampledAt: Timestamp
}

/// A circle and a minute in it.
struct QualityMinute: Hashable {
    let circleID: CircleID
    let minuteAt: Timestamp

    init(_ circleID: CircleID, _ time: Timestamp) {
        self.circleID = circleID
        minuteAt = Timestamp(
            microseconds: time.microseconds - time.microseconds % 60_000_000)
    }
}

/// One row of `quality_samples`.
private struct QualitySample {
    let batch: QualityBatch
    let member: Event.Member
    let direction: String
    let packetsExpected: Int64
    let packetsTransferred: Int64
    let packetsLost: Int64
    let packetsDiscarded: Int64
    let bytesTransferred: Int64
    let jitter: Int32
    let roundTripTime: Int32?
    let fractionLostQ8: Int32?
    let nacks: Int64
    let retransmissions: Int64

    init(_ batch: QualityBatch, _ member: Event.Member, _ uplink: MemberQuality.Uplink) {
        self.batch = batch
        self.member = member
        direction = "uplink"
        packetsExpected = uplink.packetsExpected
        packetsTransferred = uplink.packetsReceived
        packetsLost = uplink.packetsLost
        packetsDiscarded = uplink.packetsDiscarded
        bytesTransferred = uplink.bytesReceived
        jitter = Int32(clamping: uplink.jitterMicroseconds)
        roundTripTime = Self.known(uplink.roundTripTimeMicroseconds)
        fractionLostQ8 = nil
        nacks = uplink.nacksSent
        retransmissions = uplink.retransmissionsReceived
    }

    init(_ batch: QualityBatch, _ member: Event.Member, _ downlink: MemberQuality.Downlink) {
        self.batch = batch
        self.member = member
        direction = "downlink"
        packetsExpected = downlink.packetsExpected
        packetsTransferred = downlink.packetsSent
        packetsLost = downlink.packetsLost
        packetsDiscarded = 0
        bytesTransferred = downlink.bytesSent
        jitter = Int32(clamping: downlink.jitterMicroseconds)
        roundTripTime = Self.known(downlink.roundTripTimeMicroseconds)
        fractionLostQ8 = Int32(clamping: downlink.fractionLostQ8)
        nacks = downlink.nacksReceived
        retransmissions = downlink.retransmissionsSent
    }

    private static func known(_ microseconds: Int64) -> Int32? {
        microseconds > 0 ? Int32(clamping: microseconds) : nil
    }

    static func all(of batches: [QualityBatch]) -> [QualitySample] {
        var samples: [QualitySample] = []
        for batch in batches {
            for quality in batch.members {
                if let uplink = quality.uplink {
                    samples.append(QualitySample(batch, quality.member, uplink))
                }
                if let downlink = quality.downlink {
                    samples.append(QualitySample(batch, quality.member, downlink))
                }
            }
        }
        return samples
    }
}

/// What tells stored batches apart: one that comes again with another time is another one.
struct QualityBatchKey: Hashable {
    let source: QualitySource
    let sequence: Int64
    let sampledAt: Timestamp

    init(_ batch: QualityBatch) {
        source = QualitySource(batch)
        sequence = batch.position.sequence
        sampledAt = batch.sampledAt
    }

    fileprivate init(row: Row) throws {
        source = QualitySource(
            circleID: try row.get(0), source: try row.get(1), epoch: try row.get(2))
        sequence = try row.get(3)
        sampledAt = try row.get(4)
    }
}

extension Connection {
    func qualityCursors(
        of sources: Set<QualitySource>
    ) throws -> [QualitySource: QualityCursor] {
        var cursors: [QualitySource: QualityCursor] = [:]
        for row in try query(
            """
            select circle_id, source, source_epoch, last_seq, last_sampled_at
            from quality_cursors
            where circle_id = any (\(Array(Set(sources.map(\.circleID)))))
            """
        ).map({ $0 }) {
            let source = QualitySource(
                circleID: try row.get(0), source: try row.get(1), epoch: try row.get(2))
            guard sources.contains(source) else { continue }
            cursors[source] = QualityCursor(
                lastSequence: try row.get(3), lastSampledAt: try row.get(4))
        }
        return cursors
    }

    func writeQualityCursors(_ cursors: [QualitySource: QualityCursor]) throws {
        let all = Array(cursors)
        try query(
            """
            insert into quality_cursors (
                circle_id, source, source_epoch, last_seq, last_sampled_at
            )
            select *
            from unnest(
                \(all.map(\.key.circleID)), \(all.map(\.key.source)), \(all.map(\.key.epoch)),
                \(all.map(\.value.lastSequence)), \(all.map(\.value.lastSampledAt))
            )
            on conflict (circle_id, source, source_epoch) do update
            set last_seq = excluded.last_seq, last_sampled_at = excluded.last_sampled_at
            """)
    }

    /// Stores the samples that are not there yet.
    ///
    /// - Returns: the batches of which there were any.
    func insertQualitySamples(of batches: [QualityBatch]) throws -> Set<QualityBatchKey> {
        let all = QualitySample.all(of: batches)
        guard !all.isEmpty else { return [] }
        let rows = try query(
            """
            with stored as (
                insert into quality_samples (
                    circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq,
                    uid, interval_ms, packets_expected, packets_transferred, packets_lost,
                    packets_discarded, bytes_transferred, jitter_us, round_trip_time_us,
                    fraction_lost, nacks, retransmissions
                )
                select
                    circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq,
                    uid, interval_ms, packets_expected, packets_transferred, packets_lost,
                    packets_discarded, bytes_transferred, jitter_us, round_trip_time_us,
                    fraction_lost_q8 / 256.0, nacks, retransmissions
                from unnest(
                    \(all.map(\.batch.circleID)), \(all.map(\.member.sessionID)),
                    \(all.map(\.direction)), \(all.map(\.batch.position.source)),
                    \(all.map(\.batch.position.epoch)), \(all.map(\.batch.sampledAt)),
                    \(all.map(\.batch.position.sequence)), \(all.map(\.member.uid)),
                    \(all.map { Int32(clamping: $0.batch.intervalMilliseconds) }),
                    \(all.map(\.packetsExpected)), \(all.map(\.packetsTransferred)),
                    \(all.map(\.packetsLost)), \(all.map(\.packetsDiscarded)),
                    \(all.map(\.bytesTransferred)), \(all.map(\.jitter)),
                    \(OptionalArray(all.map(\.roundTripTime))),
                    \(OptionalArray(all.map(\.fractionLostQ8))), \(all.map(\.nacks)),
                    \(all.map(\.retransmissions))
                ) as sample (
                    circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq,
                    uid, interval_ms, packets_expected, packets_transferred, packets_lost,
                    packets_discarded, bytes_transferred, jitter_us, round_trip_time_us,
                    fraction_lost_q8, nacks, retransmissions
                )
                on conflict do nothing
                returning circle_id, source, source_epoch, source_seq, sampled_at
            )
            select distinct circle_id, source, source_epoch, source_seq, sampled_at
            from stored
            """)
        return Set(try rows.map { try QualityBatchKey(row: $0) })
    }

    /// The minutes of the samples that follow those of these batches.
    func qualityMinutes(after batches: [QualityBatch]) throws -> Set<QualityMinute> {
        let all = QualitySample.all(of: batches)
        let begin = batches.map(\.sampledAt).min() ?? Timestamp(seconds: 0)
        let rows = try query(
            """
            select distinct late.circle_id, later.sampled_at
            from unnest(
                \(all.map(\.batch.circleID)), \(all.map(\.member.sessionID)),
                \(all.map(\.direction)), \(all.map(\.batch.position.source)),
                \(all.map(\.batch.position.epoch)), \(all.map(\.batch.sampledAt)),
                \(all.map(\.batch.position.sequence))
            ) as late (
                circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq
            )
            cross join lateral (
                select sample.sampled_at
                from quality_samples as sample
                where sample.circle_id = late.circle_id
                    and sample.session_id = late.session_id
                    and sample.direction = late.direction
                    and sample.source = late.source
                    and sample.source_epoch = late.source_epoch
                    and sample.sampled_at >= late.sampled_at and sample.sampled_at >= \(begin)
                    and (sample.sampled_at, sample.source_seq)
                        > (late.sampled_at, late.source_seq)
                order by sample.sampled_at, sample.source_seq
                limit 1
            ) as later
            """)
        return Set(try rows.map { QualityMinute(try $0.get(0), try $0.get(1)) })
    }

    /// Makes the rows of these minutes what the samples say.
    func writeQualityMinutes(_ minutes: Set<QualityMinute>) throws {
        guard let last = minutes.map(\.minuteAt).max() else { return }
        let all = Array(minutes)
        try query(
            """
            insert into quality_minutes (
                circle_id, session_id, uid, direction, minute_at, packets_expected, packets_lost,
                packets_discarded, jitter_us_avg, jitter_us_max, round_trip_time_us_avg,
                round_trip_time_us_max, sample_count
            )
            select
                computed.circle_id, session_id, uid, direction, computed.minute_at,
                packets_expected, packets_lost, packets_discarded, jitter_us_avg, jitter_us_max,
                round_trip_time_us_avg, round_trip_time_us_max, sample_count
            from unnest(\(all.map(\.circleID)), \(all.map(\.minuteAt)))
                as touched (circle_id, minute_at)
            cross join lateral quality_minutes_of(
                touched.circle_id, touched.minute_at, touched.minute_at + interval '1 minute',
                \(EventCodec.historyBegin(all.map(\.circleID))), \(last.adding(seconds: 60))
            ) as computed
            on conflict (circle_id, minute_at, session_id, uid, direction) do update
            set
                packets_expected = excluded.packets_expected,
                packets_lost = excluded.packets_lost,
                packets_discarded = excluded.packets_discarded,
                jitter_us_avg = excluded.jitter_us_avg, jitter_us_max = excluded.jitter_us_max,
                round_trip_time_us_avg = excluded.round_trip_time_us_avg,
                round_trip_time_us_max = excluded.round_trip_time_us_max,
                sample_count = excluded.sample_count
            """)
    }
}
