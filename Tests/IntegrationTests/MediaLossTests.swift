import CircleStore
import Datagram
import Domain
import Foundation
import Testing

extension MediaTests {
    @Suite("Loss between a real client and PostgreSQL")
    struct LossTests {
        private static let bad = ImpairedLink.Settings(
            lossProbability: 0.05, delayMicroseconds: 5000, jitterMicrosecondsMax: 30_000,
            reorderProbability: 0.02)
        private static let seconds = 20

        @Test(
            "5 % loss, 30 ms jitter and reordering, each direction apart: what PostgreSQL says is what the relay dropped, within half a point",
            .timeLimit(.minutes(4)))
        func loss() async throws {
            try await MediaStack.runWithNode { stack, node in
                async let uplink: Void = Self.uplink(stack, node)
                async let downlink: Void = Self.downlink(stack, node)
                _ = try await (uplink, downlink)
                await Self.expectSame(stack)
            }
        }

        /// Chromium speaks over a bad uplink; who listens has a good one.
        private static func uplink(_ stack: MediaStack, _ node: MediaStackNode) async throws {
            let circleID = try await stack.test.makeCircle(host: "up-host")
            let host = try await stack.ticket("up-host", in: circleID)
            let fan = try await stack.ticket("up-fan", in: circleID)
            let relay = try await makeRelay(
                node, host, toUpstream: bad, toClients: .clean, seed: 11)
            let speaker = try node.client(
                .chromium, .whip, host,
                [
                    "--tone", "660", "--source", "oscillator", "--candidate",
                    "127.0.0.1:\(relay.port)",
                ]
            )
            let listener = try node.client(.aiortc, .whep, fan, [])
            try await listener.waitUntilHeard(660)
            try await talk(relay) { $0.towardUpstream }
            try await quit([speaker, listener])
            let counts = relay.counts.towardUpstream
            try await expectLoss(stack, "up-host", "uplink", counts)
            try await expectLoss(stack, "up-fan", "downlink", nil)
            // The jitter that the relay made is seen: the mean difference of two uniform delays is a
            // third of 30 ms. A busy machine adds its own, so there is no bound above.
            let jitter = try await stack.test.number(
                "select max(jitter_us) from quality_samples where uid = 'up-host'")
            #expect(jitter >= 3000, "\(jitter) µs")
        }

        /// An aiortc listener behind a bad downlink; who speaks has a good one.
        private static func downlink(_ stack: MediaStack, _ node: MediaStackNode) async throws {
            let circleID = try await stack.test.makeCircle(host: "down-host")
            let host = try await stack.ticket("down-host", in: circleID)
            let fan = try await stack.ticket("down-fan", in: circleID)
            let relay = try await makeRelay(node, fan, toUpstream: .clean, toClients: bad, seed: 12)
            let speaker = try node.client(.aiortc, .whip, host, ["--tone", "440"])
            let listener = try node.client(
                .aiortc, .whep, fan, ["--candidate", "127.0.0.1:\(relay.port)"])
            try await listener.waitUntilHeard(440)
            try await talk(relay) { $0.towardClients }
            try await quit([listener, speaker])
            let counts = relay.counts.towardClients
            try await expectLoss(stack, "down-fan", "downlink", counts)
            try await expectLoss(stack, "down-host", "uplink", nil)
        }

        private static func makeRelay(
            _ node: MediaStackNode, _ ticket: MediaTicket, toUpstream: ImpairedLink.Settings,
            toClients: ImpairedLink.Settings, seed: UInt64
        ) async throws -> UDPRelay {
            let port = try await node.candidate(for: ticket).port
            guard let upstream = DatagramAddress(host: "127.0.0.1", port: port) else {
                throw MediaClientProcess.Failure(description: "127.0.0.1 is an address")
            }
            return try UDPRelay(
                upstream: upstream, toUpstream: toUpstream, toClients: toClients, seed: seed)
        }

        /// Waits until so many seconds of packets came to the relay.
        private static func talk(
            _ relay: UDPRelay, _ direction: @Sendable (UDPRelay.Counts) -> UDPRelay.DirectionCounts
        ) async throws {
            for _ in 0..<1200 where direction(relay.counts).mediaReceived < seconds * 50 {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(direction(relay.counts).mediaReceived >= seconds * 50)
        }

        private static func quit(_ clients: [MediaClientProcess]) async throws {
            for client in clients {
                #expect(try await client.quit() == 0, "\(client.name)")
            }
        }

        /// Holds a direction's loss in samples and minutes against the relay's; `nil` for none.
        private static func expectLoss(
            _ stack: MediaStack, _ uid: String, _ direction: String,
            _ counts: UDPRelay.DirectionCounts?
        ) async throws {
            let test = stack.test
            try await stack.waitForRow("departure of \(uid)") {
                try await test.number(
                    "select count(*) from attendances where uid = \(uid) and left_at is not null")
            }
            // The last sample goes out with the departure; its batch may still be on its way.
            let wanted = Double(counts?.mediaReceived ?? seconds * 50) * 0.8
            try await stack.waitForRow("last sample of \(uid)") {
                try await test.number(
                    """
                    select count(*) from quality_samples
                    where uid = \(uid) and direction = \(direction)
                        and packets_expected >= \(Int64(wanted))
                    """)
            }
            let row = try await test.text(
                """
                select packets_lost, packets_expected, packets_transferred
                from quality_samples
                where uid = \(uid) and direction = \(direction)
                order by sampled_at desc, source_seq desc
                limit 1
                """
            ).split(separator: "|").compactMap { Double($0) }
            let measured = row[0] / row[1] * 100
            let dropped =
                counts.map { Double($0.mediaDropped) / Double($0.mediaReceived) * 100 } ?? 0
            print("\(uid) \(direction): relay \(dropped) %, PostgreSQL \(measured) % of \(row[1])")
            #expect(abs(measured - dropped) <= 0.5, "\(uid) \(direction)")
            #expect(counts.map { $0.lostInRelay } ?? 0 == 0, "the relay itself lost packets")
            #expect(counts.map { $0.mediaDropped > 20 } ?? true, "nothing was measured")
        }

        /// The minutes are the samples.
        private static func expectSame(_ stack: MediaStack) async {
            await #expect(throws: Never.self) {
                let findings = try await stack.test.findings()
                #expect(findings == [])
            }
            await #expect(throws: Never.self) {
                let differing = try await stack.test.number(
                    """
                    with
                    last as (
                        select distinct on (session_id, direction)
                            session_id, direction, packets_lost, packets_expected
                        from quality_samples
                        order by session_id, direction, sampled_at desc, source_seq desc
                    ),
                    minutes as (
                        select
                            session_id, direction, sum(packets_lost) as packets_lost,
                            sum(packets_expected) as packets_expected
                        from quality_minutes
                        group by session_id, direction
                    )
                    select count(*)
                    from last
                    full join minutes using (session_id, direction)
                    where last.packets_lost is distinct from minutes.packets_lost
                        or last.packets_expected is distinct from minutes.packets_expected
                    """)
                #expect(differing == 0)
            }
        }
    }
}
