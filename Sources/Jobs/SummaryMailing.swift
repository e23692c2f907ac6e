import Database
import Domain
import Logging

/// The hosts' summaries as a job.
public struct SummaryMailing: Job {
    public struct Configuration: Sendable {
        public var smtpURL: String
        public var smtpUser: String?
        public var smtpPassword: String?
        public var smtpRequiresTLS: Bool
        /// PEM of the authorities that may sign its certificate; the system's when `nil`.
        public var smtpAuthorityFile: String?
        /// The address that mail comes from.
        public var sender: String
        public var links = MailLinks()
        /// Signs mail; `nil` leaves it unsigned.
        public var signer: DKIMSigner?

        public init(
            smtpURL: String, smtpUser: String? = nil, smtpPassword: String? = nil,
            smtpRequiresTLS: Bool = false, smtpAuthorityFile: String? = nil, sender: String
        ) {
            self.smtpURL = smtpURL
            self.smtpUser = smtpUser
            self.smtpPassword = smtpPassword
            self.smtpRequiresTLS = smtpRequiresTLS
            self.smtpAuthorityFile = smtpAuthorityFile
            self.sender = sender
        }
    }

    public let name = "summary-mails"
    public let intervalMilliseconds: Int64 = 500
    private let job: SummaryJob
    private let pool: ConnectionPool

    public init(
        _ configuration: Configuration, pool: ConnectionPool, clock: any WallClock, logger: Logger
    ) throws {
        job = try SummaryJob(
            client: SMTPClient(
                configuration: .init(
                    url: configuration.smtpURL, user: configuration.smtpUser,
                    password: configuration.smtpPassword,
                    requiresTLS: configuration.smtpRequiresTLS,
                    authorityFile: configuration.smtpAuthorityFile)),
            sender: configuration.sender, links: configuration.links,
            signer: configuration.signer, clock: clock, logger: logger)
        self.pool = pool
    }

    public func run(at _: Timestamp) async throws -> JobResult {
        let job = job
        // On the session's own thread: SMTP blocks it.
        return try await pool.withConnection { JobResult(count: try job.runOnce($0)) }
    }
}
