import BlockingThread
import Database
import Dispatch
import Domain
import EventLog
import EventSchema
import Logging

/// The loop behind `IngestService`: reads batches of one topic, stores them, and follows the
/// group's rebalances and the log's restarts. Lives on one thread.
final class IngestWorker<Store: BatchStore> {
    private let configuration: IngestService.Configuration
    private let group: String
    private let locator: any KafkaLocator
    private let clock: any WallClock
    private let logger: Logger
    private let stop: StopFlag
    private let name: String
    private let metrics: IngestMetrics
    private let batchStore: Store
    private let topic: String

    private var connection: Connection?
    private var claims: [Int32: PartitionClaim] = [:]
    /// Partitions whose next record must be the one before `nextOffset`, to prove that the log is
    /// still the one that we know.
    private var unproven: Set<Int32> = []
    /// Set when the consumer must be made anew.
    private var mustRejoin = false

    /// - Parameter group: the consumer group, another one for each topic.
    init(
        _ batchStore: Store, group: String, configuration: IngestService.Configuration,
        locator: any KafkaLocator, clock: any WallClock, logger: Logger, stop: StopFlag
    ) {
        self.batchStore = batchStore
        self.group = group
        topic = batchStore.topic
        metrics = IngestMetrics(topic: batchStore.topic)
        self.configuration = configuration
        self.locator = locator
        self.clock = clock
        self.logger = logger
        self.stop = stop
        name = "ingest-\(EventID(now: clock.now()))"
    }

