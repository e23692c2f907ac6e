import BlockingThread
import Database
import Domain
import Logging
import ServiceLifecycle

/// Runs the jobs. Several processes may: each piece of work is claimed by one.
public struct JobsService: Service {
    public struct Configuration: Sendable {
        public var databaseURL: String
        public var smtpURL: String
        public var smtpUser: String?
        public var smtpPassword: String?
        public var smtpRequiresTLS: Bool
        /// The address that mail comes from.
        public var sender: String
        public var links = MailLinks()
        /// Signs mail; `nil` leaves it unsigned.
        public var signer: DKIMSigner?
        /// How often jobs look for work.
        public var intervalMilliseconds: Int

        public init(
            databaseURL: String, smtpURL: String, smtpUser: String? = nil,
            smtpPassword: String? = nil, smtpRequiresTLS: Bool = false, sender: String,
            intervalMilliseconds: Int = 500
        ) {
            self.databaseURL = databaseURL
            self.smtpURL = smtpURL
            self.smtpUser = smtpUser
            self.smtpPassword = smtpPassword
            self.smtpRequiresTLS = smtpRequiresTLS
            self.sender = sender
            self.intervalMilliseconds = intervalMilliseconds
        }
    }

    private let configuration: Configuration
    private let clock: any WallClock
    private let logger: Logger

    public init(configuration: Configuration, clock: any WallClock, logger: Logger) {
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        let stop = StopFlag()
        try await withGracefulShutdownHandler {
            try await BlockingThread.run(name: "jobs") { try work(until: stop) }
        } onGracefulShutdown: {
            stop.raise()
        }
    }

    private func work(until stop: StopFlag) throws {
        let job = try SummaryJob(
            client: SMTPClient(
                configuration: .init(
                    url: configuration.smtpURL, user: configuration.smtpUser,
                    password: configuration.smtpPassword,
                    requiresTLS: configuration.smtpRequiresTLS)),
            sender: configuration.sender, links: configuration.links,
            signer: configuration.signer, clock: clock, logger: logger)
        var connection: Connection?
        var failureCount = 0
        while !stop.isRaised {
            do {
                if connection?.isAlive != true {
                    connection = nil
                    connection = try Connection(
                        url: configuration.databaseURL, applicationName: "circles-jobs",
                        role: .jobs)
                }
                if let connection { _ = try job.runOnce(connection) }
                failureCount = 0
            } catch {
                failureCount += 1
                logger.warning("jobs start over", metadata: ["error": "\(error)"])
                stop.wait(milliseconds: min(100 << min(failureCount, 6), 5000))
            }
            stop.wait(milliseconds: configuration.intervalMilliseconds)
        }
    }
}
