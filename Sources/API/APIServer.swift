import CircleStore
import Database
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import ServiceLifecycle
import Tokens

/// The HTTP server of the API.
public struct APIServer {
    public struct Configuration: Sendable {
        public var host: String
        /// 0 takes any free port.
        public var port: Int
        /// How many requests are answered at once; more are refused with 503.
        public var concurrentRequestCountMax: Int
        /// Of an SFU that is not ours, for every circle; empty: each circle's own node.
        public var sfuURL: String
        public var headerByteCountMax: Int
        /// Where Swagger UI's files are; empty: nowhere, and `/docs` says so.
        public var swaggerUIDirectory: String
        public var rateLimits = RateLimitConfiguration()
        public var connectionLimits = ConnectionLimits()
        /// Whose pages' scripts may call.
        public var allowedOrigins = AllowedOrigins.none
        /// Whether clients shall use HTTPS only (`Strict-Transport-Security`).
        public var isTransportSecure = false
        let address: PublicAddress
        /// Sent by the page at `/`; empty: it asks for one.
        public var webAPIKey = ""

        /// - Parameter publicURL: how clients reach the API; empty takes host and port.
        public init(
            host: String, port: Int, publicURL: String = "",
            concurrentRequestCountMax: Int = 1024, sfuURL: String,
            headerByteCountMax: Int = 16 << 10, swaggerUIDirectory: String = ""
        ) {
            address = PublicAddress(url: publicURL, host: host, port: port)
            self.host = host
            self.port = port
            self.concurrentRequestCountMax = concurrentRequestCountMax
            self.sfuURL = sfuURL
            self.headerByteCountMax = headerByteCountMax
            self.swaggerUIDirectory = swaggerUIDirectory
        }
    }

    public struct Dependencies: Sendable {
        public var pool: ConnectionPool
        public var store: CircleStore
        public var keys: APIKeys
        public var tokens: TokenVerifier
        public var mediaTokens: MediaTokens
        public var uploads: Uploads
        /// `nil` when there is no hosted SFU: its webhooks are not taken then.
        public var webhooks: LiveKitWebhooks?
        /// Of the links in mails; `nil` without a secret: they lead nowhere then.
        public var unsubscribeTokens: UnsubscribeTokens?
        public var clock: any WallClock
        /// Without it the route of live updates is not served.
        public var live: LiveFeed?
        /// The text of `/metrics`.
        public var exposition: @Sendable () -> String

        public init(
            pool: ConnectionPool, store: CircleStore, keys: APIKeys, tokens: TokenVerifier,
            mediaTokens: MediaTokens, uploads: Uploads, webhooks: LiveKitWebhooks? = nil,
            clock: any WallClock, live: LiveFeed? = nil,
            exposition: @escaping @Sendable () -> String
        ) {
            self.pool = pool
            self.store = store
            self.keys = keys
            self.tokens = tokens
            self.mediaTokens = mediaTokens
            self.uploads = uploads
            self.webhooks = webhooks
            self.clock = clock
            self.live = live
            self.exposition = exposition
        }
    }

