import BlockingThread
import CircleStore
import Database
import Domain
import EventLog
import EventSchema
import Foundation
import TestKit
import Testing

@testable import Ingest

@Suite("Forgetting a person, against PostgreSQL", .timeLimit(.minutes(5)))
struct ForgettingTests {
    private static let begin = IngestorTests.begin
    private static let bob = "zq-bob"
    private static let host = "zq-host"

    // MARK: Looking

    /// Tables of any schema in which a row says the text, in whatever column and type.
    private static func traces(of uid: String, _ connection: Connection) throws -> [String] {
        let tables: [String] = try connection.query(
            """
            select format('%I.%I', nspname, relname)
            from pg_class
            join pg_namespace on pg_namespace.oid = relnamespace
            where relkind = 'r' and nspname !~ '^pg_' and nspname <> 'information_schema'
            order by 1
            """
        ).map { try $0.get(0) }
        let hex = uid.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return try tables.filter { table in
            try connection.query(
                """
                select exists (
                    select from \(trusted: table) as looked_at
                    where position(\(uid) in looked_at::text) > 0
                        or position(\(hex) in looked_at::text) > 0
                )
                """)[0].get(0)
        }
    }

    /// Every fold and every report as text; lists of names without their order, which names of
    /// equal rank have by what they are.
    private static func totals(_ connection: Connection) throws -> [String: [String]] {
        let views: [String] = try connection.query(
            "select viewname from pg_views where schemaname = 'reports' and viewname <> 'live_now'"
        ).map { try $0.get(0) }
        let tables =
            Replay.tables + Replay.sharedTables + ["quality_minutes", "quality_samples"]
            + views.map { "reports.\($0)" }
        return try tables.reduce(into: [:]) { totals, table in
            let left = "array['as_of', 'record', 'circle_seq', 'title', 'speakers']"
            let names =
                table == "reports.listener_drop_off"
                ? "(select jsonb_agg(name) from unnest(speakers) as name)" : "'null'::jsonb"
            let rows = try connection.query(
                """
                select
                    (to_jsonb(looked_at) - \(trusted: left))::text, \(trusted: names)::text
                from \(trusted: table) as looked_at
                """)
            totals[table] = try rows.map { row in
                let names = try row.optional(1, as: String.self) ?? ""
                return try row.get(0, as: String.self) + "\n" + names
            }
        }
    }

    /// The same under other names.
    private static func renamed(
        _ totals: [String: [String]], _ names: [(uid: String, tombstone: String)]
    ) -> [String: [String]] {
        totals.mapValues { rows in
            rows.map { row in
                let row = names.reduce(row) { row, name in
                    row.replacing("\"\(name.uid)\"", with: "\"\(name.tombstone)\"")
                }
                let parts = row.split(separator: "\n", omittingEmptySubsequences: false)
                return parts[0] + parts[1].split(separator: "\"").sorted().joined()
            }.sorted()
        }
    }

    private static func differences(
        _ left: [String: [String]], _ right: [String: [String]]
    ) -> [String] {
        left.keys.filter { left[$0] != right[$0] }.sorted()
    }

    // MARK: Arranging

    private static func lives(_ seeds: Range<UInt64>) -> [[Event]] {
        seeds.map { seed in
            var generator = EventGenerator(
                seed: seed, begin: begin, stepMicrosecondsMax: 600_000_000, prefix: "zq-")
            return generator.generate(eventCount: 60)
        }
    }

    private static func storeQuality(_ seeds: Range<UInt64>, _ connection: Connection) throws {
        for seed in seeds {
            var generator = QualityGenerator(seed: seed, begin: begin)
            let records = generator.generate(batchCount: 30).map { batch in
                var batch = batch
                for index in batch.members.indices {
                    let uid = batch.members[index].member.uid
                    batch.members[index].member.uid = uid == "member-1" ? bob : "zq-" + uid
                }
                return LogRecord(
                    partition: 0, offset: 0, key: nil, value: QualityCodec.encode(batch))
            }
            try connection.transaction {
                _ = try QualityStore().store(
                    RecordBatch(records: records, now: begin), connection: connection)
            }
        }
    }

