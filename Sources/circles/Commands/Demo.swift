import ArgumentParser
import BlockingThread
import Database
import Domain
import ServiceLifecycle

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Live one circle from start to end and show what is left of it.",
        discussion:
            "Runs everything on embedded defaults, in a folder of its own below CIRCLES_HOME.")

    func run() async throws {
        var base = try Environment.load()
        let home = try base.string(.home) + "/demo"
        base.set(.apiPort, "0")
        base.set(.sfuPort, "0")
        if base.optional(.logLevel) == "info" { base.set(.logLevel, "warning") }
        Runtime.say(
            "starting PostgreSQL, the development broker, the API, Ingest, Jobs and a mailbox …")
        let embedded = try EmbeddedEnvironment(base, home: home)
        defer { embedded.stop() }
        let up = try await UpStack.make(embedded)
        let pools = up.pools()
        // For what the demonstration looks up: as the owner.
        let pool = up.stack.pool("demo", as: nil)
        defer {
            pools.close()
            pool.close()
        }
        let demonstration = Demonstration(
            stack: up.stack, pool: pool, apiKey: embedded.apiKey,
            developmentSecret: embedded.developmentSecret, mailbox: embedded.mailbox)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let services = up.stack.group(
            try await up.services(pools) { port, _ in
                listening.yield(port)
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Ends the wait for a port when the services do not come up.
                defer { listening.finish() }
                try await services.run()
                // Done, or stopped by a signal: then there is nothing left to show.
                throw CancellationError()
            }
            group.addTask {
                for await port in ports {
                    try await demonstration.run(port: port)
                    break
                }
                await services.triggerGracefulShutdown()
            }
            do {
                try await group.waitForAll()
            } catch is CancellationError {
                group.cancelAll()
            }
        }
    }
}
