import CircleStore
import Database
import Domain
import HTTPTypes
import Hummingbird
import Testing
import Tokens

@testable import API

@Suite("Scopes of API keys")
struct RouteScopesTests {
    private func paths() async -> Set<String> {
        let clock = FixedClock()
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
                mediaTokens: await MediaTokens(
                    configuration: .init(
                        apiKey: "circles", apiSecret: String(repeating: "s", count: 32))),
                clock: clock, exposition: { "" }))
        return Set(router.routes.map(\.path.description))
    }

    @Test("every route under /v1 takes a scope, or is said to take none")
    func coversEachRoute() async {
        let paths = await paths().filter { $0.hasPrefix("/v1") }
        #expect(paths.contains("/v1/circles/{id}"))
        let covered = Set(RouteScopes.table.keys).union(RouteScopes.keyless)
        #expect(paths.subtracting(covered) == [])
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
