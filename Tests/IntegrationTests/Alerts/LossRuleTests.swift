import Domain
import TestKit
import Testing

@testable import Jobs

@Suite("Packet loss that pages, against PostgreSQL", .timeLimit(.minutes(5)))
struct LossRuleTests {
    private func withScene(_ body: (AlertScene) async throws -> Void) async throws {
        let scene = try AlertScene()
        defer { scene.close() }
        try await body(scene)
    }

    /// Everybody's samples and the evaluation, each five seconds.
    private func pass(
        _ scene: AlertScene, _ circle: MeasuredCircle, seconds: Int64, uplink: [String: Double],
        packets: Int64 = 250
    ) async throws {
        try await scene.pass(seconds: seconds) {
            try await circle.sample("uplink", loss: uplink, packets: packets, in: scene)
        }
    }

    private func key(_ circle: MeasuredCircle, _ direction: String = "uplink") -> String {
        "loss:\(circle.circleID):\(direction)"
    }

    @Test("just below 5 % never pages, just above does once, and names who")
    func threshold() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob", "cy"])
            try await pass(scene, circle, seconds: 90, uplink: ["bob": 4.8])
            let before = try await scene.incidents()
            #expect(before == [])
            try await pass(scene, circle, seconds: 90, uplink: ["bob": 5.6])
            let after = try await scene.incidents()
            #expect(after == ["\(key(circle)) open"])
            let cause = try await scene.causes()
            #expect(cause.hasPrefix("uplink of bob, 5."), "\(cause)")
        }
    }

    @Test("the page comes within 40 s of the first bad sample, however little is above 5 %")
    func soonEnough() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            try await pass(scene, circle, seconds: 60, uplink: [:])
            try await pass(scene, circle, seconds: 35, uplink: ["bob": 6])
            let incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) open"])
        }
    }

    @Test("between 3 % and 5 % an incident neither opens nor ends; a relapse is the same incident")
    func hysteresis() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob", "cy"])
            try await pass(scene, circle, seconds: 60, uplink: ["bob": 12])
            let open = ["\(key(circle)) open"]
            var incidents = try await scene.incidents()
            #expect(incidents == open)
            try await pass(scene, circle, seconds: 180, uplink: ["bob": 4])
            incidents = try await scene.incidents()
            #expect(incidents == open)
            // Calm for less than a minute: some 10 s until the window is calm, then 40 s.
            try await pass(scene, circle, seconds: 50, uplink: [:])
            try await pass(scene, circle, seconds: 40, uplink: ["bob": 12])
            incidents = try await scene.incidents()
            #expect(incidents == open)
            try await pass(scene, circle, seconds: 100, uplink: ["bob": 1])
            incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) recovered"])
        }
    }

    @Test("too few packets say nothing, whatever their loss")
    func fewPackets() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            // A microphone in DTX: 12 packets in 5 s.
            try await pass(
                scene, circle, seconds: 120, uplink: ["ada": 50, "bob": 50], packets: 12)
            let incidents = try await scene.incidents()
            #expect(incidents == [])
        }
    }

    @Test("downlinks page together: one listener's bad line does not, two of four do")
    func downlinks() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob", "cy", "dan"])
            func pass(_ loss: [String: Double]) async throws {
                try await scene.pass(seconds: 60) {
                    try await circle.sample("downlink", loss: loss, in: scene)
                }
            }
            try await pass(["dan": 40])
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            try await pass(["cy": 20, "dan": 20])
            incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle, "downlink")) open"])
            let cause = try await scene.causes()
            #expect(cause == "2 of 4 downlinks")
        }
    }

    @Test("a node with three bad circles of four is one incident and not three")
    func node() async throws {
        try await withScene { scene in
            var circles: [MeasuredCircle] = []
            for number in 0..<4 {
                circles.append(try await scene.circle(["a\(number)", "b\(number)"]))
                scene.clock.advance(seconds: 1)
            }
            try await scene.pass(seconds: 60) {
                for (number, circle) in circles.enumerated() {
                    try await circle.sample(
                        "uplink", loss: number == 3 ? [:] : ["a\(number)": 15], in: scene)
                }
            }
            let incidents = try await scene.incidents()
            #expect(incidents == ["loss:node:sfu-1 open"])
            let cause = try await scene.causes()
            #expect(cause == "3 of 4 circles of node sfu-1")
        }
    }

    @Test("the end of a circle ends its incident at once")
    func ended() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            try await pass(scene, circle, seconds: 60, uplink: ["bob": 20])
            try await scene.end(circle)
            try await scene.pass(seconds: 5)
            let incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) ended"])
        }
    }

    @Test("an incident whose samples stop is over after a minute of silence")
    func silent() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            try await pass(scene, circle, seconds: 60, uplink: ["bob": 20])
            try await scene.pass(seconds: 90)
            let incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) silent"])
        }
    }

    @Test("samples of long ago, as after a restore or a replay, page nobody")
    func restored() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            for _ in 0..<12 {
                scene.clock.advance(seconds: 5)
                try await circle.sample("uplink", loss: ["bob": 30], in: scene)
            }
            scene.clock.advance(seconds: 3600)
            try await scene.pass(seconds: 60)
            let incidents = try await scene.incidents()
            #expect(incidents == [])
        }
    }

    @Test("a node that samples each 30 s pages as well, and once")
    func slowSamples() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            func halfMinute(_ loss: [String: Double]) async throws {
                scene.clock.advance(seconds: 5)
                try await circle.sample(
                    "uplink", loss: loss, packets: 1500, intervalSeconds: 30, in: scene)
                try await scene.evaluate()
                try await scene.pass(seconds: 25)
            }
            for _ in 0..<3 { try await halfMinute([:]) }
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            for _ in 0..<6 { try await halfMinute(["bob": 10]) }
            incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) open"])
            for _ in 0..<6 { try await halfMinute([:]) }
            incidents = try await scene.incidents()
            #expect(incidents == ["\(key(circle)) recovered"])
        }
    }
}
