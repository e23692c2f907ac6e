import Database
import Domain
import Logging
import Synchronization
import TestKit
import Testing

@testable import Jobs

@Suite("The scheduler of jobs")
struct JobSchedulerTests {
    private let clock = ManualClock()

    private func withStore(_ body: (TestStore) async throws -> Void) async throws {
        let store = try TestStore(clock: clock)
        try await body(store)
        store.close()
    }

    private func ledger(_ store: TestStore, _ holder: String) -> JobLedger {
        JobLedger(pool: store.pool, holder: holder, clock: clock)
    }

    private func scheduler(
        _ jobs: [any Job], _ store: TestStore, holder: String = "a",
        limits: JobScheduler.Limits = .init(), databaseClock: Bool = false
    ) -> JobScheduler {
        JobScheduler(
            jobs: jobs,
            ledger: JobLedger(
                pool: store.pool, holder: holder, clock: databaseClock ? nil : clock),
            clock: clock, limits: limits,
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("a job runs at once, and then each interval, counted from its begin")
    func keepsTheInterval() async throws {
        try await withStore { store in
            let (job, ledger) = (CountingJob(), ledger(store, "a"))
            try await ledger.register([job])
            let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
            clock.advance(seconds: 4)
            #expect(try await ledger.finish(claim, .success(JobResult(count: 3, detail: "three"))))
            #expect(try await ledger.claim([job.name], limit: 9).isEmpty)
            clock.advance(seconds: 5)
            #expect(try await ledger.claim([job.name], limit: 9).isEmpty)
            clock.advance(seconds: 1)
            #expect(try await ledger.claim([job.name], limit: 9).count == 1)
            #expect(
                try await store.text("select last_count, last_detail, run_count from jobs")
                    == "3|three|1")
        }
    }

    @Test("what three hours without a process missed is one run, not a thousand")
    func catchesUpWithoutAStorm() async throws {
        try await withStore { store in
            let (job, ledger) = (CountingJob(), ledger(store, "a"))
            try await ledger.register([job])
            for _ in 0..<2 {
                let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
                _ = try await ledger.finish(claim, .success(.idle))
                clock.advance(seconds: 3 * 3600)
            }
            let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
            #expect(claim.lagMilliseconds == (3 * 3600 - 10) * 1000)
            _ = try await ledger.finish(claim, .success(.idle))
            #expect(try await ledger.claim([job.name], limit: 9).isEmpty)
        }
    }

    @Test("of ten processes that ask at once, one gets a job")
    func claimsOnce() async throws {
        try await withStore { store in
            let job = CountingJob()
            try await ledger(store, "a").register([job])
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<10 {
                    let ledger = ledger(store, "process-\(number)")
                    group.addTask { try await ledger.claim([job.name], limit: 9).count }
                }
                return try await group.reduce(0, +)
            }
            #expect(counts == 1)
        }
    }

    @Test("a process that died loses its jobs when the lease is over, and records nothing later")
    func fences() async throws {
        try await withStore { store in
            let (job, first, second) = (CountingJob(), ledger(store, "a"), ledger(store, "b"))
            try await first.register([job])
            let stale = try #require(try await first.claim([job.name], limit: 9).first)
            clock.advance(seconds: 11)
            #expect(try await second.claim([job.name], limit: 9).isEmpty)
            #expect(try await first.renew([stale]) == [job.name])
            clock.advance(seconds: 11)
            #expect(try await second.claim([job.name], limit: 9).isEmpty)
            clock.advance(seconds: 1)
            let fresh = try #require(try await second.claim([job.name], limit: 9).first)
            #expect(try await first.renew([stale]).isEmpty)
            let isRecorded = try await first.finish(stale, .success(JobResult(count: 1)))
            #expect(!isRecorded)
            #expect(try await second.finish(fresh, .success(JobResult(count: 2))))
            #expect(try await store.text("select last_count, run_count from jobs") == "2|1")
        }
    }

    @Test(
        "a database clock that steps by an hour neither starves a job nor runs it in a storm",
        arguments: [-3600, 3600] as [Int64])
    func survivesSteps(_ step: Int64) async throws {
        try await withStore { store in
            let (job, ledger) = (CountingJob(), ledger(store, "a"))
            try await ledger.register([job])
            // Once while it waits, and once while a process that died holds it.
            let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
            _ = try await ledger.finish(claim, .success(.idle))
            clock.advance(seconds: step)
            #expect(try await ledger.claim([job.name], limit: 9).count == 1)
            #expect(try await ledger.claim([job.name], limit: 9).isEmpty)
            clock.advance(seconds: step)
            let next = try #require(try await ledger.claim([job.name], limit: 9).first)
            _ = try await ledger.finish(next, .success(.idle))
            #expect(try await ledger.claim([job.name], limit: 9).isEmpty)
        }
    }