    func run() {
        var failureCount = 0
        while !stop.isRaised {
            do {
                guard let endpoint = try locator.locate() else {
                    stop.wait(milliseconds: 200)
                    continue
                }
                try consume(endpoint)
                failureCount = 0
            } catch {
                failureCount += 1
                logger.warning("ingest starts over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(100 << min(failureCount, 6), 5000))
            }
        }
    }

    // MARK: One consumer's life

    private func consume(_ endpoint: KafkaEndpoint) throws {
        mustRejoin = false
        // Without a database there is nothing to join the group for.
        try withConnection { _ = try $0.query("select 1::int8") }
        // The consumer exists before its first rebalance, which happens inside `poll`.
        var current: Consumer?
        let consumer = try Consumer(
            settings: endpoint.settings, group: group, topic: topic,
            batchCountMax: configuration.batchCountMax,
            fetchWaitMilliseconds: batchStore.fetchWaitMilliseconds,
            rebalance: Consumer.Rebalance(
                assigned: { partitions in self.take(partitions, current) },
                revoked: { _ in self.release() }))
        current = consumer
        defer {
            consumer.close()
            current = nil
            release()
        }
        var nextLook = DispatchTime.now().uptimeNanoseconds
        while !stop.isRaised, !mustRejoin {
            let batch = consumer.poll(milliseconds: 5)
            for issue in batch.issues { try handle(issue, consumer) }
            let records = try admissible(batch.records, consumer)
            if !records.isEmpty {
                try store(records)
            }
            let now = DispatchTime.now().uptimeNanoseconds
            if now > nextLook {
                nextLook = now + 500_000_000
                if let found = try locator.locate(), found != endpoint {
                    logger.notice(
                        "the broker was replaced",
                        metadata: ["brokers": "\(found.settings.bootstrapServers)"])
                    return
                }
            }
        }
        if mustRejoin { throw ClaimLost() }
    }

    private func take(_ partitions: [Int32], _ consumer: Consumer?) -> [Int32: Int64] {
        batchStore.reset()
        claims.removeAll()
        unproven.removeAll()
        do {
            let taken = try withConnection { connection in
                try connection.claim(
                    partitions, topic: topic, worker: name, now: clock.now())
            }
            for claim in taken { claims[claim.partition] = claim }
            for claim in taken where claim.nextOffset > 0 {
                guard let consumer else { continue }
                try resume(claim, consumer)
            }
            metrics.partitions.record(claims.count)
            logger.info("took partitions", metadata: ["count": "\(claims.count)"])
            return startOffsets()
        } catch {
            // Nothing is read without a claim; the consumer is made anew.
            logger.warning("cannot claim partitions", metadata: ["error": "\(error)"])
            release()
            mustRejoin = true
            return [:]
        }
    }

    private func release() {
        claims.removeAll()
        unproven.removeAll()
        batchStore.reset()
        metrics.partitions.record(0)
    }

    /// Where to read on from: one record earlier where the log has yet to prove itself.
    private func startOffsets() -> [Int32: Int64] {
        var offsets: [Int32: Int64] = [:]
        for (partition, claim) in claims {
            offsets[partition] = claim.nextOffset - (unproven.contains(partition) ? 1 : 0)
        }
        return offsets
    }

    // MARK: The log's identity

    /// Decides how to go on with a partition of which we have read before.
    private func resume(_ claim: PartitionClaim, _ consumer: Consumer) throws {
        let (low, high) = try consumer.watermarks(partition: claim.partition)
        if high < claim.nextOffset {
            try restart(claim.partition, at: low)
        } else if low >= claim.nextOffset {
            try skip(claim.partition, to: low)
        } else if claim.fingerprint != nil {
            unproven.insert(claim.partition)
        }
    }

    /// The log began anew: read it from its beginning. What we have stored already comes again
    /// as duplicates; what it forgot comes from the outbox.
    private func restart(_ partition: Int32, at low: Int64) throws {
        guard var claim = claims[partition] else { return }
        logger.notice(
            "the log started anew",
            metadata: ["partition": "\(partition)", "was_at": "\(claim.nextOffset)"])
        metrics.restarts.increment()
        claim.generation += 1
        try move(claim, to: low)
    }

    /// The log no longer holds what we have not read.
    private func skip(_ partition: Int32, to low: Int64) throws {
        guard let claim = claims[partition], low > claim.nextOffset else { return }
        logger.warning(
            "records are gone from the log",
            metadata: ["partition": "\(partition)", "count": "\(low - claim.nextOffset)"])
        metrics.skipped.increment(by: low - claim.nextOffset)
        try move(claim, to: low)
    }

    /// Stores the new place at once, so that the relay sees what it must offer again.
    private func move(_ claim: PartitionClaim, to offset: Int64) throws {
        var claim = claim
        claim.nextOffset = offset
        claim.fingerprint = nil
        let moved = claim
        try withConnection { connection in
            try connection.transaction {
                try connection.advance([moved], topic: topic)
            }
        }
        unproven.remove(claim.partition)
        claims[claim.partition] = claim
    }

    private func handle(_ issue: Consumer.Issue, _ consumer: Consumer) throws {
        switch issue {
        case .failed(let error):
            // librdkafka goes on by itself; a broker that is gone for good is found by `locate`.
            metrics.consumerErrors.increment()
            logger.log(
                level: error.isRetriable ? .debug : .warning, "consumer",
                metadata: ["error": "\(error)"])
            if error.code == "_FATAL" { throw error }
        case .offsetOutOfRange(let partition):
            guard let claim = claims[partition] else { return }
            let (low, high) = try consumer.watermarks(partition: partition)
            if high < claim.nextOffset {
                try restart(partition, at: low)
            } else {
                try skip(partition, to: max(low, claim.nextOffset))
                unproven.remove(partition)
            }
            try consumer.assign(startOffsets())
        }
    }

    /// The records that we may store: of partitions that we hold, not yet read, of a log that has
    /// proven itself.
    private func admissible(_ records: [LogRecord], _ consumer: Consumer) throws -> [LogRecord] {
        var admissible: [LogRecord] = []
        admissible.reserveCapacity(records.count)
        for record in records {
            guard let claim = claims[record.partition] else { continue }
            if unproven.contains(record.partition) {
                if record.offset == claim.nextOffset - 1,
                    PartitionClaim.fingerprint(of: record.value) == claim.fingerprint
                {
                    unproven.remove(record.partition)
                    continue
                }
                let (low, _) = try consumer.watermarks(partition: record.partition)
                try restart(record.partition, at: low)
                try consumer.assign(startOffsets())
                // What else is in this batch comes again.
                return []
            }
            if record.offset >= claim.nextOffset { admissible.append(record) }
        }
        return admissible
    }

    // MARK: Storing

    /// Stores records and moves the claims along, however often the database has to be asked.
    private func store(_ records: [LogRecord]) throws {
        var attempt = 0
        while true {
            do {
                try storeOnce(records)
                return
            } catch is ClaimLost {
                logger.notice("another worker holds our partitions")
                mustRejoin = true
                return
            } catch let error as DatabaseError where error.isRetriable {
                attempt += 1
                metrics.retries.increment()
                if attempt == 1 {
                    logger.warning("storing is put off", metadata: ["error": "\(error)"])
                }
                guard !stop.isRaised else { throw error }
                stop.wait(milliseconds: min(50 << min(attempt, 6), 2000))
                // The batch itself may be what the server cannot do.
                if attempt.isMultiple(of: 10), records.count > 1 {
                    try storeHalves(records)
                    return
                }
            } catch  where Self.isAboutRecords(error) {
                if records.count > 1 {
                    try storeHalves(records)
                } else {
                    try storeAlone(records[0])
                }
                return
            }
        }
    }

    /// Whether the content of records is at fault, and not the schema, the server or we.
    private static func isAboutRecords(_ error: any Error) -> Bool {
        switch error {
        case let error as DatabaseError: ["22", "23", "54"].contains(error.code.prefix(2))
        case is EventDecodingError: true
        default: false
        }
    }

    /// One of them cannot be stored; the halves tell which.
    private func storeHalves(_ records: [LogRecord]) throws {
        let half = records.count / 2
        try store(Array(records[..<half]))
        if !mustRejoin { try store(Array(records[half...])) }
    }

    /// The event may be good and one that it pulled out of the outbox bad.
    private func storeAlone(_ record: LogRecord) throws {
        do {
            try storeOnce([record], fillsGaps: false)
        } catch  where Self.isAboutRecords(error) {
            try bury(record, reason: "\(error)")
        }
    }

    private func storeOnce(_ records: [LogRecord], fillsGaps: Bool = true) throws {
        let began = DispatchTime.now().uptimeNanoseconds
        let moved = movedClaims(records)
        let batch = RecordBatch(
            records: records, generations: claims.mapValues(\.generation), now: clock.now(),
            fillsGaps: fillsGaps)
        do {
            let outcome = try withConnection { connection in
                try connection.transaction {
                    // First: it tells whether we may write at all, and holds others off.
                    try connection.advance(moved, topic: topic)
                    return try batchStore.store(batch, connection: connection)
                }
            }
            batchStore.didCommit()
            metrics.record(outcome)
        } catch {
            batchStore.reset()
            throw error
        }
        for claim in moved { claims[claim.partition] = claim }
        metrics.batchDuration.recordNanoseconds(
            Int64(DispatchTime.now().uptimeNanoseconds - began))
    }

    /// Puts a record that cannot be stored aside, so that the rest goes on.
    private func bury(_ record: LogRecord, reason: String) throws {
        logger.error(
            "record put aside",
            metadata: [
                "partition": "\(record.partition)", "offset": "\(record.offset)",
                "reason": "\(reason)",
            ])
        let moved = movedClaims([record])
        let letter = DeadLetter(
            record: record, generation: claims[record.partition]?.generation ?? 0, reason: reason)
        try withConnection { connection in
            try connection.transaction {
                try connection.advance(moved, topic: topic)
                try connection.write([letter], topic: topic, now: clock.now())
            }
        }
        metrics.deadLetters.increment()
        for claim in moved { claims[claim.partition] = claim }
    }

    /// The claims as they are once these records are stored.
    private func movedClaims(_ records: [LogRecord]) -> [PartitionClaim] {
        var last: [Int32: LogRecord] = [:]
        for record in records { last[record.partition] = record }
        return last.values.compactMap { record in
            guard var claim = claims[record.partition] else { return nil }
            claim.nextOffset = record.offset + 1
            claim.fingerprint = PartitionClaim.fingerprint(of: record.value)
            return claim
        }
    }

    private func withConnection<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        if connection?.isAlive != true {
            connection = nil
            connection = try Connection(
                url: configuration.databaseURL, applicationName: name,
                role: .ingest)
        }
        return try body(connection!)  // made above
    }
}
