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
/// A row's life: unpublished → published (a broker has it, `published_at` is set) → deleted
/// (`ingest_cursors` has passed it). It goes back to unpublished when Ingest has read past its
/// place in the log without storing it, or when the log it was published to is gone.
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

    /// How often what Ingest has stored is cleared away while there are rows of which it is not
    /// known. New rows would wait for it.
    private static let clearingMilliseconds = 50

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
        try forgetFormerBrokers(than: endpoint, connection)
        logger.info(
            "relay is active", metadata: ["brokers": "\(endpoint.settings.bootstrapServers)"])
        var isReplaced = false
        let look = PacedCheck(milliseconds: 500) { [locator] in
            // A failure to look is no replacement; the next look tells.
            (try? locator.locate()).flatMap { $0 }.map { $0 != endpoint } ?? false
        }
        var openCount = 0
        let clearing = PacedCheck(milliseconds: Self.clearingMilliseconds) { true }
        while !stop.isRaised, !isReplaced {
            // New rows first: those who follow their circle wait for them, and for no clearing up.
            let publishedCount = try publish(producer, endpoint, connection) {
                isReplaced = isReplaced || look.says()
                return isReplaced || stop.isRaised
            }
            openCount += publishedCount
            var storedCount = 0
            if clearing.says() || openCount == 0 {
                (storedCount, openCount) = try confirm(connection)
            }
            isReplaced = isReplaced || look.says()
            if publishedCount == 0, storedCount == 0 {
                _ = try connection.waitForNotifications(
                    milliseconds: openCount > 0 ? Self.clearingMilliseconds : 250)
            }
        }
    }

    // MARK: Rounds

    /// Deletes rows that are stored, and offers again those that Ingest has passed over.
    ///
    /// - Returns: how many were deleted, and how many are published and open.
    private func confirm(_ connection: Connection) throws -> (stored: Int, open: Int) {
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
        let (open, all): (Int, Int) = (try answers[2][0].get(0), try answers[2][0].get(1))
        unstoredRows.record(all)
        return (stored, open)
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

    /// Publishes the next rows and marks those that a broker has taken.
    ///
    /// - Returns: how many were taken.
    private func publish(
        _ producer: Producer, _ endpoint: KafkaEndpoint, _ connection: Connection,
        isAbandoned: () -> Bool
    ) throws -> Int {
        // The generations are read before publishing: a row that lands in a newer log than it says
        // is only published once more than needed.
        let answers = try connection.queries([
            unstoredBytesQuery, pageQuery(after: 0), Self.generationsQuery,
        ])
        let rows = try unpublishedRows(
            producer, connection, unstoredBytes: answers[0], firstPage: answers[1])
        guard !rows.isEmpty else { return 0 }
        var generations: [Int32: Int64] = [:]
        for row in answers[2].map({ $0 }) { generations[try row.get(0)] = try row.get(1) }
        let deliveries = try producer.publish(rows.map(\.outgoing), isAbandoned: isAbandoned)
        var taken: [(row: OutboxRow, offset: Int64)] = []
        var failure: EventLogError?
        for (row, delivery) in zip(rows, deliveries) {
            switch delivery {
            case .stored(let offset): taken.append((row, offset))
            case .failed(let error): failure = failure ?? error
            case .unknown: break
            }
        }
        if !taken.isEmpty {
            try connection.query(
                """
                update outbox
                set
                    published_at = \(clock.now()), kafka_partition = taken.kafka_partition,
                    kafka_offset = taken.kafka_offset, log_generation = taken.log_generation,
                    broker_incarnation = \(endpoint.incarnation)
                from unnest(
                    \(taken.map(\.row.outboxID)), \(taken.map(\.row.outgoing.partition)),
                    \(taken.map(\.offset)),
                    \(taken.map { generations[$0.row.outgoing.partition] ?? 0 })
                ) as taken (outbox_id, kafka_partition, kafka_offset, log_generation)
                where outbox.outbox_id = taken.outbox_id
                """)
            published.increment(by: taken.count)
        }
        if let failure { throw failure }
        return taken.count
    }

    private struct OutboxRow {
        let outboxID: Int64
        let outgoing: OutgoingRecord
    }

    /// Published and not yet stored, by partition.
    private var unstoredBytesQuery: SQL {
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
        where published_at is null and outbox_id > \(last) and \(trusted: shardCondition)
        order by outbox_id
        limit \(configuration.batchCountMax)
        """
    }

    private static var generationsQuery: SQL {
        """
        select kafka_partition, log_generation
        from ingest_offsets
        where topic = \(Topic.events)
        """
    }

    /// The next rows to publish, in order, as far as each partition's bound on unstored bytes
    /// allows.
    private func unpublishedRows(
        _ producer: Producer, _ connection: Connection, unstoredBytes: Rows, firstPage: Rows
    ) throws -> [OutboxRow] {
        var byteCounts: [Int32: Int] = [:]
        for row in unstoredBytes.map({ $0 }) { byteCounts[try row.get(0)] = try row.get(1) }
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

    init(milliseconds: Int, _ check: @escaping () -> Bool) {
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
