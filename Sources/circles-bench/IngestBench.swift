import ArgumentParser
import BlockingThread
import Database
import Domain
import Embedded
import EventLog
import EventSchema
import Foundation
import Ingest
import Logging
import ServiceLifecycle

struct IngestBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Events per second from Kafka into all tables, beside a bare copy.",
        discussion: """
            Fills the embedded broker, lets one Ingest empty it, then copies the same history \
            rows (binary, psql \\copy) into the emptied history table of the same server. The \
            cluster is a fresh one with PostgreSQL's own durability.
            """)

    @Option(help: "How many events, 1000 to 600000: the embedded broker keeps 5 MiB a partition.")
    var events = 400_000

    @Option(help: "Records in one transaction at most.")
    var batch = 20_000

    func validate() throws {
        guard (1000...600_000).contains(events) else {
            throw ValidationError("--events must be from 1000 to 600000")
        }
    }

    func run() async throws {
        try await BenchCluster.run { url, home in try await measure(url, home: home) }
    }

    private func measure(_ url: String, home: String) async throws {
        let clock = SystemWallClock()
        let eventCount = events
        let broker = try await BlockingThread.run(name: "fill") {
            let connection = try Connection(url: url, applicationName: "bench")
            _ = try Migrator(sqlDirectory: "sql").run(on: connection, today: clock.now())
            let broker = try EmbeddedBroker(partitionCount: Topic.partitionCountDefault)
            try fill(broker, eventCount: eventCount, now: clock.now())
            return broker
        }
        let ingest = try await measureIngest(url, broker)
        let copy = try await measureCopy(url, home: home)
        print(
            String(
                format: """
                    events            %d
                    ingest, all tables %9.0f events/s  (%.2f s)
                    bare copy, history %9.0f rows/s    (%.2f s)
                    ratio              %9.2f
                    """, eventCount, Double(eventCount) / ingest, ingest,
                Double(eventCount) / copy, copy, copy / ingest))
        withExtendedLifetime(broker) {}
    }

    // MARK: Load

    private func fill(_ broker: EmbeddedBroker, eventCount: Int, now: Timestamp) throws {
        let producer = try Producer(
            settings: KafkaSettings(bootstrapServers: broker.bootstrapServers), topic: Topic.events)
        var random = SystemRandomNumberGenerator()
        var made = 0
        while made < eventCount {
            var records: [OutgoingRecord] = []
            while records.count < 20_000, made < eventCount {
                let circle = SyntheticCircle.events(
                    begin: now, countMax: eventCount - made, random: &random)
                made += circle.count
                records += circle.map { event in
                    let key = Array(event.circleID.description.utf8)
                    return OutgoingRecord(
                        partition: producer.partition(of: key), key: key,
                        value: EventCodec.encode(event),
                        headers: [("type", event.payload.typeName)])
                }
            }
            let failed = try producer.publish(records, isAbandoned: { false }).count {
                if case .stored = $0 { false } else { true }
            }
            guard failed == 0 else { throw ValidationError("\(failed) records were not taken") }
        }
    }

    // MARK: Measuring

    /// - Returns: seconds from the claim of the partitions to the last commit.
    private func measureIngest(_ url: String, _ broker: EmbeddedBroker) async throws -> Double {
        let clock = SystemWallClock()
        var logger = Logger(label: "bench")
        logger.logLevel = .warning
        let service = IngestService(
            configuration: .init(databaseURL: url, batchCountMax: batch),
            locator: FixedKafkaLocator(KafkaSettings(bootstrapServers: broker.bootstrapServers)),
            clock: clock, logger: logger)
        let group = ServiceGroup(services: [service], logger: logger)
        let eventCount = events
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let seconds = try await BlockingThread.run(name: "watch") {
                let connection = try Connection(url: url, applicationName: "bench")
                while true {
                    let row = try connection.query(
                        """
                        select coalesce(sum(next_offset), 0)::bigint, min(claimed_at)
                        from ingest_offsets
                        where topic = \(Topic.events)
                        """)[0]
                    if try row.get(0, as: Int.self) >= eventCount {
                        let began: Timestamp = try row.get(1)
                        return Double(clock.now().microseconds - began.microseconds) / 1e6
                    }
                    Thread.sleep(forTimeInterval: 0.01)  // rows have no other signal here
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return seconds
        }
    }

    /// - Returns: seconds of `\copy events from` with the rows that Ingest wrote.
    private func measureCopy(_ url: String, home: String) async throws -> Double {
        let file = home + "/events.copy"
        @Sendable func psql(_ command: String) throws {
            let result = try ChildProcess.run(["psql", url, "-qc", command])
            guard result.status == 0 else { throw ValidationError(result.output) }
        }
        return try await BlockingThread.run(name: "copy") {
            try psql("\\copy (select * from events) to '\(file)' (format binary)")
            try psql("truncate events")
            try psql("checkpoint")
            let began = ContinuousClock.now
            try psql("\\copy events from '\(file)' (format binary)")
            return Double(began.duration(to: .now) / .milliseconds(1)) / 1000
        }
    }
}
