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

    /// A circle with everybody in it.
    struct Filled: Sendable {
        let circleID: String
        let host: SwarmClient
        fileprivate let guests: [Guest]
        fileprivate let promoted: [String]
        let latencies: Latencies

        fileprivate var path: String { "/v1/circles/\(circleID)" }
    }

    /// A member and, with media, their transport.
    fileprivate struct Guest: Sendable {
        let client: SwarmClient
        var connection: SwarmMedia.Connection?
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

    /// How many members connect their media at once.
    private static let connectingMax = 16

    /// Lives one circle without media.
    func run() async throws -> Outcome {
        try await SwarmRun(scenarios: [self], media: nil).run().outcomes[0]
    }

    /// Creates the circle and fills it: until the speakers are promoted and all are in.
    ///
    /// - Parameters:
    ///   - media: connects everybody and lets the speakers talk; `nil` for REST alone.
    ///   - number: of the circle in its run.
    func fill(_ http: HTTPClient, media: SwarmMedia?, number: Int) async throws -> Filled {
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
        let (path, circleID) = try await create(host, media: media, number: number)

        var clients: [SwarmClient] = []
        for index in 1...(listenerCount + guestSpeakers + 1) {
            clients.append(try await client("\(name)-guest-\(index)"))
        }
        var guests = try await join(clients[..<listenerCount], path, media: media, number: number)
        try await clients[listenerCount].expect(409, code: "listeners_full", .POST, path + "/join")
        say("joined    \(listenerCount) listeners at once; one more is refused: listeners_full")

        let queue = try await raiseHands(host, clients, path)
        let promoted = Array(queue.prefix(guestSpeakers).map(\.uid))
        try await all(promoted) {
            try await host.expect(200, .POST, path + "/promote", ["uid": $0])
        }
        if queue.count > guestSpeakers {
            try await host.expect(
                409, code: "speakers_full", .POST, path + "/promote",
                ["uid": queue[guestSpeakers].uid])
        }
        if let media {
            // On the transports that they have had since they were listeners.
            for uid in promoted {
                guard let connection = guests.first(where: { $0.client.uid == uid })?.connection
                else { continue }
                try await media.talk(connection, circle: number)
            }
        }
        let late = clients[listenerCount..<(listenerCount + promoted.count)]
        guests += try await join(late, path, media: media, number: number)
        let full = try await host.expect(200, .GET, path).decode(View.self)
        say(
            "promoted  the first \(promoted.count) of the queue; one more is refused: speakers_full"
        )
        say("full      \(full.speakerCount) speakers, \(full.listenerCount) listeners")
        return Filled(
            circleID: circleID, host: host, guests: guests, promoted: promoted,
            latencies: latencies)
    }

    /// Moderates the circle, empties it a little and ends it.
    func finish(_ circle: Filled) async throws -> Outcome {
        let (host, path) = (circle.host, circle.path)
        let audience = circle.guests[..<listenerCount]
        try await moderate(
            host, path, promoted: circle.promoted, audience: audience.map(\.client))
        try await all(audience.suffix(10).enumerated()) { index, guest in
            // Every other one by ending their media, which is to leave as well.
            if let connection = guest.connection, index.isMultiple(of: 2) {
                try await guest.client.disconnect(
                    connection.resource, mediaToken: connection.mediaToken)
            } else {
                try await guest.client.expect(204, .POST, path + "/leave")
            }
        }
        say("left      10 listeners")
        try await host.expect(200, .DELETE, path)
        try await host.expect(409, code: "circle_ended", .POST, path + "/join")
        say("ended     by the host")
        return Outcome(circleID: circle.circleID, latencies: circle.latencies)
    }

    // MARK: Steps

    private func create(
        _ host: SwarmClient, media: SwarmMedia?, number: Int
    ) async throws -> (path: String, circleID: String) {
        let began = SwarmMedia.now()
        let answer = try await host.expect(
            201, .POST, "/v1/circles",
            [
                "title": "Vinyl night \u{1F3B6}", "category": "music", "maxSpeakers": speakerCount,
                "maxListeners": listenerCount,
            ])
        let circleID = try answer.decode(Created.self).circleId
        if let media {
            let connection = try await media.connect(
                host, try answer.decode(SwarmAdmission.self), circle: number, joinedAt: began)
            try await media.talk(connection, circle: number)
        }
        say("created   circle \(circleID), the host is on stage")
        return ("/v1/circles/\(circleID)", circleID)
    }

    private func join(
        _ clients: ArraySlice<SwarmClient>, _ path: String, media: SwarmMedia?, number: Int
    ) async throws -> [Guest] {
        try await all(clients, atMost: media == nil ? clients.count : Self.connectingMax) {
            let began = SwarmMedia.now()
            let answer = try await $0.expect(200, .POST, path + "/join")
            guard let media else { return Guest(client: $0) }
            return Guest(
                client: $0,
                connection: try await media.connect(
                    $0, try answer.decode(SwarmAdmission.self), circle: number, joinedAt: began))
        }
    }

    private func raiseHands(
        _ host: SwarmClient, _ clients: [SwarmClient], _ path: String
    ) async throws -> [View.Hand] {
        let raised = Array(clients[..<min(speakerCount + 2, listenerCount)])
        try await all(raised) { try await $0.expect(200, .POST, path + "/hand-raise") }
        try await raised[0].expect(204, .DELETE, path + "/hand-raise")
        let queue = try await host.expect(200, .GET, path).decode(View.self).hands ?? []
        say("hands     \(raised.count) up at once, one taken down, \(queue.count) in the queue")
        return queue
    }

    private func moderate(
        _ host: SwarmClient, _ path: String, promoted: [String], audience: [SwarmClient]
    ) async throws {
        let actions = path + "/actions"
        guard promoted.count >= 2, audience.count > 30 else { return }
        try await host.expect(200, .POST, actions, ["action": "mute", "uid": promoted[0]])
        try await host.expect(200, .POST, actions, ["action": "mute", "uid": promoted[1]])
        try await host.expect(202, .POST, actions, ["action": "unmute", "uid": promoted[1]])
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

    /// Runs a step for all at once, or for so many at a time, and returns what came of it in
    /// order.
    @discardableResult
    private func all<Element: Sendable, Result: Sendable>(
        _ elements: some Collection<Element>, atMost limit: Int = .max,
        _ step: @escaping @Sendable (Element) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results: [Result?] = []
            for (index, element) in elements.enumerated() {
                if index >= limit, let (done, result) = try await group.next() {
                    results[done] = result
                }
                results.append(nil)
                group.addTask { (index, try await step(element)) }
            }
            for try await (index, result) in group { results[index] = result }
            return results.compactMap { $0 }
        }
    }
}
