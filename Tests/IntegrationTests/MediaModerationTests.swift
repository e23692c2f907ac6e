import CircleStore
import Datagram
import Domain
import Testing

extension MediaTests {
    @Suite("Moderation in the media path")
    struct ModerationTests {
        private static let host = Caller(uid: "host")
        private static let guest = Caller(uid: "guest")

        @Test(
            "a listener with an open microphone is heard from the promotion on, silent when muted or demoted, and gone when kicked",
            .timeLimit(.minutes(4)))
        func moderation() async throws {
            try await MediaStack.runWithNode { stack, node in
                let circleID = try await stack.test.makeCircle()
                let guest = try await stack.ticket("guest", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                // One section in both directions: the client speaks before it may be heard.
                let speaker = try node.client(.aiortc, .whep, guest, ["--tone", "660"])
                let listener = try node.client(.aiortc, .whep, fan, ["--window-ms", "40"])
                try await listener.waitUntilConnected()
                try await Self.waitUntilDiscarded(stack, circleID)
                #expect(listener.facts.allSatisfy { $0.hz == nil }, "heard before the promotion")

                let changes = Changes(stack: stack, circleID: circleID, listener: listener)
                try await changes.opens("promote") { store in
                    _ = try await store.raiseHand(circleID, by: Self.guest)
                    _ = try await store.promote("guest", in: circleID, by: Self.host)
                }
                for _ in 0..<3 {
                    try await changes.closes("mute") { store in
                        _ = try await store.mute("guest", in: circleID, by: Self.host)
                    }
                    try await changes.opens("unmute") { store in
                        _ = try await store.unmute("guest", in: circleID, by: Self.guest)
                    }
                }
                try await changes.closes("demote") { store in
                    _ = try await store.demote("guest", in: circleID, by: Self.host)
                }
                _ = try await stack.store.promote("guest", in: circleID, by: Self.host)
                try await changes.opens("accepted invitation") { store in
                    _ = try await store.acceptInvitation(in: circleID, by: Self.guest)
                }
                try await changes.closes("kick") { store in
                    try await store.kick(
                        "guest", in: circleID, reason: "", bans: false, by: Self.host)
                }
                try await Self.expectClosed(speaker)

                _ = try await stack.store.end(circleID, by: Self.host)
                try await Self.expectClosed(listener)
                #expect(
                    speaker.facts.count { $0.event == "joined" } == 1, "never connected anew")
                try await stack.pipeline.settle()
                #expect(try await stack.test.findings() == [])
            }
        }

        @Test(
            "with push-to-talk a microphone is open while its button is pressed",
            .timeLimit(.minutes(4)))
        func pushToTalk() async throws {
            try await MediaStack.runWithNode { stack, node in
                var draft = stack.test.draft()
                draft.details.micPolicy = .pushToTalk
                let circleID = try await stack.store.create(draft, by: Self.host).circle.circleID
                let host = try await stack.ticket("host", in: circleID)
                let fan = try await stack.ticket("fan", in: circleID)
                let speaker = try node.client(.aiortc, .whip, host, ["--tone", "660"])
                let listener = try node.client(.aiortc, .whep, fan, ["--window-ms", "40"])
                try await listener.waitUntilConnected()
                try await Self.waitUntilDiscarded(stack, circleID)
                #expect(listener.facts.allSatisfy { $0.hz == nil }, "heard without the button")
                let joined = try await speaker.wait(for: "resource") { $0.event == "joined" }
                let button = try #require(joined.resource) + "/talk"
                @Sendable func press(_ method: String) async throws {
                    let answer = try await MediaHTTP.send(
                        method, button, headers: ["Authorization": "Bearer \(host.token)"])
                    #expect(answer.status == 204)
                }
                let changes = Changes(stack: stack, circleID: circleID, listener: listener)
                for _ in 0..<2 {
                    try await changes.opens("button pressed") { _ in try await press("PUT") }
                    try await changes.closes("button released") { _ in try await press("DELETE") }
                }
                for client in [speaker, listener] { #expect(try await client.quit() == 0) }
            }
        }

        /// The node has received and not forwarded a good second of audio.
        private static func waitUntilDiscarded(
            _ stack: MediaStack, _ circleID: CircleID
        ) async throws {
            let test = stack.test
            try await stack.waitForRow("discarded packets") {
                try await test.number(
                    """
                    select count(*) from quality_samples
                    where circle_id = \(circleID) and direction = 'uplink'
                        and packets_discarded > 60 and packets_discarded = packets_transferred
                    """)
            }
        }

        private static func expectClosed(_ client: MediaClientProcess) async throws {
            let closed = try await client.wait(for: "the end") { $0.event == "closed" }
            #expect(closed.by == "peer")
            #expect(try await client.end() == 0)
        }
    }
}

/// Commands that open and close a microphone, and when the listener hears it.
private struct Changes {
    let stack: MediaStack
    let circleID: CircleID
    let listener: MediaClientProcess

    func opens(_ name: String, _ command: (CircleStore) async throws -> Void) async throws {
        let count = listener.facts.count
        try await command(stack.store)
        let answeredAt = Self.now
        let heard = try await listener.waitUntilHeard(660, after: count)
        print("\(name): heard \(Int((heard.t - answeredAt) * 1000)) ms after the answer")
    }

    /// The bound that the product keeps is 100 ms; a test on a shared machine leaves room.
    func closes(_ name: String, _ command: (CircleStore) async throws -> Void) async throws {
        let count = listener.facts.count
        try await command(stack.store)
        let answeredAt = Self.now
        let silentAt = try await listener.waitUntilSilent(after: count)
        print("\(name): last heard \(Int((silentAt - answeredAt) * 1000)) ms after the answer")
        #expect(silentAt - answeredAt < 1, "\(name)")
    }

    /// Seconds of the clock by which facts are stamped.
    private static var now: Double { Double(SystemClock.monotonicNanoseconds()) / 1e9 }
}
