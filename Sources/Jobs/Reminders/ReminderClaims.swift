import Database
import Domain

/// The reminders' rows: how they are claimed and what is written down of them.
struct ReminderClaims: Sendable {
    /// Rows claimed at once: what a crash may leave in `sending`.
    static let batchCountMax = 64
    /// Attempts of one reminder; the start usually comes first.
    static let attemptCountMax = 50

    /// A batch is a few rows, in the order of an index. When a big circle's rows have just been
    /// made, statistics still tell of a small table, and a planner that believes them sorts all of
    /// it for each batch: 72 ms with 45 000 rows, where claiming and settling all 64 takes 21 so.
    static let planner = [
        (name: "enable_bitmapscan", value: "off"), (name: "enable_sort", value: "off"),
        (name: "enable_seqscan", value: "off"), (name: "jit", value: "off"),
    ]

    let rule: ReminderRule

    /// A row in `sending`: nobody else sends it.
    struct Claim: Sendable {
        let circleID: CircleID
        let startAt: Timestamp
        let dueAt: Timestamp
        let status: ReminderRule.CircleStatus
        let circleTitle: String
        let target: PushTarget
        /// When the token was registered last.
        let registeredAt: Timestamp
        /// This one, from 1.
        let attempt: Int
    }

    struct Batch: Sendable {
        var claims: [Claim] = []
        var skipCount = 0
    }

    /// Takes what is due, and decides by what holds now.
    ///
    /// - Returns: `nil` when nothing is due.
    func take(_ connection: Connection, at now: Timestamp) throws -> Batch? {
        let rows = try connection.query(facts(at: now))
        guard rows.count > 0 else { return nil }
        var batch = Batch()
        var change = Change()
        for row in try rows.map({ try Candidate($0) }) {
            switch rule.verdict(on: row.facts, at: now) {
            case .skip(let reason):
                batch.skipCount += 1
                change.add(row, "skipped", reason: reason.rawValue, attempt: row.facts.attemptCount)
            case .send:
                let claim = row.claim
                batch.claims.append(claim)
                change.add(row, "sending", reason: nil, attempt: claim.attempt)
            }
        }
        try change.write(connection, at: now)
        return batch
    }

    private func facts(at now: Timestamp) -> SQL {
        let lead = rule.leadSeconds
        return """
            with due as materialized (
                select kind, circle_id, uid, device_id, start_at, due_at, attempt_count
                from pushes
                where kind = \(ReminderQueue.kind) and status = 'pending'
                    and next_attempt_at <= \(now)
                order by next_attempt_at
                limit \(Self.batchCountMax)
                for update skip locked
            )
            select
                due.circle_id, due.uid, due.device_id, due.start_at, due.due_at,
                due.attempt_count::int8, coalesce(circles.title, ''),
                coalesce(circles.status, 'ended'), coalesce(circles.start_at, due.start_at),
                rsvps.made_at, push_tokens.push_token, push_tokens.updated_at,
                exists (
                    select from bans
                    where bans.circle_id = due.circle_id and bans.uid = due.uid
                ),
                coalesce(
                    circles.privacy = 'public' or circles.host_uid = due.uid
                    or due.uid = any (circles.co_host_uids)
                    or exists (
                        select from invitations
                        where invitations.circle_id = due.circle_id and invitations.uid = due.uid
                    ),
                    false
                ),
                exists (
                    select from seats
                    where seats.circle_id = due.circle_id and seats.uid = due.uid
                        and seats.lease_expires_at > \(now)
                ),
                exists (
                    select from pushes as other
                    where other.kind = due.kind and other.circle_id = due.circle_id
                        and other.uid = due.uid and other.device_id = due.device_id
                        and other.start_at <> due.start_at
                        and other.start_at > due.start_at - \(lead) * interval '1 second'
                        and other.start_at < due.start_at + \(lead) * interval '1 second'
                        and other.status in ('sending', 'sent', 'uncertain')
                )
            from due
            left join circles on circles.circle_id = due.circle_id
            left join rsvps on rsvps.circle_id = due.circle_id and rsvps.uid = due.uid
            left join push_tokens
                on push_tokens.uid = due.uid and push_tokens.device_id = due.device_id
            order by due.due_at, due.circle_id, due.uid, due.device_id
            """
    }

