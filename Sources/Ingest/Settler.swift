import BlockingThread
import Database
import Domain
import Logging

/// Makes the rollups of what has come to rest, some every few seconds; several may be at work.
final class Settler: Sendable {
    private let databaseURL: String
    private let clock: any WallClock
    private let logger: Logger
    private let stop: StopFlag

    private static let intervalMilliseconds = 10_000
    /// Keys of a rollup in one transaction.
    private static let countMax: Int32 = 50

    init(databaseURL: String, clock: any WallClock, logger: Logger, stop: StopFlag) {
        self.databaseURL = databaseURL
        self.clock = clock
        self.logger = logger
        self.stop = stop
    }

    /// Blocks until `stop` is raised.
    @available(*, noasync)
    func run() {
        var connection: Connection?
        while !stop.isRaised {
            do {
                let open =
                    try connection
                    ?? Connection(
                        url: databaseURL, applicationName: "circles-settle", role: .ingest)
                connection = open
                while !stop.isRaised, try settle(open) > 0 {}
            } catch {
                // What is not settled is computed by those who read it, and tried again here.
                logger.warning("cannot settle rollups", metadata: ["error": "\(error)"])
                connection = nil
            }
            stop.wait(milliseconds: Self.intervalMilliseconds)
        }
    }

    @available(*, noasync)
    private func settle(_ connection: Connection) throws -> Int {
        try connection.transaction {
            try connection.query("select settle_rollups(\(clock.now()), \(Self.countMax))")[0]
                .get(0, as: Int.self)
        }
    }
}
