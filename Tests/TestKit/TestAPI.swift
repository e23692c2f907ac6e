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
    public static let secret = "test-secret-test-secret-test-secret-32"

    private let client: any TestClientProtocol
    private let clock: any WallClock

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
    public static func run(
        clock: any WallClock = SystemWallClock(), concurrency: Int = 1024,
        sfuURL: String = "ws://sfu.test", developmentSecret: String? = secret,
        webAPIKey: String = "",
        _ body: @escaping @Sendable (TestAPI) async throws -> Void
    ) async throws {
        let store = try TestStore(clock: clock)
        defer { store.close() }
        try await APIKeys(pool: store.pool, clock: clock).register("test-api-key", name: "tests")
        var configuration = APIServer.Configuration(
            host: "127.0.0.1", port: 0, concurrentRequestCountMax: concurrency, sfuURL: sfuURL)
        configuration.webAPIKey = webAPIKey
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let router = APIServer.router(
            configuration,
            .init(
                pool: store.apiPool, store: store.store,
                keys: APIKeys(pool: store.apiPool, clock: clock),
                tokens: await TokenVerifier(
                    configuration: .init(developmentSecret: developmentSecret, firebase: nil),
                    clock: clock,
                    fetch: { _ in throw CancellationError() }),
                mediaTokens: await MediaTokens(
                    configuration: .init(apiKey: "circles", apiSecret: secret)),
                clock: clock, live: LiveFeed(databaseURL: store.databaseURL, logger: logger),
                exposition: { "circles_test 1\n" }))
        let application = Application(router: router, logger: logger)
        try await application.test(.router) { client in
            try await body(TestAPI(store: store, client: client, clock: clock))
        }
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