    /// Writes down what became of a claim.
    ///
    /// - Parameter nextAttemptAt: with `pending`.
    func settle(
        _ claim: Claim, _ status: String, reason: String? = nil, messageName: String? = nil,
        nextAttemptAt: Timestamp? = nil, _ connection: Connection, at now: Timestamp
    ) throws {
        try connection.query(
            """
            update pushes
            set
                status = \(status), reason = \(reason), message_name = \(messageName),
                next_attempt_at = coalesce(\(nextAttemptAt)::timestamptz, next_attempt_at),
                updated_at = \(now)
            where kind = \(ReminderQueue.kind) and circle_id = \(claim.circleID)
                and uid = \(claim.target.uid) and device_id = \(claim.target.deviceID)
                and start_at = \(claim.startAt) and status = 'sending'
                and attempt_count = \(Int32(claim.attempt))
            """)
    }

    /// Gives a claim back that nothing was sent of: as if it had not been taken.
    func putBack(_ claim: Claim, _ connection: Connection, at now: Timestamp) throws {
        try connection.query(
            """
            update pushes
            set status = 'pending', attempt_count = attempt_count - 1, updated_at = \(now)
            where kind = \(ReminderQueue.kind) and circle_id = \(claim.circleID)
                and uid = \(claim.target.uid) and device_id = \(claim.target.deviceID)
                and start_at = \(claim.startAt) and status = 'sending'
                and attempt_count = \(Int32(claim.attempt))
            """)
    }

    /// Forgets a token that FCM knows no more, unless it has been registered again since.
    func forgetToken(of claim: Claim, _ connection: Connection) throws {
        try connection.query(
            """
            delete from push_tokens
            where uid = \(claim.target.uid) and device_id = \(claim.target.deviceID)
                and push_token = \(claim.target.token) and updated_at = \(claim.registeredAt)
            """)
    }
}

/// A due row with what holds now.
private struct Candidate {
    let circleID: CircleID
    let uid: String
    let deviceID: String
    let startAt: Timestamp
    let dueAt: Timestamp
    let title: String
    let token: String?
    let registeredAt: Timestamp?
    let facts: ReminderRule.Facts

    init(_ row: Row) throws {
        circleID = try row.get(0)
        uid = try row.get(1)
        deviceID = try row.get(2)
        startAt = try row.get(3)
        dueAt = try row.get(4)
        title = try row.get(6)
        token = try row.optional(10)
        registeredAt = try row.optional(11)
        let status = ReminderRule.CircleStatus(rawValue: try row.get(7))
        facts = ReminderRule.Facts(
            startAt: startAt, circleStartAt: try row.get(8),
            // A status that this program does not know yet is none to remind of.
            status: status ?? .ended, madeAt: try row.optional(9), isBanned: try row.get(12),
            mayEnter: try row.get(13), isInside: try row.get(14), hasDevice: token != nil,
            wasReminded: try row.get(15), attemptCount: try row.get(5))
    }

    var claim: ReminderClaims.Claim {
        .init(
            circleID: circleID, startAt: startAt, dueAt: dueAt, status: facts.status,
            circleTitle: title,
            target: PushTarget(uid: uid, deviceID: deviceID, token: token ?? ""),
            registeredAt: registeredAt ?? startAt, attempt: facts.attemptCount + 1)
    }
}

/// The new states of a batch's rows, column by column.
private struct Change {
    private var circleIDs: [CircleID] = []
    private var uids: [String] = []
    private var deviceIDs: [String] = []
    private var startsAt: [Timestamp] = []
    private var statuses: [String] = []
    private var reasons: [String?] = []
    private var attempts: [Int32] = []

    mutating func add(_ row: Candidate, _ status: String, reason: String?, attempt: Int) {
        circleIDs.append(row.circleID)
        uids.append(row.uid)
        deviceIDs.append(row.deviceID)
        startsAt.append(row.startAt)
        statuses.append(status)
        reasons.append(reason)
        attempts.append(Int32(attempt))
    }

    func write(_ connection: Connection, at now: Timestamp) throws {
        try connection.query(
            """
            update pushes
            set
                status = change.status, reason = change.reason,
                attempt_count = change.attempt_count, updated_at = \(now)
            from unnest(
                \(circleIDs), \(uids), \(deviceIDs), \(startsAt), \(statuses),
                \(OptionalArray(reasons)), \(attempts)
            ) as change (circle_id, uid, device_id, start_at, status, reason, attempt_count)
            where pushes.kind = \(ReminderQueue.kind) and pushes.circle_id = change.circle_id
                and pushes.uid = change.uid and pushes.device_id = change.device_id
                and pushes.start_at = change.start_at
            """)
    }
}
