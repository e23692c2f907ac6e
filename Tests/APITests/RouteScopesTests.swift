import CircleStore
import Database
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Testing
import Tokens

@testable import API

@Suite("Scopes of API keys")
struct RouteScopesTests {
    private func paths() async throws -> Set<String> {
        let clock = FixedClock()
        let secret = String(repeating: "s", count: 32)
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-covers-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }  // empty
        // Never asked: a session is opened when first used.
        let pool = ConnectionPool(url: "host=/nowhere", applicationName: "tests", size: 1)
        defer { pool.close() }
        let router = APIServer.router(
            .init(host: "127.0.0.1", port: 0, sfuURL: ""),
            .init(
                pool: pool,
                store: CircleStore(
                    pool: pool, clock: clock, settings: .init(seatLeaseSeconds: 60)),
                keys: APIKeys(pool: pool, clock: clock),
                tokens: await TokenVerifier(
                    configuration: .init(developmentSecret: nil, firebase: nil), clock: clock,
                    fetch: { _ in throw CancellationError() }),
                mediaTokens: MediaTokens(
                    configuration: .init(apiKey: "circles", apiSecret: secret)),
                uploads: try await Uploads(
                    .folder(path: folder, secret: secret), now: clock.now()),
                webhooks: LiveKitWebhooks(apiKey: "circles", apiSecret: secret), clock: clock,
                live: LiveFeed(
                    databaseURL: "host=/nowhere", clock: clock,
                    logger: Logger(label: "tests")),
                exposition: { "" }))
        return Set(router.routes.map(\.path.description))
    }

    @Test("every route under /v1 takes a scope, or is said to take none")
    func coversEachRoute() async throws {
        let paths = try await paths().filter { $0.hasPrefix("/v1") }
        #expect(paths.contains("/v1/circles/{id}"))
        let covered = Set(RouteScopes.table.keys).union(RouteScopes.keyless)
        #expect(paths == covered)
        #expect(RouteScopes.keyless.isDisjoint(with: RouteScopes.table.keys))
    }

    @Test("a lack of scope is told as RFC 6750 §3.1 wants it")
    func tellsTheScope() {
        let problem = Problem.insufficientScope(.circlesWrite)
        #expect(problem.status.code == 403)
        #expect(problem.code == "insufficient_scope")
        #expect(
            problem.headers[.wwwAuthenticate]
                == #"Bearer realm="circles", error="insufficient_scope", scope="circles:write""#)
    }
}
