import AsyncHTTPClient
import BlockingThread
import Database
import Domain
import Embedded
import Foundation
import NIOHTTP1
import TestKit
import Testing

@testable import API
@testable import circles

@Suite("kill -9 of API with relay, Ingest and broker while 20 circles live", .serialized)
struct ChaosTests {
    private static let secret = "chaos-secret-chaos-secret-chaos-secret"
    private static let apiKey = "chaos-key"

    @Test("0 events lost, 0 doubled, verify is clean", arguments: [UInt64(20_261_123)])
    func killLoop(seed: UInt64) async throws {
        let pipeline = try Pipeline()
        let test = pipeline.test
        try await APIKeys(pool: test.pool, clock: test.clock)
            .register(Self.apiKey, name: "chaos")
        let port = try freePort()
        let folder = "/tmp/circles-chaos-\(getpid())"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // logs only
        let environment = [
            "DATABASE_URL": test.databaseURL, "SQL_DIR": TestCluster.sqlDirectory,
            "AUTH_DEV_SECRET": Self.secret, "MEDIA_API_SECRET": Self.secret,
            "API_PORT": "\(port)", "KAFKA_SESSION_TIMEOUT_MS": "4000", "KAFKA_BROKERS": "embedded",
            // All of them come from here.
            "API_RATE_PER_ADDRESS": "0", "API_RATE_PER_USER": "0",
        ]
        let processes = ["broker", "api", "ingest"].map {
            CirclesProcess($0, environment: environment, log: "\(folder)/\($0).log")
        }
        for process in processes { try process.start() }

        let load = Load(port: port, seed: seed)
        async let lives: Void = load.run(circleCount: 20)
        var random = SeededGenerator(seed: seed)
        var killCount = 0
        while await !load.isDone {
            // Pace of the killings: not a wait for any state.
            try await Task.sleep(for: .milliseconds(Int.random(in: 300...1500, using: &random)))
            // A killed Ingest keeps its partitions for a session timeout: not too often.
            let victim = processes[[0, 1, 1, 1, 2].randomElement(using: &random)!]  // not empty
            victim.kill()
            try victim.start()
            killCount += 1
        }
        try await lives
        try await pipeline.settle()
        let exits = processes.reversed().map { $0.stop() }
        #expect(exits == [0, 0, 0], "SIGTERM ends each process cleanly")
        #expect(killCount >= 10, "the load must outlast the kills (seed \(seed))")
        #expect(try await pipeline.mismatches() == "")
        #expect(try await pipeline.findings() == [])
        #expect(try await test.number("select count(*) from circles where status = 'ended'") == 20)
        #expect(try await test.number("select count(*) from ingest_gaps") == 0)
    }

    /// Hosts and members of 20 circles who go on through refused connections.
    private actor Load {
        private let port: Int
        private let seed: UInt64
        private(set) var isDone = false

        init(port: Int, seed: UInt64) {
            self.port = port
            self.seed = seed
        }

        func run(circleCount: Int) async throws {
            defer { isDone = true }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...circleCount {
                    group.addTask { try await self.live(number) }
                }
                try await group.waitForAll()
            }
        }

        private nonisolated func client(_ uid: String) async throws -> SwarmClient {
            SwarmClient(
                uid: uid, baseURL: "http://127.0.0.1:\(port)", apiKey: ChaosTests.apiKey,
                token: try await TokenVerifier.developmentToken(
                    uid: uid, email: nil, secret: ChaosTests.secret, now: SystemWallClock().now(),
                    lifetimeSeconds: 3600),
                http: .shared, latencies: Latencies())
        }

        /// Sends until somebody answers; a command may so be run twice, as clients do.
        private nonisolated func insist(
            _ client: SwarmClient, _ method: HTTPMethod, _ path: String,
            _ body: [String: any Sendable]? = nil
        ) async throws -> SwarmClient.Answer {
            for _ in 0..<600 {
                if let answer = try? await client.send(method, path, body), answer.status < 500 {
                    return answer
                }
                // A client's back-off.
                try await Task.sleep(for: .milliseconds(100))
            }
            throw SwarmClient.Unexpected(description: "the API did not come back in a minute")
        }

        private struct Created: Decodable {
            let circleId: String
        }

        private nonisolated func live(_ number: Int) async throws {
            var random = SeededGenerator(seed: seed &+ UInt64(number))
            let host = try await client("host-\(number)")
            // A creation whose answer was lost must not leave a second circle: it is made once
            // the API is known to be there, and looked up when in doubt.
            let created = try await create(host)
            let path = "/v1/circles/\(created)"
            var members: [SwarmClient] = []
            for index in 1...8 { members.append(try await client("guest-\(number)-\(index)")) }
            for _ in 1...60 {
                let member = members.randomElement(using: &random)!  // not empty
                let actions = path + "/actions"
                _ =
                    switch Int.random(in: 0..<9, using: &random) {
                    case 0, 1: try await insist(member, .POST, path + "/join")
                    case 2: try await insist(member, .POST, path + "/hand-raise")
                    case 3: try await insist(member, .DELETE, path + "/hand-raise")
                    case 4: try await insist(host, .POST, path + "/promote", ["uid": member.uid])
                    case 5: try await insist(member, .POST, path + "/invitation")
                    case 6:
                        try await insist(
                            host, .POST, actions, ["action": "demote", "uid": member.uid])
                    case 7:
                        try await insist(
                            host, .POST, actions, ["action": "mute", "uid": member.uid])
                    default: try await insist(member, .POST, path + "/leave")
                    }
                // A member's pace.
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...500, using: &random)))
            }
            _ = try await insist(host, .DELETE, path)
        }

        private struct Page: Decodable {
            struct Entry: Decodable {
                let circleId: String
                let hostUid: String
            }
            let circles: [Entry]
        }

        private nonisolated func create(_ host: SwarmClient) async throws -> String {
            for _ in 0..<600 {
                let page: Page = try await insist(host, .GET, "/v1/circles?limit=100").decode()
                if let known = page.circles.first(where: { $0.hostUid == host.uid }) {
                    return known.circleId
                }
                let answer = try? await host.send(.POST, "/v1/circles", ["title": "Chaos"])
                if let answer, answer.status == 201 {
                    return try answer.decode(Created.self).circleId
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            throw SwarmClient.Unexpected(description: "no circle in a minute")
        }
    }
}
