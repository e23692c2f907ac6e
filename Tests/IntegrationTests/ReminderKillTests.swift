import Domain
import Foundation
import Synchronization
import TestKit
import Testing

@testable import Jobs

@Suite("Reminders of a process that is killed (kill -9)", .timeLimit(.minutes(5)))
struct ReminderKillTests {
    private static let userCount = 600
    private static let killCount = 5

    @Test("no device gets a push twice, and each row says what is known of it")
    func killLoop() async throws {
        let clock = SystemWallClock()
        let store = try TestStore(clock: clock, poolSize: 2)
        defer { store.close() }
        let folder = NSTemporaryDirectory() + "circles-reminders-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // logs and a key of ours
        try await insert(store)
        try await FCMServer.run(clock: clock, isTLS: false) { server in
            let keyPath = "\(folder)/key.json"
            try Data(try server.keyFile()).write(to: URL(fileURLWithPath: keyPath))
            let process = CirclesProcess(
                "jobs",
                environment: [
                    "DATABASE_URL": store.databaseURL, "SQL_DIR": TestCluster.sqlDirectory,
                    "SMTP_URL": "smtp://127.0.0.1:1", "CIRCLES_HOME": folder,
                    "MEDIA_API_SECRET": TestAPI.secret, "KAFKA_BROKERS": "embedded",
                    "AUTH_DEV_SECRET": TestAPI.secret,
                    "FCM_SERVICE_ACCOUNT": keyPath, "FCM_URL": server.url,
                ], log: "\(folder)/jobs.log")
            let (messages, continuation) = AsyncStream.makeStream(of: Int.self)
            server.state.withLock { $0.onMessage = { continuation.yield($0) } }
            var arrived = messages.makeAsyncIterator()
            var random = SeededGenerator(seed: 20_261_125)
            for _ in 0..<Self.killCount {
                try process.start()
                // In the middle of a batch: some are answered, some are not.
                for _ in 0..<Int.random(in: 1...40, using: &random) { _ = await arrived.next() }
                process.kill()
            }
            try process.start()
            while try await store.number(
                "select count(*) from pushes where status = 'pending'") > 0
            {
                guard await arrived.next() != nil else { break }
            }
            #expect(process.stop() == 0, "SIGTERM lets it finish what it has claimed")
            try await check(server, store)
        }
    }

    /// What holds whenever it was killed.
    private func check(_ server: FCMServer, _ store: TestStore) async throws {
        let tokens = server.accepted.map(\.token)
        #expect(Set(tokens).count == tokens.count, "at most one push for each device")
        #expect(server.state.withLock { $0.complaints } == [])
        let rows = try await store.text("select 'token-' || uid, status from pushes")
            .split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
        #expect(rows.count == Self.userCount)
        let sent = Set(rows.filter { $0[1] == "sent" }.map { $0[0] })
        #expect(sent.isSubset(of: Set(tokens)), "what is called sent has arrived")
        let doubtful = Set(rows.filter { ["sending", "uncertain"].contains($0[1]) }.map { $0[0] })
        #expect(sent.union(doubtful).count == Self.userCount, "nothing else becomes of them")
        #expect(!doubtful.isEmpty, "the kills hit between sending and writing down")
        #expect(doubtful.count <= Self.killCount * ReminderClaims.batchCountMax)
        #expect(Set(tokens).subtracting(sent).isSubset(of: doubtful))
    }

    /// A circle that starts in five minutes, and many who mean to come.
    private func insert(_ store: TestStore) async throws {
        let circleID = try await store.store.create(
            store.draft(startsNow: false, startAt: store.clock.now().adding(seconds: 300)),
            by: .init(uid: "host")
        ).circle.circleID
        try await store.pool.transaction { connection in
            try connection.query(
                """
                insert into rsvps (circle_id, uid, made_at)
                select \(circleID), 'user-' || number, now() - interval '1 day'
                from generate_series(1, \(Self.userCount)) as number
                """)
            try connection.query(
                """
                insert into push_tokens (uid, device_id, platform, push_token, updated_at)
                select uid, 'phone', 'android', 'token-' || uid, now() from rsvps
                """)
        }
    }
}
