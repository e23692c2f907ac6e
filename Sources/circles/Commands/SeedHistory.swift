import ArgumentParser
import BlockingThread
import Database
import Domain
import Ingest
import Synchronization
import SyntheticHistory

struct SeedHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed-history",
        abstract: "Fill the tables with made-up circles, as if they had been lived.",
        discussion: """
            Writes events and quality samples of past days through the folds and rollups of \
            Ingest. The same seed, number and days give the same history: a run that was broken \
            off goes on where it was when it is begun again. People are called person-1, \
            person-2 ….
            """)

    @Option(help: "About how many events; quality samples come on top.")
    var events = 100_000

    @Option(help: "What makes one history differ from another.")
    var seed: UInt64 = 1

    @Option(help: "Over how many days; by default a day has 250,000 events, 28 days at least.")
    var days: Int?

    @Option(help: "The day after the last, a UTC date; today by default.")
    var until: String?

    @Option(help: "How many days are written at a time.")
    var workers = 2

    @Flag(help: "Also into a database that holds circles of people.")
    var yes = false

    func validate() throws {
        guard (1...1_000_000_000).contains(events) else {
            throw ValidationError("--events must be from 1 to 1,000,000,000")
        }
        guard days.map({ (1...3650).contains($0) }) ?? true else {
            throw ValidationError("--days must be from 1 to 3650")
        }
        guard (1...32).contains(workers) else {
            throw ValidationError("--workers must be from 1 to 32")
        }
        _ = try endDay(now: Timestamp(seconds: 0))
    }

    private func endDay(now: Timestamp) throws -> Int64 {
        guard let until else { return now.microseconds / 86_400_000_000 }
        guard let time = Timestamp(rfc3339: until), time.microseconds % 86_400_000_000 == 0,
            (10_000...30_000).contains(time.microseconds / 86_400_000_000)
        else { throw ValidationError("--until must be a date such as 2026-11-23") }
        return time.microseconds / 86_400_000_000
    }

    func run() async throws {
        let stack = try Runtime.stack()
        let plan = HistoryPlan(
            seed: seed, eventCount: events, dayCount: days,
            endDay: try endDay(now: stack.clock.now()))
        if !yes { try await refuseAmongPeople(stack.databaseURL) }
        let seeding = Seeding(plan: plan, databaseURL: stack.databaseURL, clock: stack.clock) {
            Runtime.progress("seed-history: \($0)")
        }
        let count = try await seeding.run(workerCount: min(workers, plan.dayCount))
        Runtime.endProgress()
        Runtime.say("\(count.events) events and \(count.quality) quality batches stored")
    }

    private func refuseAmongPeople(_ databaseURL: String) async throws {
        let circleCount = try await BlockingThread.run(name: "seed-history") {
            let connection = try Connection(url: databaseURL, applicationName: "seed-history")
            return try connection.query(
                "select count(*) from (select from circles limit 100) as c")[
                    0
                ].get(0, as: Int64.self)
        }
        guard circleCount == 0 else {
            throw ValidationError(
                "the database holds circles of people, whose reports this would spoil: --yes if so")
        }
    }
}

/// Several writers at work on one plan, each on days of its own.
private final class Seeding: Sendable {
    private struct Sum {
        var days = 0
        var events = 0
        var quality = 0
    }

    private let plan: HistoryPlan
    private let databaseURL: String
    private let clock: any WallClock
    private let progress: @Sendable (String) -> Void
    private let sum = Mutex(Sum())
    /// Raised when one cannot go on.
    private let stop = StopFlag()

    init(
        plan: HistoryPlan, databaseURL: String, clock: any WallClock,
        progress: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.databaseURL = databaseURL
        self.clock = clock
        self.progress = progress
    }

    /// - Returns: what was stored; less than the plan has when some was there already.
    func run(workerCount: Int) async throws -> (events: Int, quality: Int) {
        try await BlockingThread.run(name: "seed") { [self] in
            try HistoryWriter(databaseURL: databaseURL).makePartitions(days: plan.days)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<workerCount {
                group.addTask {
                    try await BlockingThread.run(name: "seed-\(worker)") { [self] in
                        do {
                            try write(
                                days: stride(from: worker, to: plan.dayCount, by: workerCount))
                        } catch {
                            stop.raise()
                            throw error
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await BlockingThread.run(name: "seed") { [self] in
            try HistoryWriter(databaseURL: databaseURL).settle(now: clock.now())
        }
        return sum.withLock { ($0.events, $0.quality) }
    }

    @available(*, noasync)
    private func write(days: some Sequence<Int>) throws {
        let writer = try HistoryWriter(databaseURL: databaseURL)
        var stored = writer.storedCount
        for place in days {
            for circle in plan.circles(ofDay: place) {
                if stop.isRaised { return }
                try writer.append(circle.events, circle.quality, now: clock.now())
            }
            try writer.flush(now: clock.now())
            let text = sum.withLock { sum in
                sum.days += 1
                sum.events += writer.storedCount.events - stored.events
                sum.quality += writer.storedCount.quality - stored.quality
                return "\(sum.days) of \(plan.dayCount) days, \(sum.events) events"
            }
            stored = writer.storedCount
            progress(text)
        }
    }
}
