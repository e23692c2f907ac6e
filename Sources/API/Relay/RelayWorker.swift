import BlockingThread
import CircleStore
import Database
import Dispatch
import Domain
import EventLog
import Logging
import Metrics

/// The loop behind one shard of `OutboxRelay`. Lives on one thread.
///
/// A row's life: unpublished → taken (a broker has it, `TakenRows` knows) → deleted
/// (`ingest_cursors` has passed it). One that is not stored within a second is marked
/// (`published_at` is set), and deleted later. A marked row goes back to unpublished when Ingest
/// has read past its place in the log without storing it, or when the log it was published to is
/// gone.
final class RelayWorker {
    private let shard: Int
    private let configuration: OutboxRelay.Configuration
    private let locator: any KafkaLocator
    private let clock: any WallClock
    private let logger: Logger
    private let stop: StopFlag

    private let published = Counter(label: "circles_relay_published_total")
    private let republished = Counter(label: "circles_relay_republished_total")
    private let failures = Counter(label: "circles_relay_failures_total")
    private let unstoredRows = Gauge(label: "circles_relay_unstored_rows")

    /// How often Ingest may read past a row before it is left to an operator: then it is in the
    /// log and Ingest cannot read it. It stays in the outbox.
    private static let rejectedCountMax = 10

    /// How long after new rows the next are looked for. One that comes alone goes at once; those of
    /// a busy moment go together, which costs the database, the broker and Ingest less for each.
    private static let publishingMilliseconds = 10
    /// How often what Ingest has stored is cleared away while there are rows of which it is not
    /// known. New rows would wait for it.
    private static let clearingMilliseconds = 50
    /// How often new rows are looked for while Ingest is at work on some: where commands wait for
    /// a session, the signal of those before them waits too.
    private static let busyMilliseconds = 10
    /// The same when all is stored; a signal comes first.
    private static let idleMilliseconds = 250
    /// How often the table is counted when no row is marked.
    private static let countingMilliseconds = 1000

    private var taken = TakenRows()
    /// Rows in the table that are marked, not stored, and not left to an operator.
    private var markedCount = 0

    init(
        shard: Int, configuration: OutboxRelay.Configuration, locator: any KafkaLocator,
        clock: any WallClock, logger: Logger, stop: StopFlag
    ) {
        self.shard = shard
        self.configuration = configuration
        self.locator = locator
        self.clock = clock
        var logger = logger
        logger[metadataKey: "shard"] = "\(shard)"
        self.logger = logger
        self.stop = stop
    }

