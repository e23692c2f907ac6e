import CircleStore
import Database
import Domain
import Foundation
import Logging
import TestKit
import Testing

@testable import Jobs

@Suite("Incidents and those who are told of them")
struct AlertDeliveryTests {
    private let clock = ManualClock()

    /// A node that fell silent is the incident: it opens by its heartbeat's age.
    private func withSite(
        _ body: (Site) async throws -> Void
    ) async throws {
        let store = try TestStore(clock: clock)
        let pool = ConnectionPool(
            url: store.databaseURL, applicationName: "alerts", role: .jobs, size: 2)
        try await AlertServer.run { server in
            try await body(Site(store: store, pool: pool, server: server, clock: clock))
        }
        pool.close()
        store.close()
    }

    private struct Site {
        let store: TestStore
        let pool: ConnectionPool
        let server: AlertServer
        let clock: ManualClock
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

        func heartbeat() async throws {
            let now = clock.now()
            try await store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    insert into sfu_nodes (node_id, url, epoch, started_at, heartbeat_at)
                    values ('sfu-1', 'http://sfu-1', 1, \(now), \(now))
                    on conflict (node_id) do update set heartbeat_at = \(now)
                    """)
            }
        }

        func evaluate() async throws {
            _ = try await AlertJob(
                pool: pool, receivers: ["pagerduty", "webhook"], rulesOff: [], logger: logger
            ).run(at: clock.now())
        }

        func deliver() async throws {
            let receivers: [any AlertReceiver] = [
                PagerDutyReceiver(
                    url: server.url, routingKey: String(repeating: "k", count: 32)),
                ChatReceiver(url: server.url + "/chat"),
            ]
            for receiver in receivers {
                _ = try await AlertDeliveryJob(
                    pool: pool, receiver: receiver, runbookURL: "https://runbook.example",
                    clock: clock, logger: logger
                ).run(at: clock.now())
            }
        }

        /// Evaluates each five seconds, as the job does.
        func pass(seconds: Int64, beating: Bool = false) async throws {
            for _ in 0..<seconds / 5 {
                clock.advance(seconds: 5)
                if beating { try await heartbeat() }
                try await evaluate()
            }
        }

        func rows() async throws -> String {
            try await store.text(
                """
                select receiver || ' ' || action || ' ' || status
                from alert_deliveries
                order by receiver, delivery_id
                """)
        }
    }

    @Test("one incident is one page and one resolve to each receiver, in their own protocols")
    func tellsOnce() async throws {
        try await withSite { site in
            try await site.heartbeat()
            try await site.evaluate()
            #expect(try await site.rows() == "")
            try await site.pass(seconds: 120)
            try await site.deliver()
            // Another process, and the same evaluation again.
            try await site.evaluate()
            try await site.deliver()
            try await site.pass(seconds: 90, beating: true)
            try await site.deliver()
            try await site.deliver()
            let rows = try await site.rows()
            #expect(
                rows == """
                    pagerduty trigger sent
                    pagerduty resolve sent
                    webhook trigger sent
                    webhook resolve sent
                    """)
            let events = site.server.bodies("/v2/enqueue")
            #expect(events.map { $0["event_action"] as? String } == ["trigger", "resolve"])
            #expect(Set(events.map { $0["dedup_key"] as? String }).count == 1)
            let payload = events.first?["payload"] as? [String: Any]
            #expect(payload?["severity"] as? String == "critical")
            #expect(payload?["class"] as? String == "nodeLost")
            #expect((payload?["summary"] as? String)?.contains("sfu-1") == true)
            #expect(payload?["custom_details"] is [String: String])
            #expect(events.first?["routing_key"] as? String == String(repeating: "k", count: 32))
            let texts = site.server.bodies("/chat").map { $0["text"] as? String ?? "" }
            #expect(texts.count == 2)
            #expect(texts.first?.contains("sfu-1") == true)
            #expect(texts.last?.contains("resolved") == true)
        }
    }

    @Test(
        "a receiver that is not well is tried again and stops nobody else; what may have been posted in a chat is not repeated"
    )
    func retries() async throws {
        try await withSite { site in
            site.server.answers.withLock { $0 = ["/v2/enqueue": [500, 429], "/chat": [500]] }
            try await site.heartbeat()
            try await site.pass(seconds: 120)
            try await site.deliver()
            let first = try await site.rows()
            #expect(first == "pagerduty trigger pending\nwebhook trigger uncertain")
            for _ in 0..<4 {
                clock.advance(seconds: 10)
                try await site.deliver()
            }
            let last = try await site.rows()
            #expect(last == "pagerduty trigger sent\nwebhook trigger uncertain")
            #expect(site.server.bodies("/v2/enqueue").count == 3)
            #expect(site.server.bodies("/chat").count == 1)
        }
    }

    @Test("what is refused or sent elsewhere is final, and recorded")
    func givesUp() async throws {
        try await withSite { site in
            site.server.answers.withLock { $0 = ["/v2/enqueue": [400], "/chat": [302]] }
            try await site.heartbeat()
            try await site.pass(seconds: 120)
            for _ in 0..<5 {
                try await site.deliver()
                clock.advance(seconds: 400)
            }
            let rows = try await site.rows()
            #expect(rows == "pagerduty trigger failed\nwebhook trigger failed")
            #expect(site.server.bodies("/v2/enqueue").count == 1)
            let errors = try await site.store.text("select last_error from alert_deliveries")
            #expect(errors.contains("400") && errors.contains("redirect"))
        }
    }

    @Test("an incident that was over before anybody could be told pages nobody")
    func skips() async throws {
        try await withSite { site in
            try await site.heartbeat()
            try await site.pass(seconds: 120)
            try await site.pass(seconds: 90, beating: true)
            try await site.deliver()
            try await site.deliver()
            #expect(site.server.bodies("/v2/enqueue").isEmpty)
            #expect(site.server.bodies("/chat").isEmpty)
        }
    }

    @Test("a page whose sender died is repeated where repeats are known by key, and only there")
    func recovers() async throws {
        try await withSite { site in
            try await site.heartbeat()
            try await site.pass(seconds: 120)
            let now = clock.now()
            try await site.store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    update alert_deliveries
                    set status = 'sending', attempt_count = 1, updated_at = \(now)
                    """)
            }
            clock.advance(seconds: 61)
            try await site.deliver()
            let rows = try await site.rows()
            #expect(rows == "pagerduty trigger sent\nwebhook trigger uncertain")
            #expect(site.server.bodies("/chat").isEmpty)
        }
    }
}
