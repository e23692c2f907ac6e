import Database
import Domain

/// The table of jobs: which process does which job, and when it is due.
///
/// All times are the database's, so that Jobs processes whose clocks differ agree. Its clock may
/// step too: a time that lies further ahead than any schedule puts it counts as reached.
struct JobLedger: Sendable {
    /// How long a process that says nothing keeps a job. Renewed each third of it.
    static let leaseMilliseconds: Int64 = 12_000
    /// After failures a job waits longer, up to this or its interval.
    static let backoffMillisecondsMax: Int64 = 300_000

    /// A job that this process may run.
    struct Claim: Sendable, Equatable {
        let name: String
        let fence: Int64
        /// How late it begins.
        let lagMilliseconds: Int64
    }

    let pool: ConnectionPool
    /// This process, unlike any other.
    let holder: String
    /// In tests, in place of the database's clock.
    let clock: (any WallClock)?

    init(pool: ConnectionPool, holder: String, clock: (any WallClock)? = nil) {
        self.pool = pool
        self.holder = holder
        self.clock = clock
    }

    private var now: SQL {
        if let clock { return "\(clock.now())::timestamptz" }
        return "clock_timestamp()"
    }

    /// Makes the rows of jobs that have none; a new one is due at once.
    func register(_ jobs: [any Job]) async throws {
        let (names, intervals, now) = (jobs.map(\.name), jobs.map(\.intervalMilliseconds), now)
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into jobs (name, interval_ms, next_run_at)
                select job.name, job.interval_ms, \(now)
                from unnest(\(names), \(intervals)) as job (name, interval_ms)
                on conflict (name) do update
                set interval_ms = excluded.interval_ms
                where jobs.interval_ms <> excluded.interval_ms
                """)
        }
    }

    /// Takes up to `limit` of these jobs that are due and nobody's.
    func claim(_ names: [String], limit: Int) async throws -> [Claim] {
        guard limit > 0, !names.isEmpty else { return [] }
        let (holder, now) = (holder, now)
        return try await pool.withConnection { connection in
            try connection.query(
                """
                with moment as materialized (
                    select \(now) as at
                ),
                due as materialized (
                    select name, greatest(at - next_run_at, interval '0') as lag, at
                    from jobs
                    cross join moment
                    where name = any (\(names))
                        and (
                            next_run_at <= at
                            or next_run_at > at + greatest(
                                interval_ms, \(Self.backoffMillisecondsMax)
                            ) * interval '1.1 milliseconds'
                        )
                        and (
                            lease_holder is null
                            or lease_expires_at <= at
                            or lease_expires_at
                                > at + \(Self.leaseMilliseconds) * interval '1.1 milliseconds'
                        )
                    order by next_run_at
                    limit \(limit)
                    for update of jobs skip locked
                )
                update jobs
                set
                    lease_holder = \(holder), fence = fence + 1, last_started_at = due.at,
                    lease_expires_at
                        = due.at + \(Self.leaseMilliseconds) * interval '1 millisecond'
                from due
                where jobs.name = due.name
                returning
                    jobs.name, jobs.fence, (extract(epoch from due.lag) * 1000)::bigint
                """
            ).map { row in
                Claim(
                    name: try row.get(0), fence: try row.get(1), lagMilliseconds: try row.get(2))
            }
        }
    }

    /// Keeps these jobs for another lease.
    ///
    /// - Returns: those that are still this process's.
    func renew(_ claims: [Claim]) async throws -> Set<String> {
        guard !claims.isEmpty else { return [] }
        let (names, fences) = (claims.map(\.name), claims.map(\.fence))
        let (holder, now) = (holder, now)
        return try await pool.withConnection { connection in
            Set(
                try connection.query(
                    """
                    update jobs
                    set lease_expires_at
                        = \(now) + \(Self.leaseMilliseconds) * interval '1 millisecond'
                    from unnest(\(names), \(fences)) as held (name, fence)
                    where jobs.name = held.name and jobs.fence = held.fence
                        and jobs.lease_holder = \(holder)
                    returning jobs.name
                    """
                ).map { try $0.get(0, as: String.self) })
        }
    }

    /// Records what became of a run, and when the next one is due.
    ///
    /// - Returns: `false` when the lease was lost: another process has the job, nothing is recorded.
    func finish(_ claim: Claim, _ outcome: Result<JobResult, JobFailure>) async throws -> Bool {
        let (holder, now) = (holder, now)
        var result: JobResult?
        var failure: JobFailure?
        switch outcome {
        case .success(let success): result = success
        case .failure(let error): failure = error
        }
        let (count, detail, message) = (
            result.map { Int64($0.count) }, result.map { String($0.detail.prefix(500)) },
            failure.map { String($0.message.prefix(2000)) }
        )
        return try await pool.withConnection { connection in
            try connection.query(
                """
                update jobs
                set
                    lease_holder = null, lease_expires_at = null, last_finished_at = moment.at,
                    last_count = coalesce(\(count), last_count),
                    last_detail = coalesce(\(detail), last_detail),
                    last_error = \(message)::text,
                    failure_count = case when \(message)::text is null then 0
                        else failure_count + 1 end,
                    run_count = run_count + 1,
                    -- One run however many were missed; 2, 4, 8 … intervals after failures.
                    next_run_at = case when \(message)::text is null
                        then greatest(
                            last_started_at + interval_ms * interval '1 millisecond', moment.at
                        )
                        else moment.at + least(
                            interval_ms * 2 ^ least(failure_count + 1, 20),
                            greatest(interval_ms, \(Self.backoffMillisecondsMax))
                        ) * interval '1 millisecond' end
                from (select \(now) as at) as moment
                where name = \(claim.name) and fence = \(claim.fence)
                    and lease_holder = \(holder)
                """
            ).affectedCount == 1
        }
    }
}

/// Why a run came to nothing.
struct JobFailure: Error, Equatable {
    let message: String
}
