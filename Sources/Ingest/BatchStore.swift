import Database
import Domain
import EventLog

/// What the records of one topic turn into; used by one thread at a time.
protocol BatchStore: AnyObject {
    var topic: String { get }
    /// How long records may wait in the broker for the next request.
    var fetchWaitMilliseconds: Int { get }

    /// Stores a batch; called inside a transaction, and followed by `reset` when that does not
    /// commit. Records that cannot be read go to the dead letters.
    func store(_ batch: RecordBatch, connection: Connection) throws -> IngestOutcome

    /// Told when the transaction of the last `store` has committed.
    func didCommit()

    /// Forgets what is in memory; the next batch reads it from the tables again.
    func reset()
}

extension BatchStore {
    func didCommit() {}
}

/// Records of one topic, and what their store has to know of them.
struct RecordBatch {
    var records: [LogRecord]
    /// The log generation of each partition, for dead letters.
    var generations: [Int32: Int64] = [:]
    var now: Timestamp
    /// Whether records that the log skipped are looked for; `false` where one of them is what
    /// cannot be stored.
    var fillsGaps = true
}

/// What became of a batch's records.
struct IngestOutcome: Sendable, Equatable {
    var acceptedCount = 0
    var duplicateCount = 0
    var deadLetterCount = 0
    /// Records that were not in the log and came from the outbox or from history.
    var filledCount = 0
    /// Records that are in neither.
    var missingCount = 0
    /// Circles folded anew from history, because an event came late.
    var rebuiltCount = 0
    /// Circles of which only the last events were folded anew, because one came a little late.
    var refoldedCount = 0
}
