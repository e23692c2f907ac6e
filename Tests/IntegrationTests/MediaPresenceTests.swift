import CircleStore
import Domain
import Testing

extension MediaTests {
    @Suite("Presence of members by their media")
    struct PresenceTests {
        private static let host = Caller(uid: "host")

        @Test(
            "who vanishes leaves by timeout, who comes back keeps seat, hand and mute, who says so leaves at once, and of two transports each keeps the seat",
            .timeLimit(.minutes(4)))
        func presence() async throws {
            try await MediaStack.runWithNode(resumeSeconds: 8) { stack, node in
                let circleID = try await stack.test.makeCircle()
                let gone = try await stack.ticket("gone", in: circleID)
                let hand = try await stack.ticket("hand", in: circleID)
                let muted = try await stack.speakerTicket("muted", in: circleID)
                let pair = try await stack.speakerTicket("pair", in: circleID)
                _ = try await stack.store.raiseHand(circleID, by: Caller(uid: "hand"))
                _ = try await stack.store.mute("muted", in: circleID, by: Self.host)
                let before = try await Self.seats(stack, circleID)

                let vanishing = [
                    try node.client(.aiortc, .whep, gone, []),
                    try node.client(.aiortc, .whep, hand, []),
                    try node.client(.aiortc, .whip, muted, ["--silence"]),
                ]
                let microphone = try node.client(.aiortc, .whip, pair, ["--tone", "440"])
                let ear = try node.client(.aiortc, .whep, pair, [])
                for client in vanishing + [microphone, ear] {
                    try await client.waitUntilConnected()
                }
                // What each of them is shows in the tables.
                try await Self.waitUntilConnected(stack, circleID, count: 4)
                for client in vanishing { try await client.vanish() }

                try await Self.leaveOneByOne(stack, circleID, microphone: microphone, ear: ear)
                try await Self.waitUntilConnected(stack, circleID, count: 0)
                // Two are back before their window ends, the third never.
                let back = [
                    try node.client(.aiortc, .whep, hand, []),
                    try node.client(.aiortc, .whip, muted, ["--silence"]),
                ]
                for client in back { try await client.waitUntilConnected() }
                try await Self.waitForLeave(stack, circleID, "gone", "timeout")
                try await Self.waitUntilConnected(stack, circleID, count: 2)

                let kept = before.filter { $0.hasPrefix("hand|") || $0.hasPrefix("muted|") }
                let after = try await Self.seats(stack, circleID)
                #expect(after.filter { !$0.hasPrefix("host|") } == kept)
                #expect(kept.count == 2)
                for client in back { #expect(try await client.quit() == 0) }
                try await Self.waitForLeave(stack, circleID, "hand", "left")
                try await Self.waitForLeave(stack, circleID, "muted", "left")
                #expect(
                    try await stack.test.text(
                        """
                        select uid, count(*) from attendances
                        where circle_id = \(circleID) and uid <> 'host'
                        group by uid
                        order by uid
                        """) == "gone|1\nhand|1\nmuted|1\npair|1")
                try await stack.pipeline.settle()
                #expect(try await stack.test.findings() == [])
            }
        }

        /// The first transport's end keeps the seat, the second's gives it up.
        private static func leaveOneByOne(
            _ stack: MediaStack, _ circleID: CircleID, microphone: MediaClientProcess,
            ear: MediaClientProcess
        ) async throws {
            let test = stack.test
            #expect(try await microphone.quit() == 0)
            #expect(
                try await seats(stack, circleID).contains { $0.hasPrefix("pair|") },
                "the other transport keeps the seat")
            #expect(
                try await test.number(
                    """
                    select count(*) from events
                    where circle_id = \(circleID) and uid = 'pair'
                        and event_type = 'mediaDisconnected'
                    """) == 0)
            #expect(try await ear.quit() == 0)
            try await waitForLeave(stack, circleID, "pair", "left")
        }

        /// uid, session, role, mute and hand of every seat.
        private static func seats(_ stack: MediaStack, _ circleID: CircleID) async throws
            -> [String]
        {
            try await stack.test.text(
                """
                select uid, session_id, role, is_muted, hand_raised_at
                from seats
                where circle_id = \(circleID)
                order by uid
                """
            ).split(separator: "\n").map(String.init)
        }

        private static func waitUntilConnected(
            _ stack: MediaStack, _ circleID: CircleID, count: Int
        ) async throws {
            let test = stack.test
            try await stack.pipeline.waitUntil("\(count) connected members") {
                try await test.number(
                    """
                    select count(*) from members
                    where circle_id = \(circleID) and is_connected
                    """) == count
            }
        }

        private static func waitForLeave(
            _ stack: MediaStack, _ circleID: CircleID, _ uid: String, _ reason: String
        ) async throws {
            let test = stack.test
            try await stack.waitForRow("\(uid) leaves: \(reason)") {
                try await test.number(
                    """
                    select count(*)
                    from attendances
                    join events using (circle_id, session_id)
                    where circle_id = \(circleID) and attendances.uid = \(uid)
                        and leave_reason = \(reason) and event_type = 'memberLeft'
                        and reason = leave_reason and occurred_at = left_at
                    """)
            }
        }

        @Test(
            "a node that starts again disconnects what its former epoch had, and members come back into the same attendance",
            .timeLimit(.minutes(4)))
        func restart() async throws {
            try await MediaStack.run { stack in
                let circle = Held(Box())
                try await stack.withNode { node in
                    let circleID = try await stack.test.makeCircle()
                    circle.value.circleID = circleID
                    let (speaker, listener) = try await Self.connect(stack, node, circleID)
                    try await Self.waitUntilConnected(stack, circleID, count: 2)
                    circle.value.clients = [speaker, listener]
                }
                guard let circleID = circle.value.circleID else { return }
                for client in circle.value.clients { try await client.vanish() }
                try await stack.withNode { node in
                    #expect(
                        try await stack.test.number(
                            "select epoch from sfu_nodes where node_id = \(MediaStack.nodeID)") == 2
                    )
                    try await Self.waitUntilConnected(stack, circleID, count: 0)
                    let (speaker, listener) = try await Self.connect(stack, node, circleID)
                    try await Self.waitUntilConnected(stack, circleID, count: 2)
                    for client in [speaker, listener] { #expect(try await client.quit() == 0) }
                    for uid in ["host", "fan"] {
                        try await Self.waitForLeave(stack, circleID, uid, "left")
                    }
                }
                #expect(
                    try await stack.test.text(
                        """
                        select uid, count(*), bool_and(leave_reason = 'left')
                        from attendances
                        where circle_id = \(circleID)
                        group by uid
                        order by uid
                        """) == "fan|1|t\nhost|1|t")
                #expect(
                    try await stack.test.number(
                        """
                        select count(distinct source_epoch) from events
                        where circle_id = \(circleID) and source = \(MediaStack.nodeID)
                        """) == 2)
                try await stack.pipeline.settle()
                #expect(try await stack.test.findings() == [])
            }
        }

        /// What the first run leaves for the second.
        private final class Box {
            var circleID: CircleID?
            var clients: [MediaClientProcess] = []
        }

        private static func connect(
            _ stack: MediaStack, _ node: MediaStackNode, _ circleID: CircleID
        ) async throws -> (MediaClientProcess, MediaClientProcess) {
            let host = try await stack.ticket("host", in: circleID)
            let fan = try await stack.ticket("fan", in: circleID)
            let speaker = try node.client(.aiortc, .whip, host, ["--tone", "440"])
            let listener = try node.client(.aiortc, .whep, fan, [])
            try await listener.waitUntilHeard(440)
            return (speaker, listener)
        }
    }
}
