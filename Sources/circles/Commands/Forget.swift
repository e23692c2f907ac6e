import ArgumentParser
import BlockingThread
import CircleStore
import Domain
import Foundation
import Ingest

struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase a person everywhere; totals stay.",
        discussion: """
            A random tombstone takes the place of the uid in every table and in every stored \
            event; e-mail addresses, devices and invitations go. Safe beside running services, \
            and to run again after it was cut short. Kafka forgets by its retention. \
            docs/privacy.md says what stays.
            """)

    @Option(help: "Whom to forget.")
    var uid: String

    @Flag(help: "Only count the rows that name them.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "If they are inside a circle, make them leave it first.")
    var leave = false

    func run() async throws {
        let stack = try Runtime.stack()
        try await stack.requireCurrentSchema()
        do {
            try await forget(stack)
        } catch let failure as Forgetting.Failure {
            Runtime.endProgress()
            throw ValidationError(failure.description)
        }
    }

    private func forget(_ stack: Stack) async throws {
        let uid = uid
        if dryRun || !yes {
            let (found, seats) = try await stack.forgetting {
                (try $0.survey(uid), try $0.seats(of: uid))
            }
            Runtime.endProgress()
            for finding in found { Runtime.say("\(finding.table)  \(finding.count)") }
            Runtime.say("\(found.reduce(0) { $0 + $1.count }) rows name \(uid)")
            if !seats.isEmpty { Runtime.say("\(Forgetting.Failure.inside(seats))") }
            if dryRun { return }
            Runtime.say("This cannot be undone. Type the uid to go on:")
            guard readLine() == uid else {
                throw ValidationError("nothing was changed; --yes goes on without asking")
            }
        }
        if leave { try await vacate(stack) }
        let outcome = try await stack.forgetting { try $0.run(uid) }
        Runtime.endProgress()
        Runtime.say(
            "\(outcome.tombstone) stands for them now: \(outcome.circleCount) circles, "
                + "\(outcome.eventCount) events rewritten"
                + (outcome.isResumed ? ", begun by an earlier run" : ""))
    }

    private func vacate(_ stack: Stack) async throws {
        let uid = uid
        let seats = try await stack.forgetting { try $0.seats(of: uid) }
        let pool = stack.pool("forget", as: .api)
        defer { pool.close() }
        let store = stack.store(pool: pool)
        for circleID in seats { try await store.leave(circleID, by: Caller(uid: uid)) }
    }
}

extension Stack {
    func forgetting<Result: Sendable>(
        _ body: @escaping @Sendable (Forgetting) throws -> Result
    ) async throws -> Result {
        let (databaseURL, clock) = (databaseURL, clock)
        return try await BlockingThread.run(name: "forget") {
            try body(
                Forgetting(databaseURL: databaseURL, clock: clock) {
                    Runtime.progress("forget: \($0)")
                })
        }
    }
}
