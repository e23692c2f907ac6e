import Database
import Domain
import Logging
import Metrics
import Synchronization

/// Runs jobs when they are due, each in one process of all at a time.
///
/// A job that fails or hangs keeps no other from its work: jobs run side by side, and each has a
/// time limit. One that does not heed it is given up; when its lease is over another process may
/// take it, while this one starts it no more until it has returned.
final class JobScheduler: Sendable {
    struct Limits: Sendable {
        /// Runs side by side.
        var runCountMax = 8
        /// How often the table of jobs is looked at.
        var tick: Duration = .milliseconds(250)
        var runTime: Duration = .seconds(300)
        /// How long a shutdown waits for runs before they are cancelled.
        var drainTime: Duration = .seconds(20)
    }

    private let jobs: [String: any Job]
    private let ledger: JobLedger
    private let clock: any WallClock
    private let limits: Limits
    private let logger: Logger
    private let lags: [String: Gauge]

    private struct Run {
        let claim: JobLedger.Claim
        let task: Task<Void, Never>
        let startedAt: ContinuousClock.Instant
        /// Its lease is not renewed any more.
        var isGivenUp = false
    }

    private let runs = Mutex<[String: Run]>([:])

    init(
        jobs: [any Job], ledger: JobLedger, clock: any WallClock, limits: Limits = Limits(),
        logger: Logger
    ) {
        self.jobs = Dictionary(uniqueKeysWithValues: jobs.map { ($0.name, $0) })
        self.ledger = ledger
        self.clock = clock
        self.limits = limits
        self.logger = logger
        lags = Dictionary(
            uniqueKeysWithValues: jobs.map {
                (
                    $0.name,
                    Gauge(label: "circles_jobs_lag_seconds", dimensions: [("job_name", $0.name)])
                )
            })
    }

    /// Runs until it is cancelled; then lets what runs come to its end.
    func run() async {
        var isRegistered = false
        var failureCount = 0
        var nextRenewal = ContinuousClock.now
        while !Task.isCancelled {
            do {
                if !isRegistered {
                    try await ledger.register(Array(jobs.values))
                    isRegistered = true
                }
                if ContinuousClock.now >= nextRenewal {
                    nextRenewal = .now.advanced(
                        by: .milliseconds(JobLedger.leaseMilliseconds / 3))
                    try await renew()
                }
                try await startDue()
                failureCount = 0
            } catch is CancellationError {
                break
            } catch {
                failureCount += 1
                logger.warning("jobs not looked at", metadata: ["error": "\(error)"])
            }
            let pause = limits.tick * (1 << min(failureCount, 5))
            // Cancelled, the loop ends.
            try? await Task.sleep(for: pause)
        }
        await drain()
    }

    /// Starts what is due now.
    func startDue() async throws {
        let running = runs.withLock { $0 }
        let idle = jobs.keys.filter { running[$0] == nil }
        let claims = try await ledger.claim(
            Array(idle), limit: limits.runCountMax - running.count)
        for claim in claims { start(claim) }
    }

    private func start(_ claim: JobLedger.Claim) {
        guard let job = jobs[claim.name] else { return }
        lags[claim.name]?.record(Double(claim.lagMilliseconds) / 1000)
        // The entry is there before the run can look for it.
        runs.withLock { runs in
            runs[claim.name] = Run(
                claim: claim, task: Task { await self.perform(job, claim) }, startedAt: .now)
        }
    }

    private func perform(_ job: any Job, _ claim: JobLedger.Claim) async {
        let begin = ContinuousClock.now
        let outcome: Result<JobResult, JobFailure>
        do {
            outcome = .success(try await job.run(at: clock.now()))
        } catch {
            outcome = .failure(JobFailure(message: "\(error)"))
        }
        var result = "done"
        if case .failure(let failure) = outcome {
            result = "failed"
            logger.warning(
                "job failed", metadata: ["job": "\(job.name)", "error": "\(failure.message)"])
        }
        do {
            // Not from this task: the result of a cancelled run is recorded too.
            let isRecorded = try await Task { try await ledger.finish(claim, outcome) }.value
            if !isRecorded {
                result = "superseded"
                logger.warning("job was taken over", metadata: ["job": "\(job.name)"])
            }
        } catch {
            // The lease runs out, and the job is run again.
            logger.warning(
                "result not recorded", metadata: ["job": "\(job.name)", "error": "\(error)"])
        }
        Counter(
            label: "circles_jobs_runs_total",
            dimensions: [("job_name", job.name), ("result", result)]
        ).increment()
        Metrics.Timer(
            label: "circles_jobs_run_duration_seconds", dimensions: [("job_name", job.name)]
        ).record(duration: ContinuousClock.now - begin)
        runs.withLock { $0[claim.name] = nil }
    }

    /// Keeps the leases of what runs; gives up what runs too long, and stops what was taken over.
    private func renew() async throws {
        let now = ContinuousClock.now
        let tooLong = runs.withLock { runs in
            var names: [String] = []
            for (name, run) in runs where !run.isGivenUp && now - run.startedAt > limits.runTime {
                runs[name]?.isGivenUp = true
                run.task.cancel()
                names.append(name)
            }
            return names
        }
        for name in tooLong {
            logger.error(
                "job runs too long and is given up", metadata: ["job": "\(name)"])
        }
        let held = runs.withLock { $0.values.filter { !$0.isGivenUp }.map(\.claim) }
        let kept = try await ledger.renew(held)
        for claim in held where !kept.contains(claim.name) {
            runs.withLock { runs in
                guard let run = runs[claim.name], run.claim == claim else { return }
                runs[claim.name]?.isGivenUp = true
                run.task.cancel()
            }
        }
    }

    private func drain() async {
        let end = ContinuousClock.now.advanced(by: limits.drainTime)
        // Not from this task, which is cancelled: its sleeps would be none.
        await Task {
            while !runs.withLock({ $0.isEmpty }), ContinuousClock.now < end {
                // Runs leave the table by themselves and signal nobody; only a shutdown looks.
                try? await Task.sleep(for: .milliseconds(50))
            }
            let open = runs.withLock { Array($0.values) }
            for run in open { run.task.cancel() }
            let last = ContinuousClock.now.advanced(by: .seconds(2))
            while !runs.withLock({ $0.isEmpty }), ContinuousClock.now < last {
                // As above.
                try? await Task.sleep(for: .milliseconds(50))
            }
        }.value
    }
}
