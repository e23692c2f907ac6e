import CircleStore
import Domain
import Testing

extension MediaTests {
    @Suite("Audio between different WebRTC stacks")
    struct AudioTests {
        @Test(
            "Chromium's microphone and an aiortc speaker hear each other, a listener both; an ICE restart loses nothing, and everything is told",
            .timeLimit(.minutes(4)))
        func chromiumAndAIORTC() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let guest = try await stack.speakerTicket("guest", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                let chromium = try node.client(
                    .chromium, .whip, host,
                    ["--tone", "660", "--sections", "1", "--source", "microphone"])
                let speaker = try node.client(
                    .aiortc, .whip, guest, ["--tone", "440", "--sections", "1"])
                let listener = try node.client(.aiortc, .whep, fan, ["--sections", "2"])

                try await speaker.waitUntilHeard(660)
                try await chromium.waitUntilHeard(440)
                let high = try await listener.waitUntilHeard(660)
                let low = try await listener.waitUntilHeard(440)
                try await Self.expectMapping(
                    listener, [high.mid: "host", low.mid: "guest"])
                #expect(speaker.facts.allSatisfy { !$0.isTone(440) }, "nobody hears themselves")

                let count = listener.facts.count
                let restarted = try await chromium.ask("restart", for: "restarted")
                #expect(restarted.status == 200)
                // Heard after the new path is in use. That no packet was lost on the way there is
                // seen in the tables; a client on a busy machine may stutter by itself.
                try await listener.wait(for: "660 Hz after the restart", after: count) {
                    $0.isTone(660) && $0.t > restarted.t + 1
                }
                try await Self.waitUntilTold(stack, circleID)
                for client in [chromium, speaker, listener] {
                    #expect(try await client.quit() == 0, "\(client.name)")
                }
                try await Self.expectTables(stack, circleID)
                #expect(try await stack.test.findings() == [])
            }
        }

        /// The mapping that GET on the resource tells is what is heard.
        private static func expectMapping(
            _ listener: MediaClientProcess, _ expected: [String?: String]
        ) async throws {
            let sections = try await listener.ask("sections", for: "sections").sections ?? []
            #expect(Set(sections.compactMap(\.uid)) == ["host", "guest"])
            for section in sections { #expect(section.uid == expected[section.mid]) }
        }

        /// Waits for what comes with time: speaking, samples of both directions, a snapshot.
        private static func waitUntilTold(_ stack: MediaStack, _ circleID: CircleID) async throws {
            let test = stack.test
            try await stack.pipeline.waitUntil("two members have spoken") {
                try await test.number(
                    """
                    select count(*) from members
                    where circle_id = \(circleID) and last_spoke_at is not null and is_connected
                    """) == 2
            }
            try await stack.waitForRow("snapshot of three") {
                try await test.number(
                    """
                    select count(*) from events
                    where circle_id = \(circleID) and event_type = 'nodeSnapshot'
                        and source = \(MediaStack.nodeID)
                    """)
            }
            try await stack.pipeline.waitUntil("samples of all") {
                try await test.number(
                    """
                    select count(distinct (uid, direction)) from quality_samples
                    where circle_id = \(circleID) and packets_transferred > 0
                    """) == 5
            }
        }

        private static func expectTables(_ stack: MediaStack, _ circleID: CircleID) async throws {
            let test = stack.test
            try await stack.pipeline.waitUntil("all have left") {
                try await test.number(
                    """
                    select count(*) from attendances
                    where circle_id = \(circleID) and leave_reason = 'left'
                    """) == 3
            }
            #expect(
                try await test.text(
                    """
                    select
                        uid, ice_ms > 0, dtls_ms >= ice_ms, first_packet_ms >= dtls_ms, talk_us > 0
                    from attendances
                    where circle_id = \(circleID)
                    order by uid
                    """) == "fan|t|t|t|f\nguest|t|t|t|t\nhost|t|t|t|t")
            // A fresh session's handshake is far below what a person would notice.
            #expect(
                try await test.number(
                    "select max(dtls_ms) from attendances where circle_id = \(circleID)") < 20_000)
            let types = try await test.text(
                """
                select string_agg(distinct event_type, ' ' order by event_type)
                from events
                where circle_id = \(circleID) and source = \(MediaStack.nodeID)
                """)
            #expect(
                types
                    == "mediaConnected mediaDisconnected nodeSnapshot speakingStarted speakingStopped"
            )
            // Nothing is lost on this machine's loopback.
            #expect(
                try await test.number(
                    """
                    select coalesce(sum(packets_lost), 0)::int8 from quality_minutes
                    where circle_id = \(circleID)
                    """) == 0)
        }

        @Test("GStreamer is heard by aiortc, and hears it", .timeLimit(.minutes(4)))
        func gstreamer() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let host = try await stack.ticket("host", in: circleID)
                let guest = try await stack.speakerTicket("guest", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                let gstreamer = try node.client(.gstreamer, .whip, host, ["--tone", "523"])
                let speaker = try node.client(
                    .aiortc, .whip, guest, ["--tone", "440", "--sections", "1"])
                let listener = try node.client(.gstreamer, .whep, fan, ["--sections", "2"])

                try await speaker.waitUntilHeard(523)
                let high = try await listener.waitUntilHeard(523)
                let low = try await listener.waitUntilHeard(440)
                #expect(high.mid != low.mid)
                for client in [gstreamer, speaker, listener] {
                    #expect(try await client.quit() == 0, "\(client.name)")
                }
            }
        }
    }
}
