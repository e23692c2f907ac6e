import Database
import Domain
import EventLog
import EventSchema

/// Writes whole circles into every table, by the folds and rollups of Ingest, without a log: for
/// histories that are made up. What is there already falls as a duplicate, so that a run that was
/// broken off is begun again from the start.
///
/// One thread at a time; several writers may be at work if no circle is in two of them.
public final class HistoryWriter {
    private let connection: Connection
    private let ingestor = Ingestor(target: .live)
    private let qualityStore = QualityStore()
    private var events: [LogRecord] = []
    private var quality: [LogRecord] = []
    /// Records in one transaction.
    private static let batchCount = 20_000

    /// Events and quality batches stored so far, those that were there already left out.
    public private(set) var storedCount = (events: 0, quality: 0)

    @available(*, noasync)
    public init(databaseURL: String) throws {
        connection = try Connection(
            url: databaseURL, applicationName: "circles-seed-history",
            settings: [
                // A crash of the server costs what a new run stores again.
                ("synchronous_commit", "off"),
                // For batches as large as these a plan over all days of history looks cheap.
                ("plan_cache_mode", "force_custom_plan"),
            ])
    }

    /// - Throws: `DatabaseError`; what was stored before stays.
    @available(*, noasync)
    public func append(_ events: [Event], _ quality: [QualityBatch], now: Timestamp) throws {
        for event in events { self.events.append(Self.record(EventCodec.encode(event))) }
        for batch in quality { self.quality.append(Self.record(QualityCodec.encode(batch))) }
        if self.events.count >= Self.batchCount { try flush(now: now) }
    }

    /// Stores what `append` has kept back.
    @available(*, noasync)
    public func flush(now: Timestamp) throws {
        // Two transactions, as in life: others wait for the people whom the first counts.
        storedCount.events += try store(events, by: ingestor, now: now)
        storedCount.quality += try store(quality, by: qualityStore, now: now)
        while try settle("settle_quality_days", now: now) {}
        events.removeAll(keepingCapacity: true)
        quality.removeAll(keepingCapacity: true)
        // Their circles are over.
        ingestor.reset()
        qualityStore.reset()
    }

    /// - Returns: how many were not there yet.
    private func store(
        _ records: [LogRecord], by store: any BatchStore, now: Timestamp
    ) throws -> Int {
        try connection.transaction {
            try store.store(RecordBatch(records: records, now: now), connection: connection)
                .acceptedCount
        }
    }

    /// Makes the partitions of these days since 1970, lest writers wait for each other's.
    @available(*, noasync)
    public func makePartitions(days: Range<Int64>) throws {
        try connection.transaction {
            for parent in ["events", "quality_samples"] {
                try connection.query(
                    """
                    select ensure_history_partitions(
                        \(parent), date '1970-01-01' + \(Int32(days.lowerBound)),
                        \(Int32(days.count))
                    )
                    """)
            }
        }
    }

    /// Settles what all writers together have written.
    @available(*, noasync)
    public func settle(now: Timestamp) throws {
        try flush(now: now)
        while try settle("settle_rollups", now: now) {}
    }

    /// - Returns: whether there may be more.
    private func settle(_ function: String, now: Timestamp) throws -> Bool {
        try connection.transaction {
            try connection.query("select \(trusted: function)(\(now), 500)")[0]
                .get(0, as: Int.self) > 0
        }
    }

    private static func record(_ value: [UInt8]) -> LogRecord {
        LogRecord(partition: 0, offset: 0, key: nil, value: value)
    }
}
