import Database
import Domain
import EventLog

/// Builds every table that is a fold over the events anew in schema `replay`, beside the live ones: by the same code,
/// from the same events. It sends nothing and needs no quiet: what arrives meanwhile is left to
/// the live tables. Quality samples are raw and stay as they are, with their rollup, which
/// `Verification` holds against them.
public struct Replay {
    /// The tables that are folds over the events, in an order that a swap can follow.
    static let tables = [
        "circle_sessions", "members", "hand_raises", "attendances", "stage_invitations",
        "circle_rsvps", "talk_minutes", "circle_minutes", "circle_day_members", "circle_days",
        "ingest_cursors", "ingest_gaps", "events",
    ]
    /// Those whose rows are of no one circle.
    static let sharedTables = ["known_members", "daily_members"]
    static let schema = "replay"
    private static let batchCount = 20_000

    public enum Source: Sendable {
        /// The log, and stored history for what it no longer holds.
        case log(KafkaSettings)
        /// The events table, which keeps every record's bytes.
        case history
    }

    public enum Failure: Error, Sendable, CustomStringConvertible {
        case unstoredEvents(Int)
        case busy

        public var description: String {
            switch self {
            case .unstoredEvents(let count):
                "the log holds \(count) events that Ingest has not stored: let it catch up first"
            case .busy: "another replay or verify is at work"
            }
        }
    }

    private let databaseURL: String
    private let clock: any WallClock
    /// Told now and then how many records have been read.
    private let progress: (Int) -> Void

    public init(
        databaseURL: String, clock: any WallClock, progress: @escaping (Int) -> Void = { _ in }
    ) {
        self.databaseURL = databaseURL
        self.clock = clock
        self.progress = progress
    }

    /// - Returns: how many records were read.
    @available(*, noasync)
    public func run(from source: Source) throws -> Int {
        let connection = try connect()
        // Two at once would drop each other's tables; the lock goes with the session.
        guard
            try connection.query("select pg_try_advisory_lock(hashtext('circles.replay'))")[0]
                .get(0, as: Bool.self)
        else { throw Failure.busy }
        try createTables(connection)
        let ingestor = Ingestor(target: .shadow)
        var readCount = 0
        if case .log(let settings) = source {
            let reader = try PartitionReader(settings: settings, topic: Topic.events)
            for partition in 0..<Int32(reader.partitionCount) {
                try reader.read(partition: partition, batchCountMax: Self.batchCount) { records in
                    try store(records, ingestor, connection)
                    readCount += records.count
                    progress(readCount)
                }
            }
        }
        try readHistory(connection) { records in
            try store(records, ingestor, connection)
            readCount += records.count
            progress(readCount)
        }
        return readCount
    }

    /// Puts the rebuilt rows in place of the live ones, in one transaction. Ingest waits
    /// meanwhile, then begins again from its offsets with nothing in memory.
    @available(*, noasync)
    public func swap() throws {
        let connection = try connect()
        try connection.transaction {
            // Batches advance their offsets first: whoever is at work finishes before this lock
            // is ours, and nobody begins until we are done.
            try connection.script("lock table ingest_offsets in exclusive mode")
            let ingestor = Ingestor(target: .shadow)
            try readHistory(connection, onlyNew: true) { records in
                _ = try ingestor.store(
                    RecordBatch(records: records, now: clock.now()), connection: connection)
            }
            let unstored: Int = try connection.query(
                """
                select count(*)
                from replay.events as rebuilt
                where not exists (
                    select
                    from public.events as stored
                    where stored.circle_id = rebuilt.circle_id
                        and stored.source = rebuilt.source
                        and stored.source_epoch = rebuilt.source_epoch
                        and stored.source_seq = rebuilt.source_seq
                )
                """)[0].get(0)
            guard unstored == 0 else { throw Failure.unstoredEvents(unstored) }
            for table in Self.tables + Self.sharedTables where table != "events" {
                let columns = try storedColumns(of: table, connection)
                try connection.script(
                    """
                    delete from public.\(table);
                    insert into public.\(table) (\(columns))
                    select \(columns) from \(Self.schema).\(table);
                    """)
            }
            try connection.script(
                """
                update ingest_offsets set claim_epoch = claim_epoch + 1;
                drop schema \(Self.schema) cascade;
                select unsettle_folds();
                """)
        }
    }

    // MARK: Parts

    private func connect() throws -> Connection {
        try Connection(
            url: databaseURL, applicationName: "circles-replay",
            settings: [("search_path", "\(Self.schema), public")])
    }

    private func createTables(_ connection: Connection) throws {
        try connection.transaction {
            try connection.script("drop schema if exists \(Self.schema) cascade")
            try connection.script("create schema \(Self.schema)")
            for table in Self.tables + Self.sharedTables {
                try connection.script(
                    "create table \(Self.schema).\(table) (like public.\(table) including all)")
            }
        }
    }

    private func store(
        _ records: [LogRecord], _ ingestor: Ingestor, _ connection: Connection
    ) throws {
        // Unreadable records are in dead_letters already; they are no part of any fold.
        try connection.transaction {
            _ = try ingestor.store(
                RecordBatch(records: records, now: clock.now()), connection: connection)
        }
    }

    /// Reads stored history, circle by circle, in order.
    ///
    /// - Parameter onlyNew: leaves out what the shadow tables have.
    private func readHistory(
        _ connection: Connection, onlyNew: Bool = false, _ body: ([LogRecord]) throws -> Void
    ) throws {
        var lastCircle = CircleID(high: 0, low: 0)
        var lastSequence: Int64 = 0
        while true {
            let rows = try connection.query(
                """
                select circle_id, circle_seq, record
                from public.events as stored
                where (circle_id, circle_seq) > (\(lastCircle), \(lastSequence))
                    and (
                        not \(onlyNew)
                        or not exists (
                            select
                            from replay.events as known
                            where known.circle_id = stored.circle_id
                                and known.source = stored.source
                                and known.source_epoch = stored.source_epoch
                                and known.source_seq = stored.source_seq
                        )
                    )
                order by circle_id, circle_seq
                limit \(Self.batchCount)
                """)
            guard rows.count > 0 else { return }
            let records = try rows.map { row in
                LogRecord(
                    partition: 0, offset: 0, key: nil,
                    value: try row.get(2, as: Bytes.self).array)
            }
            lastCircle = try rows[rows.count - 1].get(0)
            lastSequence = try rows[rows.count - 1].get(1)
            try body(records)
        }
    }

    private func storedColumns(of table: String, _ connection: Connection) throws -> String {
        try connection.query(
            """
            select string_agg(quote_ident(attname::text), ', ' order by attnum)
            from pg_attribute
            where attrelid = ('public.' || \(table))::regclass and attnum > 0
                and not attisdropped and attgenerated = ''
            """)[0].get(0)
    }
}
