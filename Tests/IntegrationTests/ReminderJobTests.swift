import CircleStore
import Database
import Domain
import Foundation
import Logging
import TestKit
import Testing

@testable import Jobs

@Suite("Reminders, against PostgreSQL and an FCM server", .timeLimit(.minutes(5)))
final class ReminderJobTests: Sendable {
    let clock = ManualClock()
    let store: TestStore
    private let jobsPool: ConnectionPool

    init() throws {
        store = try TestStore(clock: clock, poolSize: 4)
        jobsPool = ConnectionPool(
            url: store.databaseURL, applicationName: "tests", role: .jobs, size: 8)
    }

    deinit {
        store.close()
        jobsPool.close()
    }

    func job(_ sender: any PushSender) -> ReminderJob {
        ReminderJob(
            .init(), pool: jobsPool, sender: sender, clock: clock,
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A circle that starts in a while, with RSVPs of users who have a phone each.
    @discardableResult
    func schedule(
        inSeconds seconds: Int64 = 600, host: String = "host", privacy: Privacy = .public,
        invited: [String] = [], rsvps: [String] = ["ada"], title: String = "Vinyl night"
    ) async throws -> CircleID {
        let circleID = try await store.store.create(
            store.draft(
                host: host, privacy: privacy, invited: invited, startsNow: false,
                startAt: clock.now().adding(seconds: seconds), title: title),
            by: Caller(uid: host)
        ).circle.circleID
        for uid in rsvps {
            try await register(uid)
            _ = try await store.store.makeRSVP(circleID, by: Caller(uid: uid))
        }
        return circleID
    }

    func register(_ uid: String, device: String = "phone", token: String? = nil) async throws {
        try await store.store.registerDevice(
            PushDevice(
                deviceID: device, platform: .ios, pushToken: token ?? "token-\(uid)-\(device)"),
            by: Caller(uid: uid))
    }

    func move(_ circleID: CircleID, bySeconds seconds: Int64) async throws {
        var patch = CirclePatch()
        patch.startAt = try await startAt(circleID).adding(seconds: seconds)
        _ = try await store.store.update(circleID, patch, by: Caller(uid: "host"))
    }

    private func startAt(_ circleID: CircleID) async throws -> Timestamp {
        try await store.pool.withConnection {
            try $0.query("select start_at from circles where circle_id = \(circleID)")[0].get(0)
        }
    }

    /// `uid|device|status|reason|attempts`, in order.
    func rows() async throws -> [String] {
        try await store.text(
            """
            select uid, device_id, status, reason, attempt_count from pushes
            order by uid, device_id, start_at
            """
        ).split(separator: "\n").map(String.init)
    }

    @discardableResult
    func run(_ job: ReminderJob) async throws -> Int {
        try await job.run(at: clock.now()).count
    }

    // MARK: When

    @Test("each device of each RSVP gets one push, ten minutes before the start and not sooner")
    func remindsOnce() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let circleID = try await schedule(inSeconds: 601, rsvps: ["ada", "bob"])
            try await register("ada", device: "tablet")
            try await register("eve")
            let job = job(try server.client())
            #expect(try await run(job) == 0)
            clock.advance(seconds: 1)
            #expect(try await run(job) == 3)
            #expect(try await run(job) == 0)
            clock.advance(seconds: 300)
            #expect(try await run(job) == 0)
            #expect(
                Set(server.accepted.map(\.token)) == [
                    "token-ada-phone", "token-ada-tablet", "token-bob-phone",
                ])
            #expect(server.accepted.count == 3)
            for push in server.accepted {
                #expect(push.title == "Vinyl night" && push.body == "Starts in 10 minutes")
                #expect(push.circleID == "\(circleID)" && push.isHTTP2)
            }
            #expect(server.state.withLock { $0.complaints } == [])
            #expect(
                try await rows() == [
                    "ada|phone|sent|∅|1", "ada|tablet|sent|∅|1", "bob|phone|sent|∅|1",
                ])
            #expect(
                try await store.number(
                    "select count(*) from pushes where message_name like 'projects/mixer-1/%'")
                    == 3)
        }
    }

    @Test("an RSVP of the last ten minutes is reminded at once, with the minutes that are left")
    func remindsLateComers() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let circleID = try await schedule()
            let job = job(try server.client())
            try await run(job)
            clock.advance(seconds: 420)
            try await register("bob")
            _ = try await store.store.makeRSVP(circleID, by: Caller(uid: "bob"))
            clock.advance(seconds: 2)
            #expect(try await run(job) == 1)
            #expect(try await run(job) == 0)
            #expect(server.accepted.map(\.body) == ["Starts in 10 minutes", "Starts in 3 minutes"])
        }
    }

    @Test("jobs that were down remind until five minutes after the start, and are silent then")
    func remindsAfterAnOutage() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            try await schedule(inSeconds: 100, rsvps: ["ada"])
            try await schedule(inSeconds: 30, host: "other", rsvps: ["bob"])
            try await run(job)
            #expect(server.accepted.count == 2)
            try await schedule(inSeconds: 300, rsvps: ["cy"])
            clock.advance(seconds: 600)
            #expect(try await run(job) == 1)
            #expect(server.accepted.last?.body == "Is about to start")
            try await schedule(inSeconds: 300, rsvps: ["dan"])
            clock.advance(seconds: 601)
            #expect(try await run(job) == 0)
            #expect(server.accepted.count == 3)
        }
    }

    @Test("a row that comes too late to be sent says so")
    func skipsLateRows() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            try await schedule()
            let throttle = FCMServer.Behaviour.answer(
                429, body: FCMServer.error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
                headers: ["retry-after": "60"])
            try await schedule(host: "other", rsvps: (0..<40).map { "u\($0)" })
            server.state.withLock { $0.standing = throttle }
            try await run(job)
            server.state.withLock { $0.standing = .accept }
            clock.advance(seconds: 901)
            #expect(try await run(job) == 0)
            let reasons = Set(
                try await rows().map { $0.split(separator: "|").suffix(3).joined(separator: "|") })
            #expect(reasons == ["skipped|retriedUntilStart|1", "skipped|tooLate|0"])
            #expect(server.accepted.isEmpty)
        }
    }

    // MARK: Changes

    @Test("a circle that is moved is reminded of its new time, if the old one was not just told")
    func followsTheStart() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            // Not sent yet: it moves along.
            let circleID = try await schedule(inSeconds: 700)
            try await move(circleID, bySeconds: 600)
            clock.advance(seconds: 100)
            #expect(try await run(job) == 0)
            clock.advance(seconds: 600)
            #expect(try await run(job) == 1)
            // Sent, and moved by less than ten minutes: they know.
            clock.advance(seconds: 60)
            try await move(circleID, bySeconds: 30)
            #expect(try await run(job) == 0)
            // And further, so that it is ten minutes since what they were told.
            try await move(circleID, bySeconds: 570)
            clock.advance(seconds: 539)
            #expect(try await run(job) == 0)
            clock.advance(seconds: 1)
            #expect(try await run(job) == 1)
            // Back to what they were told first: told is told.
            try await move(circleID, bySeconds: -600)
            #expect(try await run(job) == 0)
            #expect(server.accepted.count == 2)
            let rows = try await rows()
            #expect(
                rows == [
                    "ada|phone|sent|∅|1", "ada|phone|skipped|alreadyReminded|0",
                    "ada|phone|sent|∅|1",
                ])
        }
    }

    @Test("moved away before it was sent and back again, it is sent")
    func followsTheStartBack() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            let circleID = try await schedule()
            let busy = FCMServer.Behaviour.answer(
                503, body: FCMServer.error(503, "UNAVAILABLE", "UNAVAILABLE"))
            server.state.withLock { $0.standing = busy }
            #expect(try await run(job) == 0)
            try await move(circleID, bySeconds: 3600)
            server.state.withLock { $0.standing = .accept }
            clock.advance(seconds: 30)
            #expect(try await run(job) == 0)
            #expect(try await rows() == ["ada|phone|skipped|rescheduled|1"])
            try await move(circleID, bySeconds: -3600)
            #expect(try await run(job) == 1)
            #expect(try await rows() == ["ada|phone|sent|∅|2"])
        }
    }

    @Test("who withdraws is not reminded; who comes back is")
    func followsWithdrawals() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            let circleID = try await schedule(rsvps: ["ada", "bob"])
            try await store.store.withdrawRSVP(circleID, by: Caller(uid: "bob"))
            let busy = FCMServer.Behaviour.answer(
                503, body: FCMServer.error(503, "UNAVAILABLE", "UNAVAILABLE"))
            server.state.withLock { $0.standing = busy }
            try await run(job)
            server.state.withLock { $0.standing = .accept }
            try await store.store.withdrawRSVP(circleID, by: Caller(uid: "ada"))
            clock.advance(seconds: 30)
            #expect(try await run(job) == 0)
            #expect(try await rows() == ["ada|phone|skipped|rsvpWithdrawn|1"])
            clock.advance(seconds: 60)
            for uid in ["ada", "bob"] {
                _ = try await store.store.makeRSVP(circleID, by: Caller(uid: uid))
            }
            #expect(try await run(job) == 2)
            #expect(
                Set(server.accepted.map(\.token)) == ["token-ada-phone", "token-bob-phone"])
        }
    }

    @Test("a circle that is over reminds nobody, one that is live says so, but not to those inside")
    func followsTheCircle() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            let over = try await schedule(rsvps: ["ada"])
            _ = try await store.store.end(over, by: Caller(uid: "host"))
            let live = try await schedule(host: "other", rsvps: ["bob", "cy"], title: "Early")
            _ = try await store.store.start(live, by: Caller(uid: "other"))
            _ = try await store.store.join(live, by: Caller(uid: "cy"))
            #expect(try await run(job) == 1)
            #expect(server.accepted.map(\.token) == ["token-bob-phone"])
            #expect(server.accepted.map(\.body) == ["Is live now"])
            #expect(
                try await rows() == ["bob|phone|sent|∅|1", "cy|phone|skipped|alreadyInside|0"])
        }
    }

    @Test("whoever may not enter any more learns nothing, least of all a secret title")
    func keepsSecrets() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            let job = job(try server.client())
            let secret = try await schedule(
                inSeconds: 700, privacy: .secret, invited: ["ada", "bob"], rsvps: ["ada", "bob"],
                title: "Plan B")
            let closed = try await schedule(
                inSeconds: 700, host: "other", privacy: .private, invited: ["cy"], rsvps: ["cy"])
            let open = try await schedule(inSeconds: 700, host: "third", rsvps: ["dan", "eve"])
            var patch = CirclePatch()
            patch.invitedUIDs = ["bob"]
            _ = try await store.store.update(secret, patch, by: Caller(uid: "host"))
            patch.invitedUIDs = []
            _ = try await store.store.update(closed, patch, by: Caller(uid: "other"))
            let now = clock.now()
            try await store.pool.withConnection {
                _ = try $0.query(
                    """
                    insert into bans (circle_id, uid, actor_uid, reason, banned_at)
                    values (\(open), 'eve', 'third', 'spam', \(now))
                    """)
            }
            clock.advance(seconds: 100)
            #expect(try await run(job) == 2)
            #expect(
                Set(server.accepted.map { "\($0.token) \($0.title)" }) == [
                    "token-bob-phone Plan B", "token-dan-phone Vinyl night",
                ])
            #expect(
                try await rows() == [
                    "ada|phone|skipped|notInvited|0", "bob|phone|sent|∅|1",
                    "cy|phone|skipped|notInvited|0", "dan|phone|sent|∅|1",
                    "eve|phone|skipped|banned|0",
                ])
        }
    }

    @Test("titles cannot disguise themselves on a lock screen")
    func cleansTitles() async throws {
        try await FCMServer.run(clock: clock) { [self] server in
            try await schedule(title: "\u{202E}evil\u{202C} <b>&\u{2066} 👨‍👩‍👧‍👦")
            try await run(job(try server.client()))
            #expect(server.accepted.map(\.title) == ["evil <b>& 👨‍👩‍👧‍👦"])
        }
    }
}
