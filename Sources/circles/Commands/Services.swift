import API
import ArgumentParser
import BlockingThread
import Database
import ServiceLifecycle
import Synchronization

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything in one process, on embedded defaults.",
        discussion: """
            Brings its own PostgreSQL cluster, development broker and mailbox unless DATABASE_URL, \
            KAFKA_BROKERS and SMTP_URL say otherwise, and keeps what it needs in CIRCLES_HOME. \
            Ctrl-C stops it; the next start finds everything as it was.
            """)

    func run() async throws {
        let base = try Environment.load()
        let embedded = try EmbeddedEnvironment(base, home: try base.string(.home))
        defer { embedded.stop() }
        let stack = try await UpStack.make(embedded)
        let pools = stack.pools()
        defer { pools.close() }
        let (apiKey, mailbox) = (embedded.apiKey, embedded.mailbox?.directory ?? "SMTP_URL")
        let settings = stack.stack.settings
        let pushes = try settings.fcm() == nil ? settings.pushLogPath() : "FCM_URL"
        let services = try await stack.services(pools) { port, sfuPort in
            Runtime.say(
                """

                Circles is up.
                  page       http://127.0.0.1:\(port)/
                  API        http://127.0.0.1:\(port)/v1   (X-API-Key: \(apiKey))
                  SFU        http://127.0.0.1:\(sfuPort)   (WHIP, WHEP)
                  token      circles token --uid alice
                  PostgreSQL psql "\(stack.stack.databaseURL)"
                  mailbox    \(mailbox)
                  pushes     \(pushes)

                """)
        }
        try await stack.stack.run(services)
    }
}

/// All services in one process, as `up` and `demo` run them.
struct UpStack: Sendable {
    let stack: Stack

    /// Migrates, creates topics and registers the home's API key.
    static func make(_ embedded: EmbeddedEnvironment) async throws -> UpStack {
        var environment = embedded.environment
        // `circles token` in the same folder finds the secret; the cluster is ours alone, so a
        // takeover need not wait as long as on a network.
        if environment.optional(.kafkaBrokers) == "embedded" {
            environment.set(.kafkaSessionTimeout, "4000")
        }
        let settings = try Settings(environment)
        let stack = Stack(
            settings: settings, databaseURL: try settings.databaseURL(),
            registry: Runtime.registry)
        try await stack.migrate()
        try await stack.ensureTopics()
        let databaseURL = stack.databaseURL
        try await BlockingThread.run(name: "setup") {
            try EmbeddedBrokerService.forgetFormer(databaseURL: databaseURL)
        }
        let pool = stack.pool("setup", as: nil)
        try await APIKeys(pool: pool, clock: stack.clock)
            .register(embedded.apiKey, name: "embedded")
        pool.close()
        return UpStack(stack: stack)
    }

    /// The sessions of each service, with its own rights.
    struct Pools: Sendable {
        let api: ConnectionPool
        let sfu: ConnectionPool
        let jobs: ConnectionPool

        func close() {
            for pool in [api, sfu, jobs] { pool.close() }
        }
    }

    func pools() -> Pools {
        Pools(
            api: stack.pool("api", as: .api), sfu: stack.pool("sfu", as: .sfu),
            jobs: stack.jobsPool())
    }

    /// - Parameter onListening: told the ports of API and SFU once both take clients.
    func services(
        _ pools: Pools, onListening: @escaping @Sendable (Int, Int) async -> Void
    ) async throws -> [any Service] {
        let ports = Mutex<(api: Int?, sfu: Int?)>((nil, nil))
        let listen = { @Sendable (change: @Sendable (inout (api: Int?, sfu: Int?)) -> Void) async in
            let both = ports.withLock { ports in
                change(&ports)
                return ports
            }
            if let api = both.api, let sfu = both.sfu { await onListening(api, sfu) }
        }
        var services: [any Service] = []
        if stack.settings.isKafkaEmbedded { services.append(stack.brokerService()) }
        services.append(try stack.ingestService())
        services += try stack.jobsServices(pool: pools.jobs)
        services.append(
            try await stack.sfuService(pool: pools.sfu) { port in await listen { $0.sfu = port } })
        services += try await stack.apiServices(pool: pools.api) { port in
            await listen { $0.api = port }
        }
        return services
    }
}

struct API: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the API and the outbox relay.")

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        try await stack.ensureTopics()
        let pool = stack.pool("api", as: .api)
        defer { pool.close() }
        try await stack.run(
            try await stack.apiServices(pool: pool) { port in
                Runtime.say("listening on port \(port)")
            })
    }
}

struct SFUCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sfu",
        abstract: "Run an SFU node: WHIP and WHEP over HTTP, media over UDP.",
        discussion: """
            Each node has a name of its own (SFU_NODE_ID). A circle lives on one node; the API \
            sends its members there. SIGTERM retires the node: its circles find another one.
            """)

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        try await stack.ensureTopics()
        let pool = stack.pool("sfu", as: .sfu)
        defer { pool.close() }
        try await stack.run([
            try await stack.sfuService(pool: pool) { port in
                Runtime.say("listening on port \(port)")
            }
        ])
    }
}

struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run Ingest: Kafka into PostgreSQL, exactly once.")

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        try await stack.ensureTopics()
        try await stack.run([
            try stack.ingestService(), try stack.metricsService(usualPort: 9464),
        ])
    }
}

struct Broker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the embedded development broker.",
        discussion: """
            librdkafka's mock cluster: the Kafka protocol over TCP on 127.0.0.1. A transport, not \
            a store: it forgets everything when it stops. Clients find it through PostgreSQL, so \
            DATABASE_URL must be the same everywhere. For anything but development set \
            KAFKA_BROKERS to a Kafka cluster.
            """)

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        try await stack.run([stack.brokerService()])
    }
}
