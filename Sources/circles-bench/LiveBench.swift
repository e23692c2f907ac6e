import API
import ArgumentParser
import BlockingThread
import CircleStore
import Database
import Domain
import Embedded
import EventLog
import Foundation
import Ingest
import Logging
import ServiceLifecycle

struct LiveBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "How long an accepted command takes to those who follow its circle.",
        discussion: """
            Runs PostgreSQL (with its own durability), a broker, relay, Ingest and the API with \
            live updates, opens event streams over HTTP, and lets members raise and lower their \
            hands: first in many circles, then in one, where every command waits for the one \
            before it and every event goes to every stream. Times are taken in this process.
            """)

    @Option(help: "Open event streams, 1 to 1000.")
    var subscribers = 100

    @Option(help: "Commands per second, 1 to 10000.")
    var rate = 1_000

    @Option(help: "How long each variant is measured, 1 to 600.")
    var seconds = 20

    @Option(help: "Circles of the first variant, 1 to 500.")
    var circles = 50

    @Option(help: "Sessions for commands (DATABASE_POOL_SIZE), 1 to 200.")
    var sessions = ConnectionPool.sizeOfMachine

    /// DESIGN.md: freshness at 1,000 events/s.
    private static let aimMilliseconds = 100.0

    func validate() throws {
        guard (1...1000).contains(subscribers), (1...10_000).contains(rate),
            (1...600).contains(seconds), (1...500).contains(circles),
            (1...200).contains(sessions)
        else { throw ValidationError("an option is out of its range") }
    }

    func run() async throws {
        try await BenchCluster.run { url, _ in try await measure(url) }
    }

    private func measure(_ databaseURL: String) async throws {
        let broker = try await BlockingThread.run(name: "set-up") {
            let connection = try Connection(url: databaseURL, applicationName: "bench")
            _ = try Migrator(sqlDirectory: "sql").run(
                on: connection, today: SystemWallClock().now())
            return try EmbeddedBroker()
        }
        let (subscribers, rate, seconds, circles) = (subscribers, rate, seconds, circles)
        let kafka = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        try await LiveBenchStack.run(
            databaseURL: databaseURL, kafka: kafka, sessionCount: sessions
        ) { stack in
            print(Self.header)
            for circleCount in Set([circles, 1]).sorted(by: >) {
                let run = try await LiveBenchRun(
                    stack: stack, circleCount: circleCount, subscriberCount: subscribers,
                    rate: rate, seconds: seconds
                ).measure()
                print(Self.row(circleCount, run))
            }
            print(Self.legend)
        }
        withExtendedLifetime(broker) {}
    }

    private static let header = """

        circles  commands/s  deliveries/s | command p50    p99 | log p50    p99 \
        | delivered p50    p99 | from the command's time p50    p99 | aim p99
        """

    private static let legend = """

        command     from the call of CircleStore until it has committed
        log         from the commit until the record is read from Kafka
        delivered   from the commit until the event has been read by an HTTP client
        All in milliseconds; a command's time is taken before it commits.
        """

    private static func row(_ circleCount: Int, _ result: LiveBenchResult) -> String {
        func pair(_ values: [Double]) -> String {
            String(format: "%7.1f%7.1f", percentile(values, 50), percentile(values, 99))
        }
        return String(
            format: "%7d%12.0f%14.0f |    %@ |%@ |     %@ |              %@ | %.0f",
            circleCount, result.commandsPerSecond, result.deliveriesPerSecond,
            pair(result.commands), pair(result.log), pair(result.delivered),
            pair(result.sinceCommandTime), aimMilliseconds)
    }

    /// By nearest rank.
    private static func percentile(_ values: [Double], _ percent: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
        return sorted[max(0, min(sorted.count, rank) - 1)]
    }
}

/// Milliseconds of each command or delivery.
struct LiveBenchResult: Sendable {
    var commandsPerSecond = 0.0
    var deliveriesPerSecond = 0.0
    var commands: [Double] = []
    var log: [Double] = []
    var delivered: [Double] = []
    var sinceCommandTime: [Double] = []
}
