import Database
import Domain

/// Where readings come from: one query or a few.
protocol AlertSource: Sendable {
    /// Which rules it reads: when it fails, theirs are left as they are.
    var rules: [AlertRule] { get }

    /// - Returns: a reading for each subject that there is something to say of. An open incident
    ///   that has none is calm.
    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading]
}
