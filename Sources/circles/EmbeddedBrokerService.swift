import BlockingThread
import Database
import Domain
import EventLog
import Logging
import ServiceLifecycle

/// Runs the embedded development broker and writes where it listens into `embedded_brokers`,
/// where relay and Ingest look: its port is another one each time.
struct EmbeddedBrokerService: Service {
    let databaseURL: String
    let clock: any WallClock
    let logger: Logger

    /// Forgets where brokers listened that are gone.
    @available(*, noasync)
    static func forgetFormer(databaseURL: String) throws {
        try Connection(url: databaseURL, applicationName: "circles-broker")
            .query("delete from embedded_brokers")
    }

    func run() async throws {
        let broker = try await BlockingThread.run(name: "broker") {
            let broker = try EmbeddedBroker()
            let connection = try Connection(url: databaseURL, applicationName: "circles-broker")
            let now = clock.now()
            try connection.query("delete from embedded_brokers")
            try connection.query(
                """
                insert into embedded_brokers (incarnation, bootstrap_servers, started_at)
                values (\(EventID(now: now)), \(broker.bootstrapServers), \(now))
                """)
            return broker
        }
        logger.notice(
            "development broker (librdkafka's mock cluster): a transport that forgets everything when it stops",
            metadata: ["brokers": "\(broker.bootstrapServers)"])
        try? await gracefulShutdown()  // cancelled is as good as shut down
        withExtendedLifetime(broker) {}
    }
}

/// Finds the embedded broker that started last.
final class EmbeddedBrokerLocator: KafkaLocator {
    private let databaseURL: String
    private let settings: @Sendable (_ bootstrapServers: String) -> KafkaSettings

    init(
        databaseURL: String,
        settings: @escaping @Sendable (_ bootstrapServers: String) -> KafkaSettings
    ) {
        self.databaseURL = databaseURL
        self.settings = settings
    }

    func locate() throws -> KafkaEndpoint? {
        // One session a look, twice a second: development only.
        let connection = try Connection(url: databaseURL, applicationName: "circles-locate")
        let rows = try connection.query(
            """
            select incarnation, bootstrap_servers
            from embedded_brokers
            order by started_at desc, incarnation desc
            limit 1
            """)
        guard let row = rows.first else { return nil }
        let incarnation: EventID = try row.get(0)
        return KafkaEndpoint(
            settings: settings(try row.get(1)), incarnation: incarnation.description)
    }
}