    /// Builds the server as a service.
    ///
    /// - Parameter onListening: told the port once it is open.
    public static func service(
        _ configuration: Configuration, _ dependencies: Dependencies, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> any Service {
        Application(
            router: router(configuration, dependencies),
            server: GuardedChannel.server(configuration),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "circles", backlog: 1024),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configuration.port
                configuration.address.listens(on: port)
                await onListening(port)
            },
            logger: logger)
    }

    static func router(
        _ configuration: Configuration, _ dependencies: Dependencies
    ) -> Router<CirclesRequestContext> {
        let router = Router(context: CirclesRequestContext.self)
        router.addMiddleware {
            MetricsMiddleware()
            HeadResponses()
            RequestIdentification(clock: dependencies.clock)
            SecurityHeaders(isTransportSecure: configuration.isTransportSecure)
            CrossOrigin(origins: configuration.allowedOrigins)
            Compression()
            ProblemDocuments()
            PlainPaths()
        }
        addOperations(to: router, dependencies)
        DocumentationRoutes(
            document: .current, swaggerUI: SwaggerUI(directory: configuration.swaggerUIDirectory)
        ).add(to: router)
        // Those who watch the server are not limited: their routes are above.
        let limits = RateLimits(configuration.rateLimits, clock: dependencies.clock)
        router.add(middleware: limits)
        let limit = ConcurrencyLimit(configuration.concurrentRequestCountMax)
        addSigned(to: router, limit, configuration, dependencies)
        addPage(to: router, limit, configuration, dependencies)
        let group = router.group("v1")
            .add(middleware: limit)
            .add(
                middleware: Authentication(
                    keys: dependencies.keys, tokens: dependencies.tokens, limits: limits)
            )
            .add(
                middleware: Idempotency(
                    store: IdempotencyStore(pool: dependencies.pool, clock: dependencies.clock)))
        let admissions = Admissions(
            mediaTokens: dependencies.mediaTokens, sfuURL: configuration.sfuURL,
            clock: dependencies.clock)
        let store = dependencies.store
        CircleRoutes(
            store: store, admissions: admissions, uploads: dependencies.uploads,
            address: configuration.address, clock: dependencies.clock
        ).add(to: group)
        PresenceRoutes(store: store, admissions: admissions).add(to: group)
        StageRoutes(store: store, admissions: admissions).add(to: group)
        AccountRoutes(store: store).add(to: group)
        UploadRoutes(
            uploads: dependencies.uploads, address: configuration.address,
            clock: dependencies.clock
        ).add(to: group)
        if let live = dependencies.live {
            LiveRoutes(store: store, feed: live, clock: dependencies.clock).add(to: group)
        }
        return router
    }

    /// Routes that need no API key: what reaches them carries a signature of its own.
    private static func addSigned(
        to router: Router<CirclesRequestContext>, _ limit: ConcurrencyLimit,
        _ configuration: Configuration, _ dependencies: Dependencies
    ) {
        let clock = dependencies.clock
        if case .folder(let folder, let key) = dependencies.uploads.backend {
            CoverRoutes(folder: folder, key: key, address: configuration.address, clock: clock)
                .add(to: router.group().add(middleware: limit))
        }
        LiveKitRoutes(webhooks: dependencies.webhooks, store: dependencies.store, clock: clock)
            .add(to: router.group("v1").add(middleware: limit))
        UnsubscribeRoutes(tokens: dependencies.unsubscribeTokens, store: dependencies.store)
            .add(to: router.group("v1").add(middleware: limit))
    }

    private static func addPage(
        to router: Router<CirclesRequestContext>, _ limit: ConcurrencyLimit,
        _ configuration: Configuration, _ dependencies: Dependencies
    ) {
        let files: WebFiles
        do {
            files = try WebFiles()
        } catch {
            preconditionFailure("the program's resources lie beside it: \(error)")
        }
        WebRoutes(
            files: files, store: dependencies.store, tokens: dependencies.tokens,
            clock: dependencies.clock, apiKey: configuration.webAPIKey,
            sfuURL: configuration.sfuURL
        ).add(to: router.group().add(middleware: limit))
    }

    private struct Health: Encodable {
        let status: String
    }

    private static func addOperations(
        to router: Router<CirclesRequestContext>, _ dependencies: Dependencies
    ) {
        router.serve("healthz", [.get: { _, _ in JSON.response(Health(status: "ok")) }])
        router.serve(
            "readyz",
            [
                .get: { _, _ in
                    // Ready means: the database answers. A broker that is down delays events, no command.
                    do {
                        try await dependencies.pool.withConnection { connection in
                            _ = try connection.query("select 1::int8")
                        }
                        return JSON.response(Health(status: "ready"))
                    } catch {
                        return JSON.response(
                            Health(status: "database unavailable"), status: .serviceUnavailable)
                    }
                }
            ])
        router.serve(
            "metrics",
            [
                .get: { _, _ in
                    Response(
                        status: .ok,
                        headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                        body: ResponseBody(
                            byteBuffer: ByteBuffer(string: dependencies.exposition())))
                }
            ])
    }
}
