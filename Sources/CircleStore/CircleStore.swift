import Database
import Domain
import EventSchema

/// Every command on circles. Each is one transaction that checks, changes seats, numbers its
/// events and puts them into the outbox; when it has committed, the events cannot be lost.
///
/// All commands on one circle wait for each other on its row's lock, so limits are exact and
/// sequence numbers have no gap.
public struct CircleStore: Sendable {
    let pool: ConnectionPool
    let clock: any WallClock
    let settings: Settings
    let signal: OutboxSignal

    public struct Settings: Sendable {
        /// How long a seat is kept without a sign of life from its member.
        public var seatLeaseSeconds: Int64
        /// How long a live circle waits for a host who left or was lost.
        public var hostGraceSeconds: Int64

        public init(seatLeaseSeconds: Int64, hostGraceSeconds: Int64 = 60) {
            self.seatLeaseSeconds = seatLeaseSeconds
            self.hostGraceSeconds = hostGraceSeconds
        }
    }

    /// Run-time parameters of a pool for commands. Each of their statements finds its rows by an
    /// index; a plan made while a table was empty would read it whole, and a session keeps its
    /// plans when the table has filled.
    public static let sessionSettings: [(name: String, value: String)] = [
        ("enable_seqscan", "off"),
        // A table without a fitting index costs so much then that its plan would be compiled.
        ("jit", "off"),
    ]

    /// - Parameter pool: where people wait for commands, its sessions have `sessionSettings`.
    public init(pool: ConnectionPool, clock: any WallClock, settings: Settings) {
        self.pool = pool
        self.clock = clock
        self.settings = settings
        signal = OutboxSignal(pool: pool)
    }

    /// How long a seat is kept without a sign of life from its member.
    public var seatLeaseSeconds: Int64 { settings.seatLeaseSeconds }

    /// Runs `body` as one command: in a transaction, with the circle's row locked and its events
    /// written at the end.
    ///
    /// - Parameter reading: what `body` finds in `CircleTransaction.alongside`.
    /// - Throws: `CommandError` when a rule forbids it, `DatabaseError` when PostgreSQL fails.
    func command<Result: Sendable>(
        on circleID: CircleID, by caller: Caller, reading: [SQL] = [],
        _ body: @escaping @Sendable (inout CircleTransaction) throws -> Result
    ) async throws -> Result {
        let store = self
        let result = try await pool.transaction(settings: caller.rowSecurity) { connection in
            var transaction = try CircleTransaction(
                connection: connection, circleID: circleID, caller: caller, store: store,
                reading: reading)
            let result = try body(&transaction)
            try transaction.writeEvents()
            return result
        }
        signal.send()
        return result
    }
}

/// Who runs a command.
public struct Caller: Sendable, Hashable {
    /// Empty for the system itself.
    public var uid: String
    public var email: String?
    /// Goes with the events into Kafka's headers.
    public var traceID: String

    /// One of our own services, which knows of every circle.
    static func system(traceID: String) -> Caller {
        var caller = Caller(uid: "", traceID: traceID)
        caller.isSystem = true
        return caller
    }

    private(set) var isSystem = false

    /// Tells the policies of `sql/migrations/0013_create_service_roles.sql` who asks. A space is
    /// in no uid.
    var rowSecurity: [(name: String, value: String)] {
        [("circles.uid", isSystem ? " system" : uid)]
    }

    public init(uid: String, email: String? = nil, traceID: String = "") {
        self.uid = uid
        self.email = email
        self.traceID = traceID
    }
}

/// A circle as its commands know it.
public struct Circle: Sendable, Hashable {
    public let circleID: CircleID
    public var details: CircleDetails
    public var status: CircleStatus
    public let createdAt: Timestamp
    public var startedAt: Timestamp?
    public var endedAt: Timestamp?
    /// Counts the changes of description and status, from 1. Who is inside does not count: that
    /// changes all the time and is nobody's to overwrite.
    public internal(set) var version: Int64 = 1

    /// Whether the member may moderate.
    public func isHosted(by uid: String) -> Bool {
        details.hostUID == uid || details.coHostUIDs.contains(uid)
    }
}

/// A member's place in a circle.
public struct Seat: Sendable, Hashable {
    public let uid: String
    public let sessionID: SessionID
    public var role: Role
    public var isMuted: Bool
    public var handRaisedAt: Timestamp?
    public let joinedAt: Timestamp
    public var leaseExpiresAt: Timestamp
    /// The device that the member came in with, if it said so.
    public var deviceID: String? = nil
    /// A moderator's invitation onto the stage that waits for an answer.
    public var invitation: Invitation? = nil

    public struct Invitation: Sendable, Hashable {
        public let invitedAt: Timestamp
        public let actorUID: String
    }

    var member: Event.Member { Event.Member(uid: uid, sessionID: sessionID) }
}
