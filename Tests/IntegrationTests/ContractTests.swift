import API
import AsyncHTTPClient
import BlockingThread
import CircleStore
import Domain
import Embedded
import Foundation
import NIOHTTP1
import TestKit
import Testing

/// The running program against its contract: schemathesis reads `openapi.yaml`, makes requests
/// that fit it and requests that do not, follows its links, and looks at every answer.
@Suite("The API against its contract (schemathesis)")
struct ContractTests {
    private static let secret = "contract-secret-contract-secret-contract"
    private static let apiKey = "contract-api-key"
    /// The same run again: `CONTRACT_SEED=… swift test --filter ContractTests`.
    private static let seed = ProcessInfo.processInfo.environment["CONTRACT_SEED"] ?? "20261125"
    private static let checkout = URL(fileURLWithPath: TestCluster.sqlDirectory)
        .deletingLastPathComponent()

    private static let document = checkout.appendingPathComponent(
        "Sources/API/OpenAPI/openapi.yaml")
    /// What needs no keys.
    private static let open: Set = [
        "health", "readiness", "metrics", "contractAsYAML", "documentation", "documentationAsset",
        "page", "pageConfiguration", "developmentSignIn", "showUnsubscribe", "unsubscribe",
    ]
    /// What no run reaches: the route that schemathesis read the document from is not among those
    /// that it tests, uploads need a signed URL and its picture, webhooks a signature of LiveKit's.
    private static let outOfReach: Set = [
        "contractAsJSON", "showCover", "uploadCover", "receiveLiveKitWebhook",
    ]

    private static func tool(_ name: String) -> String {
        checkout.appendingPathComponent(".build/contract/bin/\(name)").path
    }

    @Test("the document is valid, and its examples are what its schemas say")
    func isValid() async throws {
        let script = Self.checkout.appendingPathComponent("Tests/Contract/validate.py").path
        let result = try await BlockingThread.run(name: "validate") {
            try ChildProcess.run([Self.tool("python"), script, Self.document.path])
        }
        #expect(result.status == 0, "\(result.output)")
    }

    @Test("no request that it makes gets an answer that the document does not have")
    func answersAsDocumented() async throws {
        let pipeline = try Pipeline()
        try await APIKeys(pool: pipeline.test.pool, clock: pipeline.test.clock)
            .register(Self.apiKey, name: "contract")
        let port = try freePort()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-contract-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // logs only
        let log = folder.appendingPathComponent("api.log").path
        let api = CirclesProcess("api", environment: environment(pipeline, port: port), log: log)
        try api.start()
        defer { _ = api.stop() }
        try await pipeline.waitUntil("the API answers") {
            let ready = HTTPClientRequest(url: "http://127.0.0.1:\(port)/readyz")
            let response = try? await HTTPClient.shared.execute(ready, timeout: .seconds(5))
            return response?.status == .ok
        }
        let circles = try await makeCircles(pipeline.test)
        let result = try await BlockingThread.run(name: "schemathesis") {
            try ChildProcess.run(Self.command(port: port, circles: circles, folder: folder.path))
        }
        let problems = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        #expect(
            result.status == 0,
            "\(result.output)\nThe API's log:\n\(problems.suffix(4000))\nSeed: \(Self.seed)")
        #expect(result.output.contains("Seed: \(Self.seed)"), "\(result.output)")
        try expectReach(folder.appendingPathComponent("answers.json"))
    }

    /// A run that reaches nothing ends well too: each operation must have been done, and refused.
    private func expectReach(_ file: URL) throws {
        let answers = try JSONDecoder().decode(
            [String: [String: Int]].self, from: Data(contentsOf: file))
        print("answers of the API: \(answers)")
        let text = try String(contentsOf: Self.document, encoding: .utf8)
        let operations = Set(text.matches(of: #/operationId: (\w+)/#).map { String($0.1) })
        try #require(operations.count > 15)
        for operation in operations.subtracting(Self.outOfReach).sorted() {
            let statuses = answers[operation, default: [:]]
            #expect(statuses.keys.contains { $0.hasPrefix("2") }, "\(operation): \(statuses)")
            if !Self.open.contains(operation) {
                #expect(statuses["401"] != nil, "\(operation): \(statuses)")
            }
        }
        for operation in ["updateCircle", "promoteMember", "moderateMember", "raiseHand"] {
            #expect(answers[operation]?["409"] != nil, "\(operation)")
        }
        for operation in ["createCircle", "updateCircle", "promoteMember", "moderateMember"] {
            #expect(answers[operation]?["422"] != nil, "\(operation)")
        }
        #expect(answers["createCircle"]?["429"] != nil, "nobody created a sixth circle")
    }

    private func environment(_ pipeline: Pipeline, port: Int) -> [String: String] {
        [
            "DATABASE_URL": pipeline.test.databaseURL, "SQL_DIR": TestCluster.sqlDirectory,
            "AUTH_DEV_SECRET": Self.secret, "MEDIA_API_SECRET": Self.secret,
            "API_PORT": "\(port)", "KAFKA_BROKERS": "embedded",
        ]
    }

    private static func command(port: Int, circles: String, folder: String) -> [String] {
        let contract = checkout.appendingPathComponent("Tests/Contract").path
        return [
            "env", "-C", folder, "CIRCLES=\(circles)", "API_KEY=\(apiKey)", "SECRET=\(secret)",
            "PYTHONPATH=\(contract)", "PYTHONDONTWRITEBYTECODE=1", "SCHEMATHESIS_HOOKS=hooks",
            tool("schemathesis"), "--config-file", "\(contract)/schemathesis.toml",
            "run", "http://127.0.0.1:\(port)/openapi.json", "--seed", seed, "--no-color",
        ]
    }

    /// Circles in every state with people in them; `hooks.py` puts their ids and uids into requests.
    ///
    /// - Returns: JSON, `{circle id: host}`.
    private func makeCircles(_ test: TestStore) async throws -> String {
        var hosts: [String: String] = [:]
        for number in 1...20 {
            let host = Caller(uid: "host-\(number)")
            let circleID = try await test.makeCircle(host: host.uid, coHosts: ["guest-9"])
            hosts["\(circleID)"] = host.uid
            for guest in 1...6 {
                let caller = Caller(uid: "guest-\(guest)")
                _ = try await test.store.join(circleID, by: caller)
                if guest > 2 { _ = try await test.store.raiseHand(circleID, by: caller) }
                // Those whose hands are down are invited, and may accept or decline.
                if guest != 3 && guest != 4 {
                    _ = try await test.store.promote(caller.uid, in: circleID, by: host)
                }
            }
            if number > 18 { _ = try await test.store.end(circleID, by: host) }
            let scheduled = try await test.store.create(
                test.draft(
                    host: host.uid, startsNow: false,
                    startAt: test.clock.now().adding(seconds: 86_400 * Int64(number))),
                by: host)
            hosts["\(scheduled.circle.circleID)"] = host.uid
            let hidden = try await test.makeCircle(
                host: host.uid, privacy: number.isMultiple(of: 2) ? .private : .secret,
                invited: ["guest-1"])
            hosts["\(hidden)"] = host.uid
        }
        return String(decoding: try JSONEncoder().encode(hosts), as: UTF8.self)
    }
}
