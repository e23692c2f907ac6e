import CircleStore
import Database
import Domain
import TestKit
import Testing

/// Each statement is one that the API itself never sends: the policies must stop it where a
/// mistake in the API's checks would not.
@Suite("Row-level security (sql/migrations/0013)")
struct RowSecurityTests {
    /// A database with a public and a secret circle of `host`, `guest` inside and `fan` outside.
    private struct Scene {
        let test: TestStore
        let open: CircleID
        let secret: CircleID

        static func make() async throws -> Scene {
            let test = try TestStore()
            let open = try await test.makeCircle(coHosts: ["helper"])
            let secret = try await test.makeCircle(privacy: .secret, invited: ["guest", "bob"])
            for circleID in [open, secret] {
                _ = try await test.store.join(circleID, by: Caller(uid: "guest"))
            }
            try await test.store.kick(
                "troll", in: open, reason: "noise", bans: true, by: Caller(uid: "host"))
            try await test.store.registerDevice(
                PushDevice(deviceID: "phone", platform: .ios, pushToken: "t"),
                by: Caller(uid: "guest"))
            _ = try await test.store.report(
                UserReport(uid: "host", category: .spam, comment: ""), in: open,
                by: Caller(uid: "guest"))
            return Scene(test: test, open: open, secret: secret)
        }

        /// What comes of a statement that the API's role sends on behalf of a user: how many rows
        /// it saw or changed, or the code of its refusal. Nothing of it stays.
        func run(_ sql: SQL, as uid: String?) async throws -> String {
            try await run(sql, role: .api, settings: uid.map { [("circles.uid", $0)] } ?? [])
        }

        func run(
            _ sql: SQL, role: ServiceRole, settings: [(name: String, value: String)] = []
        ) async throws -> String {
            struct Undo: Error {
                let outcome: String
            }
            let pool = ConnectionPool(
                url: test.databaseURL, applicationName: "tests", role: role, size: 1)
            defer { pool.close() }
            do {
                return try await pool.transaction(settings: settings) { connection -> String in
                    let rows = try connection.query(sql)
                    throw Undo(outcome: "\(max(rows.count, rows.affectedCount))")
                }
            } catch let undo as Undo {
                return undo.outcome
            } catch let error as DatabaseError {
                return error.code
            }
        }
    }

    private static let refused = "42501"

    @Test("a secret circle, its seats and invitations are there for those inside and nobody else")
    func hidesSecretCircles() async throws {
        let scene = try await Scene.make()
        let secret = scene.secret
        let statements: [(SQL, seen: [String: String])] = [
            (
                "select 1::int8 from circles where circle_id = \(secret)",
                ["fan": "0", "guest": "1", "bob": "1", "host": "1"]
            ),
            (
                "select 1::int8 from circles where circle_id = \(secret) for update",
                ["fan": "0", "guest": "1"]
            ),
            (
                "select 1::int8 from seats where circle_id = \(secret)",
                ["fan": "0", "guest": "2", "bob": "2", "host": "2"]
            ),
            (
                "select 1::int8 from invitations where circle_id = \(secret)",
                ["fan": "0", "bob": "1", "host": "2"]
            ),
        ]
        for (sql, seen) in statements {
            for (uid, count) in seen {
                #expect(try await scene.run(sql, as: uid) == count, "\(sql.text) as \(uid)")
            }
            #expect(try await scene.run(sql, as: nil) == "0", "\(sql.text) as nobody")
        }
    }

