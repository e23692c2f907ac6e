import Database
import Domain
import Foundation
import Logging
import TestKit
import Testing

@testable import Jobs

@Suite("Mails and pages of a process that is killed (kill -9)", .timeLimit(.minutes(5)))
struct JobKillTests {
    private static let mailCount = 30
    private static let pageCount = 20
    private static let killCount = 3

    private let clock = SystemWallClock()

    @Test("no host gets a mail twice, no incident is told twice where repeats would be seen")
    func killLoop() async throws {
        let store = try TestStore(clock: clock, poolSize: 2)
        defer { store.close() }
        let folder = NSTemporaryDirectory() + "circles-jobs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // a log of ours
        try await endCircles(store)
        try await loseNodes(store)
        let mail = try await SMTPServers()
        try await AlertServer.run(delay: .milliseconds(100)) { pages in
            let process = CirclesProcess(
                "jobs",
                environment: [
                    "DATABASE_URL": store.databaseURL, "SQL_DIR": TestCluster.sqlDirectory,
                    "SMTP_URL": try mail.url("slow"), "CIRCLES_HOME": folder,
                    "MEDIA_API_SECRET": TestAPI.secret, "KAFKA_BROKERS": "embedded",
                    "AUTH_DEV_SECRET": TestAPI.secret,
                    "PAGERDUTY_ROUTING_KEY": String(repeating: "k", count: 32),
                    "PAGERDUTY_URL": pages.url, "ALERT_WEBHOOK_URL": pages.url + "/chat",
                ], log: "\(folder)/jobs.log")
            for _ in 0..<Self.killCount {
                let before = mail.messages("slow").count
                try process.start()
                while mail.messages("slow").count < before + 3 {
                    try await Task.sleep(for: .milliseconds(20))  // a file has no signal
                }
                process.kill()
                try await age(store)
            }
            try process.start()
            while try await waiting(store) > 0 { try await Task.sleep(for: .milliseconds(50)) }
            #expect(process.stop() == 0, "SIGTERM lets it finish what it has claimed")
            try await checkMails(mail, store)
            try await checkPages(pages, store)
        }
    }

    private func waiting(_ store: TestStore) async throws -> Int {
        try await store.number(
            """
            select
                (
                    select count(*) filter (where status in ('pending', 'sending'))
                        + \(Int64(Self.mailCount)) - count(*)
                    from notifications
                )
                + (
                    select count(*)
                    from alert_deliveries
                    where receiver in ('pagerduty', 'webhook') and status in ('pending', 'sending')
                )
            """)
    }

    /// Lets the time pass after which claims of the dead are taken up.
    private func age(_ store: TestStore) async throws {
        try await store.pool.withConnection { connection in
            try connection.script(
                """
                update notifications set updated_at = updated_at - interval '10 minutes'
                where status = 'sending';
                update alert_deliveries set updated_at = updated_at - interval '10 minutes'
                where status = 'sending'
                """)
        }
    }

    /// At most once: what was in the air when the process died is uncertain and stays so.
    private func checkMails(_ server: SMTPServers, _ store: TestStore) async throws {
        let taken = server.messages("slow").map(\.id)
        #expect(Set(taken).count == taken.count, "at most one mail for each circle")
        let rows = try await rows(
            store, "select '<' || message_id || '>', status from notifications")
        #expect(rows.count == Self.mailCount)
        let sent = Set(rows.filter { $0.status == "sent" }.map(\.key))
        let doubtful = Set(rows.filter { $0.status == "uncertain" }.map(\.key))
        #expect(sent.isSubset(of: Set(taken)), "what is called sent has arrived")
        #expect(sent.count + doubtful.count == Self.mailCount, "nothing else becomes of them")
        #expect((1...Self.killCount).contains(doubtful.count))
        #expect(Set(taken).subtracting(sent).isSubset(of: doubtful))
    }

    /// PagerDuty: at least once, with a key that makes repeats one incident. A chat: at most once.
    private func checkPages(_ server: AlertServer, _ store: TestStore) async throws {
        let nodes = Set((1...Self.pageCount).map { "sfu-\($0)" })
        let events = server.bodies("/v2/enqueue").filter { event in
            (event["payload"] as? [String: Any])?["class"] as? String == "nodeLost"
        }
        #expect(events.allSatisfy { $0["event_action"] as? String == "trigger" })
        let keys = Set(events.compactMap { $0["dedup_key"] as? String })
        #expect(keys.count == Self.pageCount, "every incident has arrived, under one key each")
        let told = server.bodies("/chat").compactMap { $0["text"] as? String }.compactMap { text in
            nodes.first { text.contains("\($0) ") }
        }
        #expect(Set(told).count == told.count, "nothing is said twice in a chat")
        let rows = try await rows(
            store,
            """
            select receiver || ' ' || subject, status
            from alert_deliveries
            join alerts using (alert_id)
            where rule = 'nodeLost' and receiver in ('pagerduty', 'webhook')
            """)
        #expect(rows.count == 2 * Self.pageCount)
        let pagerDuty = rows.filter { $0.key.hasPrefix("pagerduty ") }
        #expect(pagerDuty.allSatisfy { $0.status == "sent" })
        let sent = Set(
            rows.filter { $0.key.hasPrefix("webhook ") && $0.status == "sent" }
                .map { String($0.key.dropFirst("webhook ".count)) })
        #expect(sent.isSubset(of: Set(told)), "what is called sent has arrived")
        let doubtful = rows.count { $0.key.hasPrefix("webhook ") && $0.status == "uncertain" }
        #expect(sent.count + doubtful == Self.pageCount && doubtful <= Self.killCount)
    }

    private func rows(
        _ store: TestStore, _ query: SQL
    ) async throws -> [(key: String, status: String)] {
        try await store.text(query).split(separator: "\n").map { line in
            let fields = line.split(separator: "|").map(String.init)
            return (fields[0], fields[1])
        }
    }

    /// Circles that ended a minute ago.
    private func endCircles(_ store: TestStore) async throws {
        let now = clock.now()
        for number in 0..<Self.mailCount {
            try await store.insertSession(
                CircleID(now: now), hostUID: "host-\(number)", email: "host-\(number)@example.org",
                startedAt: now.adding(seconds: -3600), endedAt: now.adding(seconds: -60))
        }
    }

    /// Nodes that fell silent, and their incidents.
    private func loseNodes(_ store: TestStore) async throws {
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into sfu_nodes (node_id, url, epoch, started_at, heartbeat_at)
                select
                    'sfu-' || number, 'http://sfu', 1, now() - interval '2 hours',
                    now() - interval '1 hour'
                from generate_series(1, \(Int64(Self.pageCount))) as number
                """)
        }
        let job = AlertJob(
            pool: store.pool, receivers: ["pagerduty", "webhook"],
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
        let now = clock.now()
        for ago in stride(from: Int64(120), through: 0, by: -5) {
            _ = try await job.run(at: now.adding(seconds: -ago))
        }
        let rows = try await store.number("select count(*) from alert_deliveries")
        #expect(rows == 2 * Self.pageCount)
    }
}
