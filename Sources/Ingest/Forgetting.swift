import Crypto
import Database
import Domain
import EventSchema

/// Erases a person: a random tombstone takes the place of their uid wherever it stands, so that
/// every total stays; what only serves to reach them goes. See docs/privacy.md.
///
/// Ingest may be at work meanwhile. The first step is one transaction, after which workers map
/// whatever they read onto the tombstone; history follows circle by circle. What was cut short is
/// taken up by the next run, with the same tombstone.
public struct Forgetting {
    public enum Failure: Error, Sendable, Equatable, CustomStringConvertible {
        case busy
        case inside([CircleID])
        case invalidUID

        public var description: String {
            switch self {
            case .busy: "another replay, verify or forget is at work: try again when it is done"
            case .inside(let circles):
                "they are inside \(circles.map(\.description).joined(separator: ", ")): "
                    + "they must leave first, or --leave makes them"
            case .invalidUID: "a uid has 1 to 128 printable ASCII characters and is no tombstone"
            }
        }
    }

    /// Rows of one table that name the person.
    public struct Finding: Sendable, Equatable {
        public let table: String
        public let count: Int
    }

    public struct Outcome: Sendable {
        public let tombstone: String
        /// Whether an earlier run was taken up.
        public let isResumed: Bool
        public let circleCount: Int
        public let eventCount: Int
    }

    /// What every tombstone begins with.
    public static let tombstonePrefix = "forgotten:"
    static let eventCountMax = 1000
    private static let attemptCountMax = 10

    let connection: Connection
    private let clock: any WallClock
    /// Told now and then how far it has come.
    private let progress: (String) -> Void

    @available(*, noasync)
    public init(
        databaseURL: String, clock: any WallClock, progress: @escaping (String) -> Void = { _ in }
    ) throws {
        connection = try Connection(url: databaseURL, applicationName: "circles-forget")
        self.clock = clock
        self.progress = progress
    }

    /// Counts the rows that name the person, history included; changes nothing.
    @available(*, noasync)
    public func survey(_ uid: String) throws -> [Finding] {
        try Self.check(uid)
        return try UIDTable.all(connection).compactMap { table in
            progress("looking through \(table.name)")
            let count: Int = try connection.query(
                """
                select count(*) from public.\(trusted: table.name)
                where \(table.names(uid))
                """)[0].get(0)
            return count > 0 ? Finding(table: table.name, count: count) : nil
        }
    }

    /// Where the person is inside now.
    @available(*, noasync)
    public func seats(of uid: String) throws -> [CircleID] {
        try connection.query("select circle_id from seats where uid = \(uid) order by circle_id")
            .map { try $0.get(0) }
    }

    @available(*, noasync)
    public func run(_ uid: String) throws -> Outcome {
        try Self.check(uid)
        // A rebuild in the middle would mix names; the lock goes with the session.
        guard
            try connection.query("select pg_try_advisory_lock(hashtext('circles.replay'))")[0]
                .get(0, as: Bool.self)
        else { throw Failure.busy }
        defer {
            // Gone with the session at the latest.
            _ = try? connection.query("select pg_advisory_unlock(hashtext('circles.replay'))")
        }
        let (erasure, isResumed) = try retrying { try begin(uid) }
        let circles = try circles(of: erasure)
        var eventCount = 0
        for (index, circleID) in circles.enumerated() {
            eventCount += try rewriteEvents(of: circleID, erasure)
            try retrying { try connection.transaction { try rewriteState(of: circleID, erasure) } }
            progress("\(index + 1) of \(circles.count) circles, \(eventCount) events rewritten")
        }
        try retrying { try connection.transaction { try finish(erasure) } }
        return Outcome(
            tombstone: erasure.tombstone, isResumed: isResumed, circleCount: circles.count,
            eventCount: eventCount)
    }

    private static func check(_ uid: String) throws {
        guard Limits.isName(uid, byteCount: Limits.uidByteCount), !uid.hasPrefix(tombstonePrefix)
        else { throw Failure.invalidUID }
    }

    /// Again after what may pass, such as a deadlock with a command.
    func retrying<Result>(_ body: () throws -> Result) throws -> Result {
        for _ in 1..<Self.attemptCountMax {
            do {
                return try body()
            } catch let error as DatabaseError where error.isRetriable && connection.isAlive {
                progress("again after: \(error)")
            }
        }
        return try body()
    }

    // MARK: The first step

    /// Finds the erasure that was cut short, or begins one: all that stands in small tables and
    /// all that is read by uid, in one transaction.
    func begin(_ uid: String) throws -> (Erasure, isResumed: Bool) {
        try connection.transaction {
            let hash = ForgottenMembers.hash(uid, try ForgottenMembers.key(connection))
            // Batches of Ingest advance their offsets first: whoever is at work finishes before
            // this lock is ours, and nobody begins until we are done.
            try connection.script("lock table ingest_offsets in exclusive mode")
            let begun = try connection.query(
                """
                select tombstone, forgotten_at from forgotten_members
                where uid_hash = \(Bytes(hash)) and finished_at is null
                """)
            if let row = begun.first {
                let erasure = Erasure(
                    uid: uid, tombstone: try row.get(0), forgottenAt: try row.get(1))
                return (erasure, true)
            }
            let seats = try seats(of: uid)
            guard seats.isEmpty else { throw Failure.inside(seats) }
            let erasure = Erasure(
                uid: uid, tombstone: Self.tombstone(), forgottenAt: try forgottenAt())
            try connection.query(
                """
                insert into forgotten_members (uid_hash, forgotten_at, tombstone)
                values (\(Bytes(hash)), \(erasure.forgottenAt), \(erasure.tombstone))
                """)
            try eraseContacts(uid)
            try eraseCommands(erasure)
            try eraseOutbox(erasure)
            // Workers begin again with nothing in memory, and with this erasure.
            try connection.script(
                """
                update ingest_offsets set claim_epoch = claim_epoch + 1;
                drop schema if exists \(Replay.schema) cascade;
                """)
            return (erasure, false)
        }
    }

    private static func tombstone() -> String {
        var random = SystemRandomNumberGenerator()
        let words: [UInt64] = [random.next(), random.next()]
        return tombstonePrefix
            + words.map { word in
                let digits = String(word, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }.joined()
    }

    /// Now, and after every event that a command has written: the API's clock may be ahead.
    private func forgottenAt() throws -> Timestamp {
        let row = try connection.query(
            "select max(last_event_at) from circles where last_event_at < now() + interval '1 hour'"
        )[0]
        let last: Timestamp? = try row.optional(0)
        return max(clock.now(), last?.adding(microseconds: 1) ?? clock.now())
    }

    // MARK: The last step

    private func finish(_ erasure: Erasure) throws {
        try eraseMentions(erasure)
        let hash = ForgottenMembers.hash(erasure.uid, try ForgottenMembers.key(connection))
        try connection.query(
            """
            update forgotten_members set finished_at = \(clock.now())
            where uid_hash = \(Bytes(hash)) and forgotten_at = \(erasure.forgottenAt)
            """)
    }
}
