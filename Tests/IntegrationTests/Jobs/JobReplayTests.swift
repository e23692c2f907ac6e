import BlockingThread
import CircleStore
import Database
import Domain
import Embedded
import Foundation
import Ingest
import Logging
import TestKit
import Testing

@testable import Jobs

@Suite("A replay tells nobody", .timeLimit(.minutes(5)))
struct JobReplayTests {
    private static let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    /// All jobs that send something, and what they have sent.
    private struct Site: Sendable {
        let test: TestStore
        let pool: ConnectionPool
        let mailbox: EmbeddedMailbox
        let pushLog: String

        /// Runs each job once, as the scheduler does.
        func runJobs() async throws {
            let (url, clock) = (test.databaseURL, test.clock)
            _ = try await ReminderJob(
                .init(), pool: pool,
                sender: PushLog(path: pushLog, clock: clock, logger: quiet), clock: clock,
                logger: quiet
            ).run(at: clock.now())
            _ = try await AlertJob(pool: pool, receivers: ["log"], logger: quiet)
                .run(at: clock.now())
            _ = try await AlertDeliveryJob(
                pool: pool, receiver: LogReceiver(logger: quiet), runbookURL: "", clock: clock,
                logger: quiet
            ).run(at: clock.now())
            let smtpURL = mailbox.url
            _ = try await BlockingThread.run(name: "jobs") {
                let job = try SummaryJob(
                    client: SMTPClient(configuration: .init(url: smtpURL, requiresTLS: false)),
                    sender: "circles@example.org", clock: clock, logger: quiet)
                return try job.runOnce(Connection(url: url, applicationName: "tests"))
            }
        }

        /// Pushes, mails and pages so far: by those who got them, and by the tables.
        func told() async throws -> String {
            let pushes = (try? String(contentsOfFile: pushLog, encoding: .utf8)) ?? ""
            let rows = try await test.text(
                """
                select
                    (select count(*) from pushes where status = 'sent'),
                    (select count(*) from notifications where status = 'sent'),
                    (select count(*) from alert_deliveries where status = 'sent'),
                    (select count(*) from alerts)
                """)
            return "\(pushes.split(separator: "\n").count) pushes, "
                + "\(mailbox.messages().count) mails; \(rows)"
        }
    }

    @Test("what was pushed, mailed and paged once is not told again after a replay and its swap")
    func replaySendsNothing() async throws {
        let home = NSTemporaryDirectory() + "/circles-replay-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }  // what stays is in /tmp
        let mailbox = try await BlockingThread.run(name: "mailbox") {
            try EmbeddedMailbox(home: home)
        }
        defer { mailbox.stop() }
        let pipeline = try Pipeline()
        let test = pipeline.test
        defer { test.close() }
        let pool = ConnectionPool(
            url: test.databaseURL, applicationName: "tests", role: .jobs, size: 2)
        defer { pool.close() }
        let site = Site(
            test: test, pool: pool, mailbox: mailbox, pushLog: home + "/pushes.jsonl")
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            let circleID = try await test.makeCircle(host: "ada", email: "ada@example.org")
            _ = try await test.store.join(circleID, by: Caller(uid: "bob"))
            _ = try await test.store.end(circleID, by: Caller(uid: "ada"))
            let soon = try await test.store.create(
                test.draft(
                    host: "ada", startsNow: false, startAt: test.clock.now().adding(seconds: 300)),
                by: Caller(uid: "ada")
            ).circle.circleID
            try await test.store.registerDevice(
                PushDevice(deviceID: "phone", platform: .ios, pushToken: "token"),
                by: Caller(uid: "bob"))
            _ = try await test.store.makeRSVP(soon, by: Caller(uid: "bob"))
            try await pipeline.settle()
        }
        let now = test.clock.now()
        try await test.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into dead_letters
                values ('circles.events.v1', 0, 0, 1, 'malformed', null, '', \(now))
                """)
        }
        for _ in 0..<2 { try await site.runJobs() }
        let before = try await site.told()
        #expect(before == "1 pushes, 1 mails; 1|1|1|1")

        let (url, clock) = (test.databaseURL, test.clock)
        try await BlockingThread.run(name: "replay") {
            let replay = Replay(databaseURL: url, clock: clock)
            _ = try replay.run(from: .history)
            try replay.swap()
        }
        for _ in 0..<2 { try await site.runJobs() }
        let after = try await site.told()
        #expect(after == before)
        withExtendedLifetime(broker) {}
    }
}
