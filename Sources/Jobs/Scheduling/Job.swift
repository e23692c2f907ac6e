import Domain

/// One kind of recurring work. The scheduler sees to it that of all Jobs processes one does it at
/// a time, and keeps what became of each run.
public protocol Job: Sendable {
    /// Names its row in the table of jobs: lower case with hyphens, never changed.
    var name: String { get }
    /// From the begin of one run to the begin of the next, milliseconds.
    var intervalMilliseconds: Int64 { get }

    /// Does what is due. After a crash anywhere within it runs again, here or in another process:
    /// what it sends is claimed by a row first, what it writes is written once.
    ///
    /// - Parameter now: by the process's clock; it may step.
    /// - Throws: what kept it from its work; the scheduler tries again later.
    func run(at now: Timestamp) async throws -> JobResult
}

/// What one run did.
public struct JobResult: Sendable, Equatable {
    /// How many pieces of work: pushes, mails, circles ended, rows removed.
    public var count: Int
    /// A few words for `circles jobs status`; empty when there is nothing to say.
    public var detail: String

    public init(count: Int, detail: String = "") {
        self.count = count
        self.detail = detail
    }

    /// Nothing was due.
    public static let idle = JobResult(count: 0)
}
