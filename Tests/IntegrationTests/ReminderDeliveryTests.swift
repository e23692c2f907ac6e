import CircleStore
import Database
import Domain
import Foundation
import Logging
import TestKit
import Testing

@testable import Jobs

extension ReminderJobTests {
    @Test("each error of FCM leaves the row, the token and the next attempt as it should")
    func settlesErrors() async throws {
        struct Case {
            let status: Int
            let rpc: String
            let code: String
            let row: String
            let isTokenKept: Bool
        }
        let cases = [
            Case(
                status: 404, rpc: "NOT_FOUND", code: "UNREGISTERED",
                row: "failed|404 UNREGISTERED|1", isTokenKept: false),
            Case(
                status: 403, rpc: "PERMISSION_DENIED", code: "SENDER_ID_MISMATCH",
                row: "failed|403 SENDER_ID_MISMATCH|1", isTokenKept: false),
            Case(
                status: 400, rpc: "INVALID_ARGUMENT", code: "INVALID_ARGUMENT",
                row: "failed|400 INVALID_ARGUMENT|1", isTokenKept: true),
            Case(
                status: 401, rpc: "UNAUTHENTICATED", code: "THIRD_PARTY_AUTH_ERROR",
                row: "failed|401 THIRD_PARTY_AUTH_ERROR|1", isTokenKept: true),
            Case(
                status: 502, rpc: "", code: "", row: "uncertain|502 in no form of FCM's|1",
                isTokenKept: true),
            Case(
                status: 500, rpc: "INTERNAL", code: "INTERNAL", row: "sent|∅|2", isTokenKept: true),
            Case(
                status: 503, rpc: "UNAVAILABLE", code: "UNAVAILABLE", row: "sent|∅|2",
                isTokenKept: true),
        ]
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            for (number, one) in cases.enumerated() {
                let uid = "user-\(number)"
                try await schedule(host: "host-\(number)", rsvps: [uid])
                let body =
                    one.code.isEmpty ? "<html>" : FCMServer.error(one.status, one.rpc, one.code)
                server.state.withLock { $0.script = [.answer(one.status, body: body)] }
                #expect(try await run(job) == 0)
                clock.advance(seconds: 9)
                #expect(try await run(job) == 0, "\(one.code) waits 10 s at least")
                clock.advance(seconds: 6)
                try await run(job)
                let row = try await store.text(
                    "select status, reason, attempt_count from pushes where uid = \(uid)")
                #expect(row == one.row)
                let tokens = try await store.number(
                    "select count(*) from push_tokens where uid = \(uid)")
                #expect(tokens == (one.isTokenKept ? 1 : 0), "\(one.code)")
            }
            #expect(server.accepted.count == 2)
        }
    }

    @Test("a token that was registered again meanwhile is not forgotten")
    func keepsNewTokens() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            try await schedule()
            // Registered again, with the same token, before FCM answers.
            let gone = FCMServer.error(404, "NOT_FOUND", "UNREGISTERED")
            let sender = Interposed(inner: try server.client()) { [self] in
                clock.advance(seconds: 1)
                try? await register("ada")
            }
            server.state.withLock { $0.script = [.answer(404, body: gone)] }
            try await run(job(sender))
            #expect(try await rows() == ["ada|phone|failed|404 UNREGISTERED|1"])
            #expect(try await store.number("select count(*) from push_tokens") == 1)
        }
    }

    @Test("a quota rests everything for as long as FCM says, and costs the others no attempt")
    func restsForQuota() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            try await schedule(rsvps: (0..<100).map { "user-\($0)" })
            let refusal = FCMServer.Behaviour.answer(
                429, body: FCMServer.error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
                headers: ["retry-after": "90"])
            server.state.withLock { $0.standing = refusal }
            #expect(try await run(job) == 0)
            // Those that were under way, and not one after them.
            let asked = server.state.withLock { $0.requestCount }
            #expect((1...ReminderJob.concurrencyMax).contains(asked))
            #expect(
                try await store.number("select count(*) from pushes where attempt_count > 0")
                    == asked)
            #expect(
                try await store.number("select count(*) from pushes where status = 'pending'")
                    == 100)
            clock.advance(seconds: 89)
            #expect(try await run(job) == 0)
            #expect(server.state.withLock { $0.requestCount } == asked)
            server.state.withLock { $0.standing = .accept }
            clock.advance(seconds: 1)
            #expect(try await run(job) == 100)
            #expect(Set(server.accepted.map(\.token)).count == 100)
        }
    }

    @Test("without Retry-After a quota rests a minute at least; nothing is tried behind the start")
    func restsAtLeastAMinute() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            let refusal = FCMServer.Behaviour.answer(
                429, body: FCMServer.error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"))
            server.state.withLock { $0.standing = refusal }
            try await schedule(inSeconds: 600, rsvps: ["ada"])
            try await run(job)
            let waits = try await store.number(
                """
                select (extract(epoch from next_attempt_at - \(clock.now())))::int8 from pushes
                """)
            #expect((60...90).contains(waits))
            clock.advance(seconds: 91)
            try await schedule(inSeconds: 59, host: "other", rsvps: ["bob"])
            try await run(job)
            #expect(
                try await rows().contains(
                    "bob|phone|failed|429 QUOTA_EXCEEDED; no time for another attempt|1"))
            #expect(server.accepted.isEmpty)
        }
    }

    @Test("two jobs at once send 150 reminders once each")
    func sharesWork() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            try await schedule(rsvps: (0..<150).map { "user-\($0)" })
            let jobs = [job(try server.client()), job(try server.client())]
            let count = try await withThrowingTaskGroup(of: Int.self) { group in
                for job in jobs {
                    group.addTask { [self] in
                        var count = 0
                        // Rows that the other one makes may come after a first look.
                        for _ in 0..<5 { count += try await run(job) }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(count == 150)
            #expect(server.accepted.count == 150)
            #expect(Set(server.accepted.map(\.token)).count == 150)
        }
    }

    @Test("a push whose sender died is of unknown fate and not sent again")
    func givesUpOrphans() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            try await schedule(rsvps: ["ada", "bob"])
            server.state.withLock { $0.standing = .answer(503, body: FCMServer.error(503, "U")) }
            try await run(job)
            server.state.withLock { $0.standing = .accept }
            // As a process leaves it that is killed between sending and writing down.
            let now = clock.now()
            try await store.pool.withConnection {
                _ = try $0.query(
                    "update pushes set status = 'sending', updated_at = \(now) where uid = 'ada'")
            }
            clock.advance(seconds: 299)
            #expect(try await run(job) == 1)
            #expect(server.accepted.map(\.token) == ["token-bob-phone"])
            clock.advance(seconds: 2)
            try await run(job)
            clock.advance(seconds: 200)
            try await run(job)
            #expect(server.accepted.count == 1)
            #expect(
                try await store.text("select status from pushes where uid = 'ada'") == "uncertain")
        }
    }

    @Test("a replay of the events sends nothing: reminders hang on commands' tables, not on folds")
    func survivesReplay() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            try await schedule()
            #expect(try await run(job) == 1)
            // What `circles replay` rebuilds, from nothing.
            try await store.pool.withConnection {
                try $0.script(
                    """
                    truncate circle_sessions, members, hand_raises, attendances, ingest_cursors,
                        ingest_gaps
                    """)
            }
            #expect(try await run(job) == 0)
            // And without a trace of the circle in them the next one is reminded of as well.
            try await schedule(host: "other", rsvps: ["bob"])
            #expect(try await run(job) == 1)
            #expect(server.accepted.count == 2)
        }
    }

    @Test("without Firebase the pushes are in a file that only we may read")
    func writesToFile() async throws {
        let folder = NSTemporaryDirectory() + "circles-pushes-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }  // what stays is in /tmp
        let log = PushLog(
            path: "\(folder)/home/pushes.jsonl", clock: clock,
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
        let circleID = try await schedule(rsvps: ["ada", "bob"], title: "Line\nbreak \"quoted\"")
        #expect(try await run(job(log)) == 2)
        let text = try String(contentsOfFile: log.path, encoding: .utf8)
        let lines = try text.split(separator: "\n").map { line in
            try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        }
        #expect(Set(lines.compactMap { $0["uid"] }) == ["ada", "bob"])
        for line in lines {
            #expect(line["title"] == "Line break \"quoted\"")
            #expect(line["body"] == "Starts in 10 minutes" && line["deviceId"] == "phone")
            #expect(line["deepLink"] == "mixercloud://circles/\(circleID)")
        }
        let mode = try FileManager.default.attributesOfItem(atPath: log.path)[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
    }
}

/// A sender with something that happens before it sends.
private struct Interposed: PushSender {
    let inner: any PushSender
    let before: @Sendable () async -> Void

    func send(_ push: Push, to target: PushTarget) async -> PushOutcome {
        await before()
        return await inner.send(push, to: target)
    }
}
