import CircleStore
import Database
import Domain

/// Circle stores on a fresh database, with the rights that the services have.
public struct TestStore: Sendable {
    public let databaseURL: String
    /// The owner's sessions, which see and may do everything: for looking and arranging.
    public let pool: ConnectionPool
    /// The API's.
    public let apiPool: ConnectionPool
    public let clock: any WallClock
    public let store: CircleStore
    /// As an SFU node has it.
    public let nodeStore: CircleStore
    private let nodePool: ConnectionPool

    public init(
        clock: any WallClock = SystemWallClock(), poolSize: Int = 8, seatLeaseSeconds: Int64 = 3600
    ) throws {
        databaseURL = try TestCluster.makeDatabase()
        pool = ConnectionPool(
            url: databaseURL, applicationName: "tests", size: poolSize, waitingCountMax: 10_000)
        apiPool = ConnectionPool(
            url: databaseURL, applicationName: "tests", role: .api, size: poolSize,
            waitingCountMax: 10_000, settings: CircleStore.sessionSettings)
        nodePool = ConnectionPool(
            url: databaseURL, applicationName: "tests", role: .sfu, size: 2,
            settings: CircleStore.sessionSettings)
        self.clock = clock
        store = CircleStore(
            pool: apiPool, clock: clock, settings: .init(seatLeaseSeconds: seatLeaseSeconds))
        nodeStore = CircleStore(
            pool: nodePool, clock: clock, settings: .init(seatLeaseSeconds: seatLeaseSeconds))
    }

    public func close() {
        for pool in [pool, apiPool, nodePool] { pool.close() }
    }

    /// A draft that goes live at once.
    public func draft(
        host: String = "host", privacy: Privacy = .public, coHosts: [String] = [],
        invited: [String] = [], maxSpeakers: Int = 8, maxListeners: Int = 100,
        startsNow: Bool = true, startAt: Timestamp? = nil, title: String = "Vinyl night"
    ) -> CircleDraft {
        CircleDraft(
            details: CircleDetails(
                title: title, category: "music", privacy: privacy, hostUID: host,
                coHostUIDs: coHosts, coverURL: "", startAt: startAt ?? clock.now(),
                durationMinutes: 60, maxSpeakers: maxSpeakers, maxListeners: maxListeners,
                micPolicy: .handRaise),
            invitedUIDs: invited, startsNow: startsNow)
    }

    /// Creates a live circle.
    @discardableResult
    public func makeCircle(
        host: String = "host", privacy: Privacy = .public, coHosts: [String] = [],
        invited: [String] = [], maxSpeakers: Int = 8, maxListeners: Int = 100, email: String? = nil
    ) async throws -> CircleID {
        try await store.create(
            draft(
                host: host, privacy: privacy, coHosts: coHosts, invited: invited,
                maxSpeakers: maxSpeakers, maxListeners: maxListeners),
            by: Caller(uid: host, email: email)
        ).circle.circleID
    }

    /// Brings a member in the audience onto the stage: their hand goes up and is taken.
    @discardableResult
    public func bringOnStage(
        _ uid: String, in circleID: CircleID, host: String = "host"
    ) async throws -> Seat {
        _ = try await store.raiseHand(circleID, by: Caller(uid: uid))
        return try await store.promote(uid, in: circleID, by: Caller(uid: host))
    }

    /// The outbox's records in order: what Kafka would carry.
    public func outboxRecords() async throws -> [[UInt8]] {
        try await pool.withConnection { connection in
            try connection.query("select record from outbox order by outbox_id").map {
                try $0.get(0, as: Bytes.self).array
            }
        }
    }

    /// One number from the database.
    public func number(_ sql: SQL) async throws -> Int {
        try await pool.withConnection { try $0.query(sql)[0].get(0) }
    }

    /// A result as text, a row a line, columns separated by `|`.
    public func text(_ sql: SQL) async throws -> String {
        try await pool.withConnection { connection in
            let rows = try connection.queryText(sql)
            return (0..<rows.count).map { row in
                rows.columns.indices.map { rows[row, $0] ?? "∅" }.joined(separator: "|")
            }.joined(separator: "\n")
        }
    }
}
