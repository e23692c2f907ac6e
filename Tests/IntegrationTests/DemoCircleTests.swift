import CircleStore
import Database
import Domain
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import TestKit
import Testing
import Tokens

@testable import API
@testable import circles

@Suite("The demo's circle, over HTTP, Kafka and into every table")
struct DemoCircleTests {
    private static let secret = "demo-secret-demo-secret-demo-secret-32"

    /// Lives the demo's circle and waits until it is stored.
    private func live(_ pipeline: Pipeline) async throws {
        let test = pipeline.test
        let keys = APIKeys(pool: test.pool, clock: test.clock)
        try await keys.register("demo-key", name: "demo")
        let tokens = await TokenVerifier(
            configuration: .init(developmentSecret: Self.secret, firebase: nil),
            clock: test.clock, fetch: { _ in throw CancellationError() })
        let mediaTokens = MediaTokens(
            configuration: .init(apiKey: "circles", apiSecret: Self.secret))
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let covers = "\(NSTemporaryDirectory())/circles-covers-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: covers) }  // may not be there yet
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = APIServer.service(
            .init(host: "127.0.0.1", port: 0, sfuURL: "ws://sfu.test"),
            .init(
                pool: test.pool, store: test.store, keys: keys, tokens: tokens,
                mediaTokens: mediaTokens,
                uploads: try await Uploads(
                    .folder(path: covers, secret: Self.secret), now: test.clock.now()),
                clock: test.clock, exposition: { "" }),
            logger: logger, onListening: { listening.yield($0) })
        let group = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                _ = try await SwarmScenario(
                    baseURL: "http://127.0.0.1:\(port)", apiKey: "demo-key",
                    developmentSecret: Self.secret, hostEmail: "host@example.com",
                    speakerCount: 8, listenerCount: 100, name: "demo", say: { _ in }
                ).run()
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try await pipeline.settle()
    }

    @Test("8 speakers and 100 listeners leave exactly these rows")
    func rows() async throws {
        let pipeline = try Pipeline()
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run { try await live(pipeline) }
        let test = pipeline.test

        // Told by the scenario: 100 + 7 guests and the host, one of whom came twice.
        #expect(
            try await test.text(
                """
                select event_type, count(*) from events
                group by event_type order by min(circle_seq)
                """) == """
                    circleCreated|1
                    circleStarted|1
                    memberJoined|109
                    handRaised|10
                    handLowered|10
                    memberPromoted|7
                    memberMuted|2
                    unmuteRequested|1
                    memberKicked|1
                    memberLeft|109
                    memberBanned|1
                    memberDemoted|1
                    circleEnded|1
                    """)
        #expect(
            try await test.text(
                """
                select
                    title, privacy, host_uid, end_reason, peak_listeners, peak_speakers,
                    attendance_count, member_count, hand_raise_count, promotion_count,
                    demotion_count, mute_count, kick_count, ban_count
                from circle_sessions
                """) == "Vinyl night 🎶|public|demo-host|host|100|8|109|108|10|7|1|2|1|1")
        #expect(
            try await test.text(
                """
                select first_role, last_role, leave_reason, was_kicked, hand_raise_count, count(*)
                from attendances
                group by 1, 2, 3, 4, 5
                order by 1, 2, 3, 4, 5
                """) == """
                    host|host|circleEnded|f|0|1
                    listener|listener|circleEnded|f|0|86
                    listener|listener|circleEnded|f|1|4
                    listener|listener|kicked|t|0|1
                    listener|listener|left|f|0|11
                    listener|speaker|circleEnded|f|1|6
                    """)
        #expect(
            try await test.text(
                "select lower_reason, count(*) from hand_raises group by 1 order by 1")
                == "left|2\npromoted|7\nwithdrawn|1")
        #expect(
            try await test.text(
                """
                select
                    (select count(*) from members), (select count(*) from seats),
                    (select count(*) from ingest_gaps), (select count(*) from dead_letters),
                    (select count(*) from events where circle_seq <> source_seq)
                """) == "0|0|0|0|0")
        #expect(try await pipeline.mismatches() == "")
        #expect(try await pipeline.findings() == [])
        withExtendedLifetime(broker) {}
    }
}
