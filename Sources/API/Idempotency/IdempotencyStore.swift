import Database
import Domain

/// The table `idempotency_keys`: which requests are being answered, and what they were answered.
///
/// A row is claimed, then answered or released; a claim whose holder died is taken over after
/// `lockSeconds`. Times are those of the claimers' clocks, which agree within seconds.
struct IdempotencyStore: Sendable {
    let pool: ConnectionPool
    let clock: any WallClock

    /// Longer than any request takes: a statement is given up after ten seconds.
    static let lockSeconds: Int64 = 30
    static let lifetimeSeconds: Int64 = 86_400

    /// The right to answer a request.
    struct Ticket: Sendable, Equatable {
        let uid: String
        let key: IdempotencyKey
        /// From 1; a later attempt has taken the claim over.
        let attempt: Int64
        /// For what the request creates; the same in each attempt.
        let entityID: EventID
    }

    enum Claim: Sendable {
        case granted(Ticket)
        case answered(StoredAnswer)
        case inUse(retryAfterSeconds: Int64)
        /// The key was used for another request.
        case reused
    }

    /// Claims a key for a request, or tells what became of its earlier claim.
    func claim(_ key: IdempotencyKey, uid: String, fingerprint: [UInt8]) async throws -> Claim {
        let now = clock.now()
        return try await pool.withConnection { connection in
            // Between the two statements the row may go or its claim end: then again.
            for _ in 0..<3 {
                if let ticket = try connection.claim(
                    key, uid: uid, fingerprint: fingerprint, now: now)
                {
                    return .granted(ticket)
                }
                if let claim = try connection.claimed(
                    key, uid: uid, fingerprint: fingerprint, now: now)
                {
                    return claim
                }
            }
            return .inUse(retryAfterSeconds: 1)
        }
    }

    /// Keeps the answer for retries.
    ///
    /// - Returns: whether this attempt was still the newest; an older one stores nothing.
    func store(_ answer: StoredAnswer, for ticket: Ticket) async throws -> Bool {
        try await pool.withConnection { connection in
            try connection.query(
                """
                update idempotency_keys
                set
                    response_status = \(Int32(answer.status)),
                    response_header_names = \(answer.headers.map(\.name)),
                    response_header_values = \(answer.headers.map(\.value)),
                    response_body = \(Bytes(answer.body))
                where uid = \(ticket.uid) and idempotency_key = \(ticket.key.text)
                    and attempt = \(ticket.attempt) and response_status is null
                """
            ).affectedCount > 0
        }
    }

    /// Lets the next try run at once. The row stays, with its `entity_id`: what failed may have
    /// created something all the same.
    func release(_ ticket: Ticket) async throws {
        let now = clock.now()
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                update idempotency_keys
                set locked_until = \(now)
                where uid = \(ticket.uid) and idempotency_key = \(ticket.key.text)
                    and attempt = \(ticket.attempt) and response_status is null
                """)
        }
    }
}

extension Connection {
    /// Inserts the claim, or takes over one that has expired, was released or abandoned.
    fileprivate func claim(
        _ key: IdempotencyKey, uid: String, fingerprint: [UInt8], now: Timestamp
    ) throws -> IdempotencyStore.Ticket? {
        let expiry = now.adding(seconds: -IdempotencyStore.lifetimeSeconds)
        let rows = try query(
            """
            insert into idempotency_keys as existing (
                uid, idempotency_key, fingerprint, entity_id, created_at, attempt, locked_until
            )
            values (
                \(uid), \(key.text), \(Bytes(fingerprint)), \(EventID(now: now)), \(now), 1,
                \(now.adding(seconds: IdempotencyStore.lockSeconds))
            )
            on conflict (uid, idempotency_key) do update
            set
                fingerprint = excluded.fingerprint,
                entity_id = case
                    when existing.created_at <= \(expiry) then excluded.entity_id
                    else existing.entity_id
                end,
                created_at = case
                    when existing.created_at <= \(expiry) then excluded.created_at
                    else existing.created_at
                end,
                attempt = existing.attempt + 1,
                locked_until = excluded.locked_until,
                response_status = null,
                response_header_names = null,
                response_header_values = null,
                response_body = null
            where existing.created_at <= \(expiry)
                or (
                    existing.fingerprint = excluded.fingerprint
                    and existing.response_status is null
                    and existing.locked_until <= \(now)
                )
            returning attempt, entity_id
            """)
        return try rows.first.map { row in
            IdempotencyStore.Ticket(
                uid: uid, key: key, attempt: try row.get(0), entityID: try row.get(1))
        }
    }

    /// What became of the claim that is there; `nil` when it has gone or may be taken over now.
    fileprivate func claimed(
        _ key: IdempotencyKey, uid: String, fingerprint: [UInt8], now: Timestamp
    ) throws -> IdempotencyStore.Claim? {
        let rows = try query(
            """
            select
                fingerprint, locked_until, response_status, response_header_names,
                response_header_values, response_body
            from idempotency_keys
            where uid = \(uid) and idempotency_key = \(key.text)
            """)
        guard let row = rows.first else { return nil }
        guard try row.get(0, as: Bytes.self).array == fingerprint else { return .reused }
        guard let status: Int = try row.optional(2) else {
            let lockedUntil: Timestamp = try row.get(1)
            let remaining = lockedUntil.microseconds - now.microseconds
            return remaining <= 0
                ? nil
                : .inUse(
                    retryAfterSeconds: min(
                        (remaining + 999_999) / 1_000_000, IdempotencyStore.lockSeconds))
        }
        let names = try row.get(3, as: [String].self)
        let values = try row.get(4, as: [String].self)
        return .answered(
            StoredAnswer(
                status: status, headers: zip(names, values).map { ($0, $1) },
                body: try row.get(5, as: Bytes.self).array))
    }
}
