import API
import AsyncHTTPClient
import Domain
import Foundation

/// A circle lived from its first minute to its end by real HTTP clients, all of a step at once.
struct SwarmScenario: Sendable {
    var baseURL: String
    var apiKey: String
    var developmentSecret: String
    var hostEmail: String?
    /// On stage at once, host included.
    var speakerCount: Int
    var listenerCount: Int
    /// Tells circles of one run apart.
    var name: String
    var say: @Sendable (String) -> Void

    /// What came of it.
    struct Outcome: Sendable {
        let circleID: String
        let latencies: Latencies
    }

    private struct Created: Decodable {
        let circleId: String
    }

    private struct View: Decodable {
        struct Hand: Decodable {
            let uid: String
        }
        let speakerCount: Int
        let listenerCount: Int
        let hands: [Hand]?
    }

    func run() async throws -> Outcome {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        let http = HTTPClient(configuration: configuration)
        do {
            let outcome = try await run(http)
            try await http.shutdown()
            return outcome
        } catch {
            try? await http.shutdown()  // the first error counts
            throw error
        }
    }

    private func run(_ http: HTTPClient) async throws -> Outcome {
        let latencies = Latencies()
        func client(_ uid: String, email: String? = nil) async throws -> SwarmClient {
            SwarmClient(
                uid: uid, baseURL: baseURL, apiKey: apiKey,
                token: try await TokenVerifier.developmentToken(
                    uid: uid, email: email, secret: developmentSecret,
                    now: SystemWallClock().now(), lifetimeSeconds: 3600),
                http: http, latencies: latencies)
        }
        let guestSpeakers = speakerCount - 1
        let host = try await client("\(name)-host", email: hostEmail)
        let created: Created = try await host.expect(
            201, .POST, "/v1/circles",
            [
                "title": "Vinyl night \u{1F3B6}", "category": "music", "maxSpeakers": speakerCount,
                "maxListeners": listenerCount,
            ]
        ).decode()
        let path = "/v1/circles/\(created.circleId)"
        say("created   circle \(created.circleId), the host is on stage")

        var guests: [SwarmClient] = []
        for index in 1...(listenerCount + guestSpeakers + 1) {
            guests.append(try await client("\(name)-guest-\(index)"))
        }
        let audience = Array(guests[..<listenerCount])
        try await all(audience) { try await $0.expect(200, .POST, path + "/join") }
        try await guests[listenerCount].expect(409, code: "listeners_full", .POST, path + "/join")
        say("joined    \(listenerCount) listeners at once; one more is refused: listeners_full")

        let raised = Array(audience[..<min(guestSpeakers + 3, listenerCount)])
        try await all(raised) { try await $0.expect(200, .POST, path + "/hand-raise") }
        try await raised[0].expect(204, .DELETE, path + "/hand-raise")
        let queue = try await host.expect(200, .GET, path).decode(View.self).hands ?? []
        say("hands     \(raised.count) up at once, one taken down, \(queue.count) in the queue")

        let promoted = Array(queue.prefix(guestSpeakers).map(\.uid))
        try await all(promoted) {
            try await host.expect(200, .POST, path + "/promote", ["uid": $0])
        }
        if queue.count > guestSpeakers {
            try await host.expect(
                409, code: "speakers_full", .POST, path + "/promote",
                ["uid": queue[guestSpeakers].uid])
        }
        let late = Array(guests[listenerCount..<(listenerCount + promoted.count)])
        try await all(late) { try await $0.expect(200, .POST, path + "/join") }
        let full = try await host.expect(200, .GET, path).decode(View.self)
        say(
            "promoted  the first \(promoted.count) of the queue; one more is refused: speakers_full"
        )
        say("full      \(full.speakerCount) speakers, \(full.listenerCount) listeners")

        try await moderate(host, path, promoted: promoted, audience: audience, guests: guests)

        try await all(audience.suffix(10)) { try await $0.expect(204, .POST, path + "/leave") }
        say("left      10 listeners")
        try await host.expect(200, .DELETE, path)
        try await host.expect(409, code: "circle_ended", .POST, path + "/join")
        say("ended     by the host")
        return Outcome(circleID: created.circleId, latencies: latencies)
    }

    private func moderate(
        _ host: SwarmClient, _ path: String, promoted: [String], audience: [SwarmClient],
        guests: [SwarmClient]
    ) async throws {
        let actions = path + "/actions"
        guard promoted.count >= 2, audience.count > 30 else { return }
        try await host.expect(200, .POST, actions, ["action": "mute", "uid": promoted[0]])
        try await host.expect(200, .POST, actions, ["action": "mute", "uid": promoted[1]])
        try await host.expect(200, .POST, actions, ["action": "unmute", "uid": promoted[1]])
        say("muted     two speakers, one of them for a moment")

        let troll = audience[audience.count - 11]
        try await troll.expect(
            403, code: "forbidden", .POST, actions, ["action": "kick", "uid": host.uid])
        try await host.expect(
            204, .POST, actions,
            ["action": "kick", "uid": troll.uid, "reason": "shouting", "ban": true])
        try await troll.expect(403, code: "banned", .POST, path + "/join")
        say("kicked    one listener, banned: coming back is refused")

        try await host.expect(200, .POST, actions, ["action": "demote", "uid": promoted[0]])
        let back = audience[audience.count - 12]
        try await back.expect(204, .POST, path + "/leave")
        try await back.expect(200, .POST, path + "/join")
        try await back.expect(200, .POST, path + "/join")
        say("demoted   one speaker; one listener left, came back, and resumed")
    }

    /// Runs a step for all at once.
    private func all<Element: Sendable>(
        _ elements: some Collection<Element>,
        _ step: @escaping @Sendable (Element) async throws -> some Sendable
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for element in elements {
                group.addTask { _ = try await step(element) }
            }
            try await group.waitForAll()
        }
    }
}
