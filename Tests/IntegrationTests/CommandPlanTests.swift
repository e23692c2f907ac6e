import CircleStore
import Database
import Domain
import TestKit
import Testing

/// What commands and the directory read does not grow with what is stored.
@Suite("Rows that commands and the directory read, of 3,000 circles and 30,000 seats")
struct CommandPlanTests {
    private static let now = SystemWallClock().now()
    private static let circleCount = 3_000

    /// Circles that began a second apart, with ten listeners each.
    private func fill(_ test: TestStore) async throws {
        let circleIDs = (0..<Self.circleCount).map { _ in CircleID(now: Self.now) }
        try await test.pool.withConnection { connection in
            try connection.query(
                """
                insert into circles (
                    circle_id, title, category, privacy, creator_uid, host_uid, co_host_uids,
                    cover_url, start_at, duration_min, max_speakers, max_listeners, mic_policy,
                    status, created_at, started_at, last_event_at
                )
                select
                    circle_id, 'Vinyl night', 'music', 'public', 'host-' || number,
                    'host-' || number, '{}', '', \(Self.now) - number * interval '1 second', 60, 8,
                    100, 'handRaise', 'live', \(Self.now), \(Self.now), \(Self.now)
                from unnest(\(circleIDs)) with ordinality as circle (circle_id, number)
                """)
            try connection.query(
                """
                insert into seats (
                    circle_id, uid, session_id, role, is_muted, joined_at, lease_expires_at
                )
                select
                    circle_id, 'u' || number, gen_random_uuid(), 'listener', false, \(Self.now),
                    \(Self.now) + interval '1 hour'
                from unnest(\(circleIDs)) as circle (circle_id)
                cross join generate_series(1, 10) as number
                """)
            // What this session has read is counted now, and not in the midst of a measurement.
            try connection.query("select pg_stat_force_next_flush()")
        }
    }

    /// - Returns: how many rows of a table the API's one session has read while `body` ran.
    private func readCount(
        of table: String, _ test: TestStore, _ body: () async throws -> Void
    ) async throws -> Int {
        func total() async throws -> Int {
            try await test.apiPool.withConnection { connection in
                try connection.query("select pg_stat_force_next_flush()")
                return try connection.query(
                    """
                    select seq_tup_read + idx_tup_fetch
                    from pg_stat_user_tables
                    where relname = \(table)
                    """)[0].get(0, as: Int.self)
            }
        }
        let before = try await total()
        try await body()
        return try await total() - before
    }

    @Test("a page of the directory: the circles that it shows", arguments: [false, true])
    func directory(isAnalyzed: Bool) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        try await fill(test)
        if isAnalyzed {
            try await test.pool.withConnection { try $0.script("analyze circles, seats") }
        }
        let caller = Caller(uid: "zoe")
        let position = DirectoryPosition(
            startAt: Self.now.adding(seconds: -1500), circleID: CircleID(now: Self.now))
        for (status, start) in [
            (CircleStatus?.none, DirectoryPosition?.none), (.live, nil), (nil, position),
            (.live, position),
        ] {
            // Past the fifth time a statement has a plan for any values.
            for _ in 1...7 {
                let count = try await readCount(of: "circles", test) {
                    let page = try await test.store.directory(
                        status: status, limit: 21, after: start, for: caller)
                    #expect(page.count == 21)
                    #expect(page.allSatisfy { $0.listenerCount == 10 })
                }
                #expect((21...60).contains(count))
            }
        }
        let seats = try await readCount(of: "seats", test) {
            _ = try await test.store.directory(
                status: nil, limit: 21, after: nil, for: caller)
        }
        #expect(seats == 210)
    }

    @Test("a join by plans that were made when the tables were empty")
    func join() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let circleID = try await test.makeCircle()
        // Of a table that was never looked at PostgreSQL expects ten pages.
        try await test.pool.withConnection { try $0.script("vacuum analyze seats") }
        for number in 1...10 {
            _ = try await test.store.join(circleID, by: Caller(uid: "early-\(number)"))
        }
        try await fill(test)
        let seats = try await readCount(of: "seats", test) {
            _ = try await test.store.join(circleID, by: Caller(uid: "late"))
            _ = try await test.store.raiseHand(circleID, by: Caller(uid: "late"))
            try await test.store.leave(circleID, by: Caller(uid: "late"))
        }
        #expect((12...200).contains(seats))
    }
}