    func run() {
        var failureCount = 0
        while !stop.isRaised {
            do {
                // What a crash takes back of a mark or a deletion costs a repetition, no event: so no
                // commit here waits for the disk.
                let connection = try Connection(
                    url: configuration.databaseURL, applicationName: "circles-relay", role: .api,
                    settings: [("synchronous_commit", "off")])
                guard try lockShard(connection) else {
                    stop.wait(milliseconds: 500)
                    continue
                }
                try connection.script("listen \(OutboxSignal.channel)")
                while !stop.isRaised {
                    guard let endpoint = try locator.locate() else {
                        stop.wait(milliseconds: 200)
                        continue
                    }
                    try relay(to: endpoint, connection)
                    failureCount = 0
                }
            } catch {
                failureCount += 1
                failures.increment()
                logger.warning("relay starts over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(50 << min(failureCount, 6), 2000))
            }
        }
    }

    /// The lock goes with the session: a relay that dies frees its shard.
    private func lockShard(_ connection: Connection) throws -> Bool {
        try connection.query(
            "select pg_try_advisory_lock(hashtext('circles.relay'), \(Int32(shard)))"
        )[0].get(0)
    }

    /// Publishes to one broker until it is replaced.
    private func relay(to endpoint: KafkaEndpoint, _ connection: Connection) throws {
        let producer = try Producer(settings: endpoint.settings, topic: Topic.events)
        taken = TakenRows()
        try forgetFormerBrokers(than: endpoint, connection)
        try clearMarked(connection)
        logger.info(
            "relay is active", metadata: ["brokers": "\(endpoint.settings.bootstrapServers)"])
        var isReplaced = false
        let look = PacedCheck(milliseconds: 500) { [locator] in
            // A failure to look is no replacement; the next look tells.
            (try? locator.locate()).flatMap { $0 }.map { $0 != endpoint } ?? false
        }
        let clearing = PacedCheck(milliseconds: Self.clearingMilliseconds)
        let counting = PacedCheck(milliseconds: Self.countingMilliseconds)
        while !stop.isRaised, !isReplaced {
            let begin = DispatchTime.now().uptimeNanoseconds
            // New rows first: those who follow their circle wait for them, and for no clearing up.
            let publishedCount = try publish(producer, endpoint, connection) {
                isReplaced = isReplaced || look.says()
                return isReplaced || stop.isRaised
            }
            var storedCount = 0
            if clearing.says() {
                storedCount += try clearTaken(endpoint, connection)
                if markedCount > 0 || counting.says() { storedCount += try clearMarked(connection) }
            }
            isReplaced = isReplaced || look.says()
            if publishedCount == 0, storedCount == 0 {
                let milliseconds =
                    if markedCount > 0 {
                        Self.clearingMilliseconds
                    } else if !taken.rows.isEmpty {
                        Self.busyMilliseconds
                    } else {
                        Self.idleMilliseconds
                    }
                _ = try connection.waitForNotifications(milliseconds: milliseconds)
            } else if (1..<configuration.batchCountMax).contains(publishedCount) {
                let spent = (DispatchTime.now().uptimeNanoseconds - begin) / 1_000_000
                stop.wait(milliseconds: Self.publishingMilliseconds - Int(spent))
            }
        }
        // Saves publishing these again; what another broker replaces has to be.
        if !isReplaced { try mark(taken.removeAll(), endpoint, connection) }
    }

    // MARK: Rounds

    /// Deletes rows that are stored, of those that are taken and not marked; marks what has not
    /// been stored for long, or was passed over.
    ///
    /// - Returns: how many were deleted.
    private func clearTaken(_ endpoint: KafkaEndpoint, _ connection: Connection) throws -> Int {
        guard !taken.rows.isEmpty else { return 0 }
        // The places first: what Ingest had passed by then and is not deleted after it, is not stored.
        let answers = try connection.queries([
            Self.placesQuery,
            """
            delete from outbox
            where outbox.outbox_id = any (\(taken.rows.map(\.outboxID)))
                and \(trusted: Self.isStored)
            returning outbox.outbox_id
            """,
        ])
        taken.remove(Set(try answers[1].map { try $0.get(0) }))
        try mark(
            taken.removeDue(
                nowNanoseconds: DispatchTime.now().uptimeNanoseconds,
                places: try Self.places(answers[0])),
            endpoint, connection)
        return answers[1].count
    }

    /// Deletes rows that are stored, of those that are marked, and offers again those that Ingest
    /// has passed over.
    ///
    /// - Returns: how many were deleted.
    @discardableResult
    private func clearMarked(_ connection: Connection) throws -> Int {
        let answers = try connection.queries([
            """
            delete from outbox
            where outbox.published_at is not null
                and \(trusted: shardCondition)
                and \(trusted: Self.isStored)
            """,
            """
            update outbox
            set
                published_at = null,
                rejected_count = rejected_count
                    + (ingest_offsets.log_generation = outbox.log_generation)::integer
            from ingest_offsets
            where outbox.published_at is not null
                and ingest_offsets.topic = \(Topic.events)
                and ingest_offsets.kafka_partition = outbox.kafka_partition
                and (
                    ingest_offsets.log_generation > outbox.log_generation
                    or ingest_offsets.next_offset > outbox.kafka_offset
                )
                and outbox.rejected_count < \(Self.rejectedCountMax)
                and \(trusted: shardCondition)
                and not \(trusted: Self.isStored)
            """,
            """
            select
                count(*) filter (
                    where published_at is not null and rejected_count < \(Self.rejectedCountMax)
                ),
                count(*)
            from outbox
            where \(trusted: shardCondition)
            """,
        ])
        let (stored, passed) = (answers[0].affectedCount, answers[1].affectedCount)
        if passed > 0 {
            republished.increment(by: passed)
            logger.notice("publishing again", metadata: ["rows": "\(passed)"])
        }
        markedCount = try answers[2][0].get(0)
        let all: Int = try answers[2][0].get(1)
        unstoredRows.record(all)
        return stored
    }

    /// What another broker took may be gone with it: it is published again.
    private func forgetFormerBrokers(
        than endpoint: KafkaEndpoint, _ connection: Connection
    ) throws {
        let count = try connection.query(
            """
            update outbox
            set published_at = null
            where published_at is not null
                and broker_incarnation is distinct from \(endpoint.incarnation)
                and \(trusted: shardCondition)
            """
        ).affectedCount
        guard count > 0 else { return }
        republished.increment(by: count)
        logger.notice("the broker was replaced", metadata: ["rows_again": "\(count)"])
    }

    /// Publishes the next rows.
    ///
    /// - Returns: how many a broker has taken.
    private func publish(
        _ producer: Producer, _ endpoint: KafkaEndpoint, _ connection: Connection,
        isAbandoned: () -> Bool
    ) throws -> Int {
        // The generations are read before publishing: a row that lands in a newer log than it says
        // is only published once more than needed.
        let answers = try connection.queries(
            [pageQuery(after: 0), Self.placesQuery] + (markedCount > 0 ? [markedBytesQuery] : []))
        let rows = try unpublishedRows(
            producer, connection, markedBytes: answers.dropFirst(2).first, firstPage: answers[0])
        guard !rows.isEmpty else { return 0 }
        let places = try Self.places(answers[1])
        let deliveries = try producer.publish(rows.map(\.outgoing), isAbandoned: isAbandoned)
        let takenAt = DispatchTime.now().uptimeNanoseconds
        var takenCount = 0
        var failure: EventLogError?
        for (row, delivery) in zip(rows, deliveries) {
            switch delivery {
            case .stored(let offset):
                takenCount += 1
                let partition = row.outgoing.partition
                taken.append(
                    TakenRows.Row(
                        outboxID: row.outboxID, partition: partition, offset: offset,
                        logGeneration: places[partition]?.logGeneration ?? 0,
                        byteCount: row.outgoing.value.count, takenAtNanoseconds: takenAt))
            case .failed(let error): failure = failure ?? error
            case .unknown: break
            }
        }
        published.increment(by: takenCount)
        if let failure {
            // The relay starts over and must not publish these each time.
            try mark(taken.removeAll(), endpoint, connection)
            throw failure
        }
        return takenCount
    }

    private func mark(
        _ rows: [TakenRows.Row], _ endpoint: KafkaEndpoint, _ connection: Connection
    ) throws {
        guard !rows.isEmpty else { return }
        try connection.query(
            """
            update outbox
            set
                published_at = \(clock.now()), kafka_partition = taken.kafka_partition,
                kafka_offset = taken.kafka_offset, log_generation = taken.log_generation,
                broker_incarnation = \(endpoint.incarnation)
            from unnest(
                \(rows.map(\.outboxID)), \(rows.map(\.partition)), \(rows.map(\.offset)),
                \(rows.map(\.logGeneration))
            ) as taken (outbox_id, kafka_partition, kafka_offset, log_generation)
            where outbox.outbox_id = taken.outbox_id
            """)
        markedCount += rows.count
    }

    private struct OutboxRow {
        let outboxID: Int64
        let outgoing: OutgoingRecord
    }

    /// Marked and not yet stored, by partition.
    private var markedBytesQuery: SQL {
        """
        select kafka_partition, sum(octet_length(record))::bigint
        from outbox
        where published_at is not null and kafka_partition is not null
            and rejected_count < \(Self.rejectedCountMax)
            and \(trusted: shardCondition)
        group by kafka_partition
        """
    }

    private func pageQuery(after last: Int64) -> SQL {
        """
        select outbox_id, circle_id, event_type, trace_id, record
        from outbox
        where published_at is null and outbox_id > \(last)
            and outbox_id <> all (\(taken.rows.map(\.outboxID)))
            and \(trusted: shardCondition)
        order by outbox_id
        limit \(configuration.batchCountMax)
        """
    }

    private static var placesQuery: SQL {
        """
        select kafka_partition, log_generation, next_offset
        from ingest_offsets
        where topic = \(Topic.events)
        """
    }

    private static func places(_ rows: Rows) throws -> [Int32: TakenRows.Place] {
        var places: [Int32: TakenRows.Place] = [:]
        for row in rows.map({ $0 }) {
            places[try row.get(0)] = TakenRows.Place(
                logGeneration: try row.get(1), nextOffset: try row.get(2))
        }
        return places
    }

    /// The next rows to publish, in order, as far as each partition's bound on unstored bytes
    /// allows.
    private func unpublishedRows(
        _ producer: Producer, _ connection: Connection, markedBytes: Rows?, firstPage: Rows
    ) throws -> [OutboxRow] {
        var byteCounts: [Int32: Int] = [:]
        for row in markedBytes?.map({ $0 }) ?? [] { byteCounts[try row.get(0)] = try row.get(1) }
        for row in taken.rows { byteCounts[row.partition, default: 0] += row.byteCount }
        var page = firstPage
        var rows: [OutboxRow] = []
        var closed: Set<Int32> = []
        var last: Int64 = 0
        // Rows of a partition at its bound are passed over; the scan for others is bounded too.
        for _ in 0..<50 {
            for index in 0..<page.count {
                let row = page[index]
                let circleID: CircleID = try row.get(1)
                let record: Bytes = try row.get(4)
                last = try row.get(0)
                let key = Array(circleID.description.utf8)
                let partition = producer.partition(of: key)
                guard !closed.contains(partition) else { continue }
                let byteCount = byteCounts[partition, default: 0] + record.array.count
                guard byteCount <= configuration.unstoredByteCountMax else {
                    closed.insert(partition)
                    continue
                }
                byteCounts[partition] = byteCount
                rows.append(
                    OutboxRow(
                        outboxID: last,
                        outgoing: OutgoingRecord(
                            partition: partition, key: key, value: record.array,
                            headers: [
                                ("type", try row.get(2)), ("schema_version", "1"),
                                ("trace_id", try row.get(3)),
                            ])))
            }
            if page.count < configuration.batchCountMax || rows.count >= configuration.batchCountMax
            {
                break
            }
            page = try connection.query(pageQuery(after: last))
        }
        return rows
    }

    /// Whether Ingest has stored an outbox row's event: its cursor has passed it, and it is in
    /// none of the gaps below.
    private static let isStored = """
        (
            exists (
                select
                from ingest_cursors
                where ingest_cursors.circle_id = outbox.circle_id
                    and ingest_cursors.source = '\(SourcePosition.apiSource)'
                    and ingest_cursors.source_epoch = \(SourcePosition.apiEpoch)
                    and outbox.source_seq <= ingest_cursors.last_seq
            )
            and not exists (
                select
                from ingest_gaps
                where ingest_gaps.circle_id = outbox.circle_id
                    and ingest_gaps.source = '\(SourcePosition.apiSource)'
                    and ingest_gaps.source_epoch = \(SourcePosition.apiEpoch)
                    and outbox.source_seq between ingest_gaps.first_seq and ingest_gaps.last_seq
            )
        )
        """

    private var shardCondition: String {
        configuration.shardCount == 1
            ? "true"
            : "get_byte(uuid_send(outbox.circle_id), 15) % \(configuration.shardCount) = \(shard)"
    }
}

/// A check that is made at most once in an interval.
private final class PacedCheck {
    private let interval: UInt64
    private let check: () -> Bool
    private var next: UInt64

    init(milliseconds: Int, _ check: @escaping () -> Bool = { true }) {
        interval = UInt64(milliseconds) * 1_000_000
        self.check = check
        next = DispatchTime.now().uptimeNanoseconds + interval
    }

    /// - Returns: what the check says when it is due, else `false`.
    func says() -> Bool {
        let now = DispatchTime.now().uptimeNanoseconds
        guard now >= next else { return false }
        next = now + interval
        return check()
    }
}
