import BlockingThread
import CircleStore
import Database
import Domain
import TestKit
import Testing

@testable import Jobs

@Suite("Sweeps")
struct SweepTests {
    private let clock = ManualClock()

    /// `jobs` has the rights of Jobs and waits 100 ms for a lock.
    private func withStore(
        _ body: (TestStore, _ jobs: CircleStore, ConnectionPool) async throws -> Void
    ) async throws {
        let store = try TestStore(clock: clock, seatLeaseSeconds: 3600)
        let pool = ConnectionPool(
            url: store.databaseURL, applicationName: "sweeps", role: .jobs, size: 2,
            settings: [("lock_timeout", "100")])
        let jobs = CircleStore(
            pool: pool, clock: clock, settings: .init(seatLeaseSeconds: 3600))
        try await body(store, jobs, pool)
        pool.close()
        store.close()
    }

    /// Runs `body` while another session has run a statement and not committed.
    private func holding(
        _ store: TestStore, _ statement: SQL, _ body: () async throws -> Void
    ) async throws {
        let url = store.databaseURL
        let session = try await BlockingThread.run(name: "holder") {
            let connection = try Connection(url: url, applicationName: "holder")
            try connection.script("begin")
            _ = try connection.query(statement)
            return Held(connection)
        }
        try await body()
        try await BlockingThread.run(name: "holder") { try session.value.script("commit") }
    }

    /// The types of the last events, newest last.
    private func events(_ store: TestStore, _ count: Int) async throws -> String {
        let count = Int64(count)
        return try await store.text(
            """
            select string_agg(event_type, ' ' order by outbox_id)
            from (select * from outbox order by outbox_id desc limit \(count)) as last
            """)
    }

    @Test("a circle that overruns its planned end by the grace ends, and not a moment before")
    func endsOverrun() async throws {
        try await withStore { store, jobs, _ in
            let id = try await store.makeCircle()
            // Planned for 60 minutes; the seat is kept.
            clock.advance(seconds: 3600 + 600 - 1)
            #expect(try await jobs.endOverrun(graceSeconds: 600) == 0)
            clock.advance(seconds: 1)
            #expect(try await jobs.endOverrun(graceSeconds: 600) == 1)
            #expect(try await jobs.endOverrun(graceSeconds: 600) == 0)
            #expect(try await events(store, 2) == "memberLeft circleEnded")
            await #expect(throws: CommandError.circleEnded) {
                try await store.store.join(id, by: Caller(uid: "bob"))
            }
        }
    }

    @Test("a circle in which nobody sits ends; one with anybody does not")
    func endsEmpty() async throws {
        try await withStore { store, jobs, _ in
            let empty = try await store.makeCircle(host: "ada")
            let kept = try await store.makeCircle(host: "eve")
            try await store.store.leave(empty, by: Caller(uid: "ada"))
            clock.advance(seconds: 599)
            #expect(try await jobs.endEmpty(afterSeconds: 600) == 0)
            // The leaving came a moment after the clock's time, so that events have an order.
            clock.advance(seconds: 2)
            #expect(try await jobs.endEmpty(afterSeconds: 600) == 1)
            #expect(
                try await store.number("select count(*) from circles where status = 'live'") == 1)
            _ = try await store.store.join(kept, by: Caller(uid: "bob"))
        }
    }

    @Test("a planned circle that never began is given up a day after its planned end")
    func endsUnstarted() async throws {
        try await withStore { store, jobs, _ in
            let draft = store.draft(
                startsNow: false, startAt: clock.now().adding(seconds: 3600))
            _ = try await store.store.create(draft, by: Caller(uid: "host"))
            clock.advance(seconds: 2 * 3600 + 86_400 - 1)
            #expect(try await jobs.endUnstarted(afterSeconds: 86_400) == 0)
            clock.advance(seconds: 1)
            #expect(try await jobs.endUnstarted(afterSeconds: 86_400) == 1)
            #expect(try await events(store, 1) == "circleEnded")
        }
    }

    @Test("seats whose lease has run out are freed, hands go down, others stay")
    func releasesSeats() async throws {
        try await withStore { store, jobs, _ in
            let id = try await store.makeCircle()
            _ = try await store.store.join(id, by: Caller(uid: "bob"))
            _ = try await store.store.raiseHand(id, by: Caller(uid: "bob"))
            clock.advance(seconds: 1800)
            _ = try await store.store.join(id, by: Caller(uid: "eve"))
            clock.advance(seconds: 1800)
            #expect(try await jobs.releaseExpiredSeats() == 0)
            clock.advance(seconds: 1)
            #expect(try await jobs.releaseExpiredSeats() == 1)
            #expect(try await store.text("select uid from seats") == "eve")
            #expect(try await events(store, 3) == "memberLeft handLowered memberLeft")
        }
    }

    @Test("a circle that somebody is changing is passed over, and swept the next time")
    func passesOver() async throws {
        try await withStore { store, jobs, _ in
            let busy = try await store.makeCircle(host: "ada")
            try await store.makeCircle(host: "eve")
            clock.advance(seconds: 7200)
            try await holding(
                store, "select 1::int8 from circles where circle_id = \(busy) for update"
            ) {
                let count = try await jobs.endOverrun(graceSeconds: 60)
                #expect(count == 1)
            }
            #expect(try await jobs.endOverrun(graceSeconds: 60) == 1)
        }
    }

    @Test("history is made a week ahead and dropped when its time is over; a reader delays that")
    func keepsHistory() async throws {
        try await withStore { store, _, pool in
            let upkeep = HistoryUpkeep(pool: pool, retentionDays: 30)
            _ = try await upkeep.run(at: clock.now())
            let days: SQL = """
                select
                    max(day) >= (now() at time zone 'UTC')::date + 7,
                    count(*) filter (where day < (now() at time zone 'UTC')::date - 30)
                from history_days('events') as day
                """
            try await store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    select ensure_history_partition(
                        'events', (now() at time zone 'UTC')::date - age
                    )
                    from unnest(array[30, 31, 90]) as age
                    """)
            }
            #expect(try await store.text(days) == "t|2")
            try await holding(store, "select count(*) from events") {
                let result = try await upkeep.run(at: clock.now())
                #expect(result.detail == "0 made, 0 dropped, 2 in use")
            }
            #expect(try await upkeep.run(at: clock.now()).detail == "0 made, 2 dropped, 0 in use")
            #expect(try await store.text(days) == "t|0")
            #expect(try await upkeep.run(at: clock.now()) == .idle)
        }
    }

    @Test("nothing but history can be dropped, and nothing younger than a month")
    func dropsNothingElse() async throws {
        try await withStore { _, _, pool in
            for (table, kept) in [("circles", 400), ("events", 29)] as [(String, Int32)] {
                await #expect(throws: DatabaseError.self) {
                    try await pool.withConnection { connection in
                        _ = try connection.query(
                            "select drop_history_partition(\(table), date '2020-01-01', \(kept))")
                    }
                }
            }
        }
    }
}