    @Test("only the host and co-hosts change a circle, and nobody takes it over")
    func guardsDescriptions() async throws {
        let scene = try await Scene.make()
        let open = scene.open
        for change: SQL in [
            "update circles set title = 'Mine' where circle_id = \(open)",
            "update circles set status = 'ended' where circle_id = \(open)",
            "update circles set co_host_uids = '{guest}' where circle_id = \(open)",
        ] {
            #expect(try await scene.run(change, as: "guest") == Self.refused)
            #expect(try await scene.run(change, as: nil) == Self.refused)
            #expect(try await scene.run(change, as: "host") == "1")
            #expect(try await scene.run(change, as: "helper") == "1")
        }
        for column in ["event_seq = 0", "last_event_at = now()", "host_absent_since = null"] {
            let numbering: SQL = "update circles set \(trusted: column) where circle_id = \(open)"
            for uid in ["guest", "helper", "host"] {
                #expect(try await scene.run(numbering, as: uid) == Self.refused)
            }
        }
        for uid in ["guest", "helper", "host"] {
            let takeover: SQL = "update circles set host_uid = 'guest' where circle_id = \(open)"
            #expect(try await scene.run(takeover, as: uid) == Self.refused)
        }
        #expect(
            try await scene.run(
                "update circles set title = 'Mine' where circle_id = \(scene.secret)", as: "fan")
                == "0")
        #expect(
            try await scene.run("delete from circles where circle_id = \(open)", as: "host")
                == Self.refused)
    }

    @Test("the guard stands before each column of a circle that the API may write")
    func guardsAllColumns() async throws {
        let scene = try await Scene.make()
        let differing = try await scene.test.text(
            """
            select attname
            from pg_attribute
            join pg_trigger on tgrelid = attrelid and tgname = 'circles_description_guard'
            where attrelid = 'circles'::regclass and attnum > 0 and not attisdropped
                and has_column_privilege('circles_api', attrelid, attnum, 'update')
                    is distinct from (attnum = any (tgattr::int2[]))
            """)
        #expect(differing == "")
        #expect(
            try await scene.test.number(
                """
                select cardinality(tgattr::int2[])::bigint
                from pg_trigger where tgname = 'circles_description_guard'
                """) > 0)
    }

    @Test("a circle is created by its host alone")
    func guardsCreation() async throws {
        let scene = try await Scene.make()
        func insert(host: String, creator: String) -> SQL {
            """
            insert into circles (
                circle_id, title, category, privacy, creator_uid, host_uid, co_host_uids,
                cover_url, start_at, duration_min, max_speakers, max_listeners, mic_policy,
                status, created_at, last_event_at
            )
            values (
                gen_random_uuid(), 'T', '', 'public', \(creator), \(host), '{}', '', now(), 60,
                8, 100, 'open', 'scheduled', now(), now()
            )
            """
        }
        #expect(try await scene.run(insert(host: "ada", creator: "ada"), as: "ada") == "1")
        #expect(
            try await scene.run(insert(host: "bob", creator: "ada"), as: "ada") == Self.refused)
        #expect(
            try await scene.run(insert(host: "ada", creator: "bob"), as: "ada") == Self.refused)
    }

    @Test("seats are taken for oneself, and changed by their member and by moderators")
    func guardsSeats() async throws {
        let scene = try await Scene.make()
        let open = scene.open
        func seat(_ uid: String, isSecret: Bool = false, in circleID: CircleID) -> SQL {
            """
            insert into seats (
                circle_id, uid, session_id, role, is_muted, joined_at, lease_expires_at, is_secret
            )
            values (
                \(circleID), \(uid), gen_random_uuid(), 'listener', false, now(), now(),
                \(isSecret)
            )
            """
        }
        #expect(try await scene.run(seat("fan", in: open), as: "fan") == "1")
        #expect(try await scene.run(seat("fan", in: open), as: "host") == Self.refused)
        #expect(
            try await scene.run(seat("bob", in: scene.secret), as: "bob") == Self.refused,
            "a seat that hides its circle's secrecy")
        let change: SQL = "update seats set role = 'speaker' where circle_id = \(open)"
        #expect(try await scene.run(change, as: "fan") == "0")
        #expect(try await scene.run(change, as: "guest") == "1", "their own alone")
        #expect(try await scene.run(change, as: "helper") == "2")
        let removal: SQL = "delete from seats where circle_id = \(open) and uid = 'host'"
        #expect(try await scene.run(removal, as: "guest") == "0")
        #expect(try await scene.run(removal, as: "host") == "1")
    }

    @Test("a caller's own tables do not stand in for ours")
    func guardsNames() async throws {
        let scene = try await Scene.make()
        defer { scene.test.close() }
        // Each other function with its owner's rights has a search path of its own.
        let named = try await scene.test.text(
            """
            select proname from pg_proc
            where prosecdef and pronamespace = 'public'::regnamespace
                and coalesce(proconfig::text, '') not like '%search_path=public%'
            order by proname
            """)
        #expect(named == "app_is_secret\napp_number_events")
        let secret = scene.secret
        let pool = ConnectionPool(
            url: scene.test.databaseURL, applicationName: "tests", role: .api, size: 1)
        defer { pool.close() }
        let (isSecret, number): (Bool, Int) = try await pool.transaction(
            settings: [("circles.uid", "guest")]
        ) { connection in
            try connection.script(
                """
                create temp table circles as
                select circle_id, 'public' as privacy, 7::bigint as event_seq, last_event_at,
                    host_absent_since
                from public.circles where circle_id = '\(secret)';
                set local search_path = pg_temp, public
                """)
            let isSecret: Bool = try connection.query("select app_is_secret(\(secret))")[0].get(0)
            try connection.query(
                "select app_number_events(\(secret), 99, now(), 'asBefore', now())")
            return (isSecret, try connection.query("select event_seq from circles")[0].get(0))
        }
        #expect(isSecret && number == 7)
        let numbered = try await scene.test.number(
            "select event_seq from circles where circle_id = \(secret)")
        #expect(numbered == 99)
    }

    @Test("invitations and bans are the moderators'")
    func guardsInvitationsAndBans() async throws {
        let scene = try await Scene.make()
        let (open, secret) = (scene.open, scene.secret)
        let invitation: SQL = "insert into invitations values (\(secret), 'fan')"
        let dropping: SQL = "delete from invitations where circle_id = \(secret)"
        #expect(try await scene.run(invitation, as: "fan") == Self.refused)
        #expect(try await scene.run(invitation, as: "guest") == Self.refused)
        #expect(try await scene.run(invitation, as: "host") == "1")
        #expect(try await scene.run(dropping, as: "guest") == "0")
        #expect(try await scene.run(dropping, as: "host") == "2")
        func ban(by actor: String) -> SQL {
            """
            insert into bans (circle_id, uid, actor_uid, reason, banned_at)
            values (\(open), 'fan', \(actor), '', now())
            """
        }
        #expect(try await scene.run(ban(by: "guest"), as: "guest") == Self.refused)
        #expect(
            try await scene.run(ban(by: "host"), as: "helper") == Self.refused, "another's name")
        #expect(try await scene.run(ban(by: "helper"), as: "helper") == "1")
        let bans: SQL = "select 1::int8 from bans where circle_id = \(open)"
        #expect(try await scene.run(bans, as: "guest") == "0")
        #expect(try await scene.run(bans, as: "troll") == "1")
        #expect(try await scene.run("delete from bans", as: "host") == Self.refused)
    }

    @Test(
        "RSVPs, devices, reports and the audit trail are everyone's own, and the trail is never changed"
    )
    func guardsOwnRows() async throws {
        let scene = try await Scene.make()
        let open = scene.open
        #expect(
            try await scene.run("insert into rsvps values (\(open), 'guest', now())", as: "fan")
                == Self.refused)
        #expect(
            try await scene.run(
                "insert into rsvps values (\(scene.secret), 'fan', now())", as: "fan")
                == Self.refused)
        for sql: SQL in ["select 1::int8 from push_tokens", "delete from push_tokens"] {
            #expect(try await scene.run(sql, as: "fan") == "0")
            #expect(try await scene.run(sql, as: "guest") == "1")
        }
        #expect(try await scene.run("select 1::int8 from user_reports", as: "host") == "0")
        #expect(try await scene.run("select 1::int8 from user_reports", as: "guest") == "1")
        #expect(
            try await scene.run(
                """
                insert into moderation_audit (
                    circle_id, actor_uid, action, target_uid, reason, acted_at, source_seq,
                    trace_id
                )
                values (\(open), 'host', 'memberKicked', 'fan', '', now(), 99, '')
                """, as: "guest") == Self.refused)
        for sql: SQL in [
            "update moderation_audit set actor_uid = 'bob'", "delete from moderation_audit",
            "truncate moderation_audit",
        ] {
            #expect(try await scene.run(sql, as: "host") == Self.refused)
        }
    }

    @Test("each service reaches its own tables and not the others'")
    func separatesServices() async throws {
        let scene = try await Scene.make()
        let refusals: [(ServiceRole, SQL)] = [
            (.api, "delete from events"), (.api, "update members set role = 'host'"),
            (
                .api,
                "insert into api_keys (key_id, name, key_hash) values (gen_random_uuid(), '', '')"
            ),
            (.api, "update api_keys set revoked_at = null"), (.api, "select 1 from notifications"),
            (.ingest, "update circles set title = ''"), (.ingest, "select 1 from push_tokens"),
            (.ingest, "delete from seats"), (.ingest, "select 1 from api_keys"),
            (.jobs, "delete from events"), (.jobs, "select 1 from api_keys"),
            (.sfu, "select 1 from push_tokens"), (.sfu, "select 1 from user_reports"),
            (.analyst, "select 1 from circles"), (.analyst, "select 1 from seats"),
            (.analyst, "select 1 from push_tokens"), (.analyst, "select 1 from user_reports"),
            (.analyst, "select 1 from moderation_audit"), (.analyst, "delete from events"),
            (.analyst, "create table mine (id int)"), (.analyst, "select 1 from outbox"),
        ]
        for (role, sql) in refusals {
            #expect(
                try await scene.run(sql, role: role) == Self.refused, "\(sql.text) as \(role)")
        }
        for sql: SQL in ["select 1 from reports.sessions", "select 1 from events"] {
            #expect(try await scene.run(sql, role: .analyst) == "0", "\(sql.text)")
        }
    }

    @Test("who leaves a secret circle or resigns from it is still told of in its events")
    func numbersEventsOfThoseWhoLeave() async throws {
        let scene = try await Scene.make()
        try await scene.test.pool.withConnection { connection in
            _ = try connection.query("delete from invitations where uid = 'guest'")
        }
        try await scene.test.store.leave(scene.secret, by: Caller(uid: "guest"))
        _ = try await scene.test.store.addCoHost(
            "cleo", to: scene.secret, by: Caller(uid: "host"))
        _ = try await scene.test.store.removeCoHost(
            "cleo", from: scene.secret, by: Caller(uid: "cleo"))
        #expect(
            try await scene.test.number(
                """
                select count(*)
                from circles
                join (
                    select circle_id, max(source_seq) as last_seq from outbox group by circle_id
                ) as numbered using (circle_id)
                where event_seq <> last_seq
                """) == 0)
        await #expect(throws: CommandError.circleNotFound) {
            try await scene.test.store.circle(scene.secret, for: Caller(uid: "guest"))
        }
    }
}