    @Test("failures wait 2, 4, 8 intervals, up to five minutes, and one success ends that")
    func backsOff() async throws {
        try await withStore { store in
            let (job, ledger) = (CountingJob(), ledger(store, "a"))
            try await ledger.register([job])
            var waits: [Int64] = []
            for _ in 0..<7 {
                let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
                _ = try await ledger.finish(claim, .failure(JobFailure(message: "no luck")))
                var wait: Int64 = 0
                while try await store.number(
                    "select count(*) from jobs where next_run_at <= \(clock.now())") == 0
                {
                    clock.advance(seconds: 10)
                    wait += 10
                }
                waits.append(wait)
            }
            #expect(waits == [20, 40, 80, 160, 300, 300, 300])
            let claim = try #require(try await ledger.claim([job.name], limit: 9).first)
            _ = try await ledger.finish(claim, .success(.idle))
            #expect(
                try await store.text("select failure_count, last_error, run_count from jobs")
                    == "0|∅|8")
        }
    }

    @Test("a job that fails and one that hangs keep no other from its work")
    func isolates() async throws {
        try await withStore { store in
            let counting = CountingJob(name: "counting", intervalMilliseconds: 1)
            let hanging = HangingJob()
            let scheduler = scheduler(
                [counting, FailingJob(), hanging], store,
                limits: .init(tick: .milliseconds(5), drainTime: .milliseconds(100)),
                databaseClock: true)
            let run = Task { await scheduler.run() }
            while counting.count.withLock({ $0 }) < 5 { await pause() }
            run.cancel()
            await run.value
            #expect(hanging.wasCancelled.withLock { $0 })
            let row = try await store.text(
                "select failure_count > 0, last_error from jobs where name = 'failing'")
            #expect(row == "t|NoLuck()")
        }
    }

    @Test("two schedulers never run one job at the same time")
    func excludes() async throws {
        try await withStore { store in
            let job = ExclusiveJob()
            let limits = JobScheduler.Limits(tick: .milliseconds(2))
            let tasks = ["a", "b", "c"].map { holder in
                let scheduler = scheduler(
                    [job], store, holder: holder, limits: limits, databaseClock: true)
                return Task { await scheduler.run() }
            }
            while job.state.withLock({ $0.runs }) < 50 { await pause() }
            for task in tasks { task.cancel() }
            for task in tasks { await task.value }
            #expect(job.state.withLock { $0.most } == 1)
            let heldCount = try await store.number(
                "select count(*) from jobs where lease_holder is not null")
            #expect(heldCount == 0)
        }
    }

    @Test("a run past its time is cancelled, and its lease is left to another process")
    func givesUp() async throws {
        try await withStore { store in
            let job = HangingJob(heedsCancellation: false)
            let scheduler = scheduler(
                [job], store,
                limits: .init(
                    tick: .milliseconds(2), runTime: .zero, drainTime: .milliseconds(1)),
                databaseClock: true)
            let run = Task { await scheduler.run() }
            while !job.wasCancelled.withLock({ $0 }) {
                // Time for the renewal that finds it is the lease's third: the shutdown is sooner.
                if job.hasBegun.withLock({ $0 }) { run.cancel() }
                await pause()
            }
            let holder = try await store.text("select lease_holder, run_count from jobs")
            #expect(holder == "a|0")
            job.mayEnd.withLock { $0 = true }
            await run.value
        }
    }
}

/// Gives the threads to others while a test waits.
private func pause() async {
    try? await Task.sleep(for: .milliseconds(5))
}

final class CountingJob: Job {
    let name: String
    let intervalMilliseconds: Int64
    let count = Mutex(0)

    init(name: String = "counting", intervalMilliseconds: Int64 = 10_000) {
        self.name = name
        self.intervalMilliseconds = intervalMilliseconds
    }

    func run(at _: Timestamp) async throws -> JobResult {
        count.withLock { $0 += 1 }
        return JobResult(count: 1)
    }
}

private struct FailingJob: Job {
    struct NoLuck: Error {}
    let name = "failing"
    let intervalMilliseconds: Int64 = 1

    func run(at _: Timestamp) async throws -> JobResult { throw NoLuck() }
}

private final class HangingJob: Job {
    let name = "hanging"
    let intervalMilliseconds: Int64 = 1
    let hasBegun = Mutex(false)
    let wasCancelled = Mutex(false)
    let mayEnd = Mutex(false)
    private let heedsCancellation: Bool

    init(heedsCancellation: Bool = true) {
        self.heedsCancellation = heedsCancellation
    }

    func run(at _: Timestamp) async throws -> JobResult {
        hasBegun.withLock { $0 = true }
        // Ends when it is cancelled.
        try? await Task.sleep(for: .seconds(3600))
        wasCancelled.withLock { $0 = true }
        if !heedsCancellation {
            // Another task's sleep is not cancelled.
            await Task { [self] in
                while !mayEnd.withLock({ $0 }) { await pause() }
            }.value
        }
        return .idle
    }
}

private final class ExclusiveJob: Job {
    let name = "exclusive"
    let intervalMilliseconds: Int64 = 1
    let state = Mutex((inside: 0, most: 0, runs: 0))

    func run(at _: Timestamp) async throws -> JobResult {
        state.withLock { state in
            state.inside += 1
            state.most = max(state.most, state.inside)
        }
        await pause()
        state.withLock { state in
            state.inside -= 1
            state.runs += 1
        }
        return JobResult(count: 1)
    }
}