    private static func ingest(
        _ events: [Event], _ connection: Connection, seed: UInt64 = 1
    ) throws {
        var random = SeededGenerator(seed: seed)
        try IngestorTests.ingest(events, Ingestor(target: .live), connection, random: &random)
    }

    private static func forget(_ uid: String, _ test: TestStore) throws -> Forgetting.Outcome {
        try Forgetting(databaseURL: test.databaseURL, clock: SystemWallClock()).run(uid)
    }

    // MARK: History

    @Test("random lives lose a name and nothing else: tables, reports, replays; and the log too")
    func keepsTotals() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let problems = try await test.pool.withConnection { connection in
            let lives = Self.lives(100..<115)
            for life in lives { try Self.ingest(life, connection) }
            try Self.storeQuality(1..<6, connection)
            #expect(try Self.traces(of: Self.bob, connection).count > 10)
            let before = try Self.totals(connection)
            var names: [(uid: String, tombstone: String)] = []
            var problems: [String] = []
            for uid in [Self.bob, Self.host] {
                let outcome = try Self.forget(uid, test)
                #expect(outcome.circleCount > 0 && outcome.eventCount > 0 && !outcome.isResumed)
                names.append((uid, outcome.tombstone))
                problems += try Self.traces(of: uid, connection).map { "\(uid) in \($0)" }
            }
            let after = Self.renamed(try Self.totals(connection), [])
            problems += Self.differences(Self.renamed(before, names), after)

            // The log, read again from its beginning into empty tables.
            let tables = (Replay.tables + Replay.sharedTables).joined(separator: ", ")
            try connection.script("truncate \(tables)")
            for life in lives { try Self.ingest(life, connection, seed: 2) }
            problems += Self.differences(after, Self.renamed(try Self.totals(connection), [])).map {
                "log: \($0)"
            }
            for uid in [Self.bob, Self.host] {
                problems += try Self.traces(of: uid, connection).map { "log: \(uid) in \($0)" }
            }
            return problems
        }
        #expect(problems == [])
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }

    @Test("what was cut short is finished under the same tombstone, with what came meanwhile")
    func resumes() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let traces = try await test.pool.withConnection { connection in
            let lives = Self.lives(200..<206)
            for life in lives { try Self.ingest(Array(life.prefix(30)), connection) }
            try Self.storeQuality(1..<3, connection)
            let tombstone = try {
                let forgetting = try Forgetting(
                    databaseURL: test.databaseURL, clock: SystemWallClock())
                let (erasure, _) = try forgetting.begin(Self.bob)
                let circles = try forgetting.circles(of: erasure)
                #expect(circles.count > 2)
                // One circle is half done, one is done, and then the machine stops.
                _ = try forgetting.rewriteEvents(of: circles[0], erasure)
                _ = try forgetting.rewriteEvents(of: circles[1], erasure)
                try forgetting.connection.transaction {
                    try forgetting.rewriteState(of: circles[1], erasure)
                }
                return erasure.tombstone
            }()
            for life in lives { try Self.ingest(Array(life.dropFirst(30)), connection) }
            try Self.storeQuality(1..<5, connection)
            let outcome = try Self.forget(Self.bob, test)
            #expect(outcome.isResumed && outcome.tombstone == tombstone)
            return try Self.traces(of: Self.bob, connection)
        }
        #expect(traces == [])
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }

    @Test("late events are the tombstone's; who comes back is somebody else, and can be forgotten")
    func tellsPersonsApart() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        try await test.pool.withConnection { connection in
            let life = Self.lives(300..<301)[0]
            try Self.ingest(Array(life.prefix(20)), connection)
            let first = try Self.forget(Self.bob, test)
            try Self.ingest(Array(life.dropFirst(20)), connection)
            #expect(try Self.traces(of: Self.bob, connection) == [])

            var generator = EventGenerator(
                seed: 301, begin: SystemWallClock().now().adding(seconds: 60), prefix: "zq-")
            try Self.ingest(generator.generate(eventCount: 60), connection)
            let back = try Self.traces(of: Self.bob, connection)
            #expect(back.contains("public.attendances") && back.contains("public.known_members"))
            let later = try Forgetting(
                databaseURL: test.databaseURL,
                clock: ManualClock(SystemWallClock().now().adding(seconds: 86_400))
            ).run(Self.bob)
            #expect(!later.isResumed && later.tombstone != first.tombstone)
            #expect(try Self.traces(of: Self.bob, connection) == [])
            let known = try IngestorTests.text(
                "select count(*) from known_members where uid like 'forgotten:%'", connection)
            #expect(known == "2")
        }
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }

    @Test("tables of later migrations lose the name too, also where the tombstone has a row")
    func knowsLaterTables() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let rows = try await test.pool.withConnection { connection in
            let life = Self.lives(500..<501)[0]
            try Self.ingest(life, connection)
            try connection.script(
                """
                create table later_days (
                    circle_id uuid, day date, uid text, judge_uid text, stay_count integer,
                    constraint later_days_pk primary key (circle_id, day, uid)
                );
                create table later_people (uid text, helper_uids text[], stay_count integer);
                """)
            let forgetting = try Forgetting(
                databaseURL: test.databaseURL, clock: SystemWallClock())
            let tombstone = try forgetting.begin(Self.bob).0.tombstone
            let circleID = life[0].circleID
            try connection.query(
                """
                insert into later_days values
                (\(circleID), '2026-11-23', \(Self.bob), 'x', 1),
                (\(circleID), '2026-11-24', \(Self.bob), \(Self.bob), 2),
                (\(circleID), '2026-11-24', \(tombstone), 'y', 3)
                """)
            _ = try Self.forget(Self.bob, test)
            try connection.query(
                "insert into later_people values (\(Self.host), array['x', \(Self.host)], 1)")
            _ = try Self.forget(Self.host, test)
            #expect(try Self.traces(of: Self.bob, connection) == [])
            #expect(try Self.traces(of: Self.host, connection) == [])
            return try IngestorTests.text(
                "select day, stay_count from later_days order by day", connection)
        }
        #expect(rows == "2026-11-23|1\n2026-11-24|2")
    }

    // MARK: Commands

    /// Rows of theirs in every table that has a column for a uid.
    private static func fillTables(_ test: TestStore, circleID: CircleID) async throws {
        try await test.pool.withConnection { connection in
            let uid = bob
            let statements: [SQL] = [
                "update circles set co_host_uids = array[\(uid), 'cy'] where circle_id = \(circleID)",
                "insert into invitations values (\(circleID), \(uid))",
                "insert into bans values (\(circleID), \(uid), 'x', 'spam', now())",
                "insert into bans values (\(circleID), 'y', \(uid), 'spam', now())",
                "insert into rsvps values (\(circleID), \(uid), now()), (\(circleID), 'aa', now())",
                """
                insert into push_tokens values (\(uid), 'device', 'ios', 'token of ' || \(uid), now())
                """,
                """
                insert into user_reports values
                (gen_random_uuid(), \(circleID), \(uid), 'y', 'spam', 'I am ' || \(uid), now())
                """,
                """
                insert into moderation_audit (circle_id, actor_uid, action, target_uid, reason,
                acted_at, source_seq, trace_id) values
                (\(circleID), \(uid), 'memberMuted', 'y', '', now(), 1, ''),
                (\(circleID), 'y', 'memberMuted', \(uid), '', now(), 2, '')
                """,
                """
                insert into idempotency_keys values
                (\(uid), 'k', '', gen_random_uuid(), now(), 1, now(), null, null, null, null),
                ('y', 'k', '', gen_random_uuid(), now(), 1, now(), 200, '{}', '{}',
                convert_to('{"uid":"' || \(uid) || '"}', 'UTF8'))
                """,
                """
                insert into notifications values ('summary', \(circleID), \(uid),
                \(uid) || '@example.org', 'pending', 0, now(), 'm', 'no such ' || \(uid), now(), now())
                """,
                """
                insert into pushes values ('reminder', \(circleID), \(uid), 'device-' || \(uid),
                now(), 'sent', null, 1, now(), now(), 'name', now(), now())
                """,
                "insert into reminder_rounds values (\(circleID), now(), now(), \(uid), null)",
                "insert into unsubscribes values (\(uid), 'summary', now())",
                """
                insert into presence_drift values
                (\(circleID), gen_random_uuid(), \(uid), 'sfu-1', 'node', now(), now())
                """,
                """
                insert into alerts (rule, subject, dedup_key, severity, summary, cause, value,
                details, opened_at, observed_at) values
                ('r', 's', 'd', 'error', 'x ' || \(uid), \(uid) || ' left', 1,
                jsonb_build_object('labels', jsonb_build_array(\(uid))), now(), now())
                """,
                """
                insert into dead_letters values
                ('t', 0, 0, 0, 'malformed', null, convert_to('??' || \(uid), 'UTF8'), now())
                """,
                """
                insert into jobs (name, interval_ms, next_run_at, last_error) values
                ('j', 1, now(), 'cannot mail ' || \(uid))
                """,
            ]
            for statement in statements { try connection.query(statement) }
        }
    }

    @Test("no column of any table keeps a trace, and every table with uids had one")
    func leavesNoTrace() async throws {
        let test = try TestStore()
        defer { test.close() }
        let (bob, guest) = (
            Caller(uid: Self.bob, email: "zq-bob@example.org"), Caller(uid: "guest")
        )
        let planned = try await test.store.create(
            test.draft(
                host: "planner", startsNow: false, startAt: test.clock.now().adding(seconds: 7200)),
            by: Caller(uid: "planner")
        ).circle.circleID
        _ = try await test.store.makeRSVP(planned, by: bob)
        // Without a raised hand it is an invitation.
        let asked = try await test.makeCircle(host: "asker")
        _ = try await test.store.join(asked, by: bob)
        _ = try await test.store.promote(Self.bob, in: asked, by: Caller(uid: "asker"))
        try await test.store.leave(asked, by: bob)
        let own = try await test.store.create(
            test.draft(host: Self.bob, title: "The life of zq-bob"), by: bob
        ).circle.circleID
        _ = try await test.store.join(own, by: bob)
        _ = try await test.store.join(own, by: guest)
        try await test.pool.withConnection { connection in
            _ = try connection.query(
                "update seats set invited_by_uid = \(Self.bob) where uid = 'guest'")
        }
        try await test.store.leave(own, by: bob)
        let other = try await test.makeCircle()
        _ = try await test.store.join(other, by: bob)
        _ = try await test.store.raiseHand(other, by: bob)
        try await test.store.leave(other, by: bob)
        try await Self.fillTables(test, circleID: other)
        let records = try await test.outboxRecords()
        // Some are stored, some still to come.
        let half = records.count / 2
        try await test.pool.withConnection { connection in
            let batch = records.prefix(half).map {
                LogRecord(partition: 0, offset: 0, key: nil, value: $0)
            }
            try connection.transaction {
                _ = try Ingestor(target: .live).store(
                    RecordBatch(records: batch, now: Self.begin), connection: connection)
            }
            try Self.storeQuality(1..<3, connection)
            for life in Self.lives(400..<420) { try Self.ingest(life, connection) }
            // A host is either settled or not: here both.
            try connection.query("select settle_quality_days('infinity', 1000)")
            try connection.query(
                "insert into host_sums select * from host_sums_of(\(Self.bob))")
            let traces = Set(try Self.traces(of: Self.bob, connection))
            for table in try UIDTable.all(connection) {
                #expect(
                    traces.contains { $0.hasPrefix("public.\(table.name)") },
                    "\(table.name) has a column for uids and no row of theirs in this test")
            }
            let survey = try Forgetting(
                databaseURL: test.databaseURL, clock: SystemWallClock()
            ).survey(Self.bob)
            #expect(survey.count == (try UIDTable.all(connection)).count)

            _ = try Self.forget(Self.bob, test)
            #expect(try Self.traces(of: Self.bob, connection) == [])
            // The log still has the rest as it was.
            let rest = records.dropFirst(half).map {
                LogRecord(partition: 0, offset: 0, key: nil, value: $0)
            }
            try connection.transaction {
                _ = try Ingestor(target: .live).store(
                    RecordBatch(records: rest, now: Self.begin), connection: connection)
            }
            #expect(try Self.traces(of: Self.bob, connection) == [])
        }
        #expect(
            try await test.text(
                "select title, host_email, cover_url from circles where circle_id = \(own)")
                == "Untitled|∅|")
        #expect(
            try await test.text(
                "select after_uid, (select status from notifications) from reminder_rounds")
                == "aa|skipped")
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }

    @Test("nobody is forgotten while inside a circle, and no name that cannot be one")
    func refuses() async throws {
        let test = try TestStore()
        defer { test.close() }
        let circleID = try await test.makeCircle()
        _ = try await test.store.join(circleID, by: Caller(uid: Self.bob))
        let before = try await test.text("select count(*) from forgotten_members")
        let url = test.databaseURL
        try await BlockingThread.run(name: "forget") {
            let forgetting = try Forgetting(databaseURL: url, clock: SystemWallClock())
            #expect(throws: Forgetting.Failure.inside([circleID])) { try forgetting.run(Self.bob) }
            for uid in ["", "a b", "forgotten:00", String(repeating: "x", count: 129)] {
                #expect(throws: Forgetting.Failure.invalidUID) { try forgetting.run(uid) }
            }
            let other = try Connection(url: url, applicationName: "tests")
            try other.query("select pg_advisory_lock(hashtext('circles.replay'))")
            #expect(throws: Forgetting.Failure.busy) { try forgetting.run(Self.bob) }
        }
        #expect(try await test.text("select count(*) from forgotten_members") == before)
        #expect(try await test.number("select count(*) from seats where uid = \(Self.bob)") == 1)
    }

    @Test("the program says what it finds, asks, makes them leave, and forgets")
    func runsAsAProgram() async throws {
        let test = try TestStore()
        defer { test.close() }
        let circleID = try await test.makeCircle()
        _ = try await test.store.join(circleID, by: Caller(uid: Self.bob))
        let log = "/tmp/circles-forget-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: log) }  // left in /tmp at worst
        func run(_ options: [String]) async throws -> (status: Int32?, text: String) {
            let process = CirclesProcess(
                "forget", ["--uid", Self.bob] + options,
                environment: ["DATABASE_URL": test.databaseURL], log: log)
            try process.start()
            let status = try await BlockingThread.run(name: "forget") { process.wait() }
            return (status, try String(contentsOfFile: log, encoding: .utf8))
        }
        let survey = try await run(["--dry-run"])
        #expect(survey.status == 0 && survey.text.contains("seats  1"), "\(survey)")
        let refused = try await run(["--yes"])
        #expect(refused.status == 64 && refused.text.contains("\(circleID)"), "\(refused)")
        #expect(try await test.number("select count(*) from forgotten_members") == 0)
        let done = try await run(["--yes", "--leave"])
        #expect(done.status == 0 && done.text.contains("forgotten:"), "\(done)")
        let traces = try await test.pool.withConnection { try Self.traces(of: Self.bob, $0) }
        #expect(traces == [])
    }

    // MARK: Beside Ingest

    @Test("people are forgotten while Ingest stores their events")
    func besideIngest() async throws {
        let pipeline = try Pipeline()
        let test = pipeline.test
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            for round in 1...4 {
                let uid = "zq-\(round)"
                for circle in 1...4 {
                    let circleID = try await test.makeCircle(host: "host-\(round)-\(circle)")
                    for caller in [Caller(uid: uid), Caller(uid: "guest-\(round)")] {
                        _ = try await test.store.join(circleID, by: caller)
                        _ = try await test.store.raiseHand(circleID, by: caller)
                    }
                    try await test.store.leave(circleID, by: Caller(uid: uid))
                }
                // Some of it is stored by now, some is on its way.
                let url = test.databaseURL
                _ = try await BlockingThread.run(name: "forget") {
                    try Forgetting(databaseURL: url, clock: SystemWallClock()).run(uid)
                }
            }
            try await pipeline.settle()
        }
        let traces = try await test.pool.withConnection { connection in
            try (1...4).flatMap { try Self.traces(of: "zq-\($0)", connection) }
        }
        #expect(traces == [])
        #expect(try await pipeline.mismatches() == "")
        #expect(
            try await test.number(
                "select count(distinct uid) from attendances where uid like 'forgotten:%'") == 4)
        let findings = try await pipeline.findings()
        #expect(findings == [], "\(findings)")
    }
}
