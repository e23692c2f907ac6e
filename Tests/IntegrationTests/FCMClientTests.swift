import Domain
import Foundation
import NIOSSL
import TestKit
import Testing

@testable import Jobs

@Suite("FCM's client, against a server with TLS and HTTP/2", .timeLimit(.minutes(3)))
struct FCMClientTests {
    private let clock = ManualClock()
    private static let circleID = CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0001)
    private let target = PushTarget(uid: "ada", deviceID: "phone", token: "token-ada")

    private func push(title: String = "Vinyl night") -> Push {
        Push(
            type: "reminder", circleID: Self.circleID, title: title, body: "Starts in 10 minutes",
            deepLink: "mixercloud://circles/\(Self.circleID)",
            expiresAt: clock.now().adding(seconds: 900))
    }

    /// A connection that died may be handed out once more before the pool sees it: what is sent on
    /// it is given up, and the next one is new.
    private func expectSent(
        _ client: FCMClient, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        var outcomes: [PushOutcome] = []
        for _ in 0..<3 {
            let outcome = await client.send(push(), to: target)
            if case .sent = outcome { return }
            outcomes.append(outcome)
        }
        Issue.record("\(outcomes)", sourceLocation: sourceLocation)
    }

    @Test("messages go over HTTP/2, all with one access token, which is renewed before its end")
    func sends() async throws {
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client()
            await withTaskGroup(of: PushOutcome.self) { group in
                for _ in 0..<40 { group.addTask { await client.send(push(), to: target) } }
                for await outcome in group {
                    guard case .sent(let name) = outcome else {
                        Issue.record("\(outcome)")
                        continue
                    }
                    #expect(name.hasPrefix("projects/mixer-1/messages/"))
                }
            }
            #expect(server.accepted.count == 40)
            #expect(server.accepted.allSatisfy { $0.isHTTP2 && $0.token == "token-ada" })
            #expect(server.state.withLock { $0.grantCount } == 1)
            clock.advance(seconds: 3400)
            _ = await client.send(push(), to: target)
            #expect(server.state.withLock { $0.grantCount } == 1)
            clock.advance(seconds: 100)
            _ = await client.send(push(), to: target)
            #expect(server.state.withLock { $0.grantCount } == 2)
            #expect(server.state.withLock { $0.complaints } == [])
        }
    }

    @Test("an access token that is refused is replaced once, for all who hold it")
    func renews() async throws {
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client()
            _ = await client.send(push(), to: target)
            server.state.withLock { $0.goodTokens = [] }
            await withTaskGroup(of: PushOutcome.self) { group in
                for _ in 0..<20 { group.addTask { await client.send(push(), to: target) } }
                for await outcome in group {
                    guard case .sent = outcome else {
                        Issue.record("\(outcome)")
                        continue
                    }
                }
            }
            #expect(server.accepted.count == 21)
            #expect(server.state.withLock { $0.grantCount } == 2)
            // A server that refuses every token is asked twice and no more.
            let before = server.state.withLock { $0.requestCount }
            let refusal = FCMServer.error(401, "UNAUTHENTICATED")
            server.state.withLock { $0.standing = .answer(401, body: refusal) }
            #expect(
                await client.send(push(), to: target)
                    == .rest(
                        reason: "401 with a fresh access token", waitMilliseconds: 10_000))
            #expect(server.state.withLock { $0.requestCount } - before == 2)
        }
    }

    @Test(
        "without an access token nothing is sent",
        arguments: [
            FCMServer.Behaviour.answer(400, body: #"{"error":"invalid_grant"}"#),
            .answer(200, body: "{"), .answer(200, body: #"{"access_token":""}"#),
            .answer(200, body: #"{"access_token":"a b","expires_in":3600}"#),
            .answer(503, body: ""), .answer(302, body: "", headers: ["location": "/token"]),
            .answer(200, body: String(repeating: " ", count: 100_000)), .drop,
        ])
    func needsToken(behaviour: FCMServer.Behaviour) async throws {
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client()
            server.state.withLock { $0.grant = behaviour }
            guard
                case .rest(let reason, 10_000) = await client.send(push(), to: target)
            else {
                Issue.record("not a rest")
                return
            }
            #expect(reason.hasPrefix("no access token"))
            #expect(server.state.withLock { $0.requestCount } == 0)
            // And once there is one again, it goes.
            server.state.withLock { $0.grant = .accept }
            await expectSent(client)
        }
    }

    struct Odd: Sendable, CustomTestStringConvertible {
        let behaviour: FCMServer.Behaviour
        let expected: PushOutcome

        var testDescription: String { String("\(behaviour)".prefix(80)) }
    }

    @Test(
        "every error of FCM and everything else that a server can do",
        arguments: [
            Odd(
                behaviour: .answer(
                    404, body: FCMServer.error(404, "NOT_FOUND", "UNREGISTERED")),
                expected: .failed(reason: "404 UNREGISTERED", isTokenDead: true)),
            Odd(
                behaviour: .answer(
                    403, body: FCMServer.error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
                expected: .failed(reason: "403 SENDER_ID_MISMATCH", isTokenDead: true)),
            Odd(
                behaviour: .answer(
                    400, body: FCMServer.error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")),
                expected: .failed(reason: "400 INVALID_ARGUMENT", isTokenDead: false)),
            Odd(
                behaviour: .answer(
                    401, body: FCMServer.error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")),
                expected: .failed(reason: "401 THIRD_PARTY_AUTH_ERROR", isTokenDead: false)),
            Odd(
                behaviour: .answer(
                    429, body: FCMServer.error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
                    headers: ["retry-after": "75"]),
                expected: .rest(reason: "429 QUOTA_EXCEEDED", waitMilliseconds: 75_000)),
            Odd(
                behaviour: .answer(
                    503, body: FCMServer.error(503, "UNAVAILABLE", "UNAVAILABLE"),
                    headers: ["retry-after": "Mon, 23 Nov 2026 18:00:30 GMT"]),
                expected: .rest(reason: "503 UNAVAILABLE", waitMilliseconds: 30_000)),
            Odd(
                behaviour: .answer(500, body: FCMServer.error(500, "INTERNAL", "INTERNAL")),
                expected: .retry(reason: "500 INTERNAL", waitMilliseconds: nil)),
            Odd(
                behaviour: .answer(200, body: "no JSON"),
                expected: .uncertain(reason: "200 without a message's name")),
            Odd(
                behaviour: .answer(200, body: String(repeating: " ", count: 100_000)),
                expected: .uncertain(reason: "200 without a message's name")),
            Odd(
                behaviour: .answer(502, body: "<html>"),
                expected: .uncertain(reason: "502 in no form of FCM's")),
            // Not followed: the message would go with its token to wherever that is.
            Odd(
                behaviour: .answer(307, body: "", headers: ["location": "/elsewhere"]),
                expected: .failed(reason: "307 in no form of FCM's", isTokenDead: false)),
        ])
    func readsAnswers(odd: Odd) async throws {
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client()
            server.state.withLock { $0.script = [odd.behaviour] }
            let outcome = await client.send(push(), to: target)
            #expect(outcome == odd.expected)
            #expect(server.state.withLock { $0.requestCount } == 1)
            // The connection, or another one, still does.
            await expectSent(client)
        }
    }

    @Test(
        "a server that hangs or dies behind the request leaves it uncertain, and asks nothing twice"
    )
    func doubts() async throws {
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client(timeoutMilliseconds: 15_000)
            for behaviour in [FCMServer.Behaviour.hang, .drop, .acceptAndDrop] {
                // With a connection and a token, so that only the message is in question.
                await expectSent(client)
                let before = server.state.withLock { $0.requestCount }
                server.state.withLock { $0.script = [behaviour] }
                let outcome = await client.send(push(), to: target)
                guard case .uncertain = outcome else {
                    Issue.record("\(behaviour): \(outcome)")
                    continue
                }
                #expect(server.state.withLock { $0.requestCount } - before == 1)
            }
            await expectSent(client)
        }
    }

    @Test("where no connection comes about nothing was sent: no listener, no trust, another name")
    func needsConnection() async throws {
        try await FCMServer.run(clock: clock) { server in
            // Its own token comes from the server; the messages go to where nothing is.
            let account = try ServiceAccount(keyFile: try server.keyFile())
            func outcome(_ url: String, tls: TLSConfiguration) async -> PushOutcome {
                await FCMClient(
                    .init(account: account, baseURL: url), clock: clock, tls: tls,
                    timeoutMilliseconds: 60_000
                )
                .send(push(), to: target)
            }
            // At port 1 (tcpmux) nothing listens.
            let trust = try FCMServer.trust()
            #expect(
                await outcome("https://localhost:1", tls: trust)
                    == .retry(reason: "no connection", waitMilliseconds: nil))
            let byAddress = server.url.replacingOccurrences(of: "localhost", with: "127.0.0.1")
            #expect(
                await outcome(byAddress, tls: trust)
                    == .retry(reason: "TLS failed", waitMilliseconds: nil))
            // Without trust there is not even an access token.
            let client = try server.client(tls: .makeClientConfiguration())
            guard case .rest(let reason, _) = await client.send(push(), to: target) else {
                Issue.record("not a rest")
                return
            }
            #expect(reason == "no access token: TLS failed")
            #expect(server.state.withLock { $0.requestCount } == 0)
        }
    }

    @Test("titles of any kind arrive as they were")
    func carriesTitles() async throws {
        let titles = [
            "<b>Jazz</b> & \"more\" \\ /", "👨‍👩‍👧‍👦 مرحبا",
            PushText.cut(String(repeating: "\"\\👍🏽", count: 200)),
        ]
        try await FCMServer.run(clock: clock) { server in
            let client = try server.client()
            for title in titles { _ = await client.send(push(title: title), to: target) }
            #expect(server.accepted.map(\.title) == titles)
        }
    }
}
