import CircleStore
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Tokens

@testable import API

/// The API's router on a fresh database, asked without a socket.
public struct TestAPI: Sendable {
    public let store: TestStore
    public let apiKey = "test-api-key"
    /// Every method and path that the router knows, with those that it answers by 405.
    public let routes: [Route]
    public static let secret = "test-secret-test-secret-test-secret-32"

    /// How clients reach it, as it is told.
    public static let publicURL = "http://api.test"
    /// Where covers are kept, unless in a bucket.
    public let uploadsFolder: String

    private let client: any TestClientProtocol
    private let clock: any WallClock

    public struct Route: Sendable {
        public let method: HTTPRequest.Method
        /// As `/v1/circles/{id}`.
        public let path: String
    }

    public struct Answer: Sendable {
        public let status: Int
        public let body: [UInt8]
        public let contentType: String?
        public let headers: HTTPFields

        /// The body as a JSON object; empty when it is none.
        public var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        }

        /// The `code` of a problem document.
        public var code: String? { json["code"] as? String }
    }

    /// Runs `body` with an API of its own.
    ///
    /// - Parameter isLive: behind a real socket, at `port`.
    public static func run(
        clock: any WallClock = SystemWallClock(), concurrency: Int = 1024,
        sfuURL: String = "ws://sfu.test", swaggerUIDirectory: String = "",
        webhooks: LiveKitWebhooks? = nil, googleBucket: GoogleBucket? = nil, isLive: Bool = false,
        developmentSecret: String? = secret, webAPIKey: String = "",
        configure: (inout APIServer.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestAPI) async throws -> Void
    ) async throws {
        let store = try TestStore(clock: clock)
        defer { store.close() }
        let folder = makeUploadsPath()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // a bucket has none
        var configuration = APIServer.Configuration(
            host: "127.0.0.1", port: 0, publicURL: publicURL,
            concurrentRequestCountMax: concurrency, sfuURL: sfuURL,
            swaggerUIDirectory: swaggerUIDirectory)
        configuration.webAPIKey = webAPIKey
        configure(&configuration)
        var dependencies = try await dependencies(store, uploadsFolder: folder)
        dependencies.webhooks = webhooks
        dependencies.unsubscribeTokens = UnsubscribeTokens(secret: secret)
        dependencies.tokens = await TokenVerifier(
            configuration: .init(developmentSecret: developmentSecret, firebase: nil),
            clock: clock, fetch: { _ in throw CancellationError() })
        if let googleBucket {
            dependencies.uploads = try await Uploads(.google(googleBucket), now: clock.now())
        }
        let router = APIServer.router(configuration, dependencies)
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let routes = router.routes.map { Route(method: $0.method, path: "\($0.path)") }
        let application = Application(router: router, logger: logger)
        try await application.test(isLive ? .live : .router) { client in
            try await body(
                TestAPI(
                    store: store, routes: routes, uploadsFolder: folder, client: client,
                    clock: clock))
        }
    }

    static func makeUploadsPath() -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-covers-\(UUID().uuidString)").path
    }

    /// Where it listens, if it is live.
    public var port: Int { client.port ?? 0 }

    /// What a server on this store needs; `test-api-key` may do everything.
    static func dependencies(
        _ store: TestStore, uploadsFolder: String
    ) async throws -> APIServer.Dependencies {
        let clock = store.clock
        try await APIKeys(pool: store.pool, clock: clock).register("test-api-key", name: "tests")
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return APIServer.Dependencies(
            pool: store.apiPool, store: store.store,
            keys: APIKeys(pool: store.apiPool, clock: clock),
            tokens: await TokenVerifier(
                configuration: .init(developmentSecret: secret, firebase: nil), clock: clock,
                fetch: { _ in throw CancellationError() }),
            mediaTokens: MediaTokens(
                configuration: .init(apiKey: "circles", apiSecret: secret)),
            uploads: try await Uploads(
                .folder(path: uploadsFolder, secret: secret), now: clock.now()),
            clock: clock,
            live: LiveFeed(databaseURL: store.databaseURL, clock: clock, logger: logger),
            exposition: { "circles_test 1\n" })
    }

    public func token(_ uid: String, email: String? = nil) async throws -> String {
        try await TokenVerifier.developmentToken(
            uid: uid, email: email, secret: Self.secret, now: clock.now(), lifetimeSeconds: 600)
    }

    /// Sends a request as `uid` with a JSON body given as text.
    public func send(
        _ method: HTTPRequest.Method, _ path: String, as uid: String, json: String? = nil
    ) async throws -> Answer {
        var headers: HTTPFields = [
            .authorization: "Bearer \(try await token(uid))",
            HTTPField.Name("X-API-Key")!: apiKey,  // a valid field name
        ]
        if json != nil { headers[.contentType] = "application/json" }
        return try await send(method, path, headers: headers, body: json.map { Array($0.utf8) })
    }

    /// Sends exactly these headers and bytes.
    public func send(
        _ method: HTTPRequest.Method, _ path: String, headers: HTTPFields, body: [UInt8]? = nil
    ) async throws -> Answer {
        try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0) }
        ) { response in
            Answer(
                status: response.status.code, body: Array(buffer: response.body),
                contentType: response.headers[.contentType], headers: response.headers)
        }
    }
}
