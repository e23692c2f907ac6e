import API
import ArgumentParser
import BlockingThread
import Database
import Domain
import Foundation
import Reports
import ServiceLifecycle

struct Swarm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fill circles with concurrent HTTP clients that join, raise hands and leave.",
        discussion: """
            Needs a running API that accepts development tokens: AUTH_DEV_SECRET, or the secrets \
            that `circles up` keeps in CIRCLES_HOME.
            """)

    @Option(help: "The API's address.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "The API key; without it that of CIRCLES_HOME.")
    var apiKey: String?

    @Option(help: "On stage at once, host included, 1 to 8.")
    var speakers = 8

    @Option(help: "In the audience at once, 1 to 100.")
    var listeners = 100

    @Option(help: "How many circles at once, 1 to 100.")
    var circles = 1

    func validate() throws {
        guard Limits.maxSpeakers.contains(speakers) else {
            throw ValidationError("--speakers must be from 1 to 8")
        }
        guard Limits.maxListeners.contains(listeners), listeners >= speakers else {
            throw ValidationError("--listeners must be from --speakers to 100")
        }
        guard (1...100).contains(circles) else {
            throw ValidationError("--circles must be from 1 to 100")
        }
    }

    func run() async throws {
        let environment = try Environment.load()
        let path = try environment.string(.home) + "/secrets.env"
        let secrets = try (try? String(contentsOfFile: path, encoding: .utf8)).map(
            Environment.parse)
        guard let key = apiKey ?? secrets?["API_KEY"] else {
            throw ValidationError("--api-key is needed: there are no secrets in CIRCLES_HOME")
        }
        guard
            let secret = try environment.secret(.developmentSecret)
                ?? secrets?[Setting.developmentSecret.name]
        else {
            throw Environment.Failure(
                name: Setting.developmentSecret.name, message: "is required here")
        }
        let run = EventID(now: SystemWallClock().now()).description.prefix(13)
        try await withThrowingTaskGroup(of: SwarmScenario.Outcome.self) { group in
            for number in 1...circles {
                let prefix = circles > 1 ? "[\(number)] " : ""
                let scenario = SwarmScenario(
                    baseURL: url, apiKey: key, developmentSecret: secret, hostEmail: nil,
                    speakerCount: speakers, listenerCount: listeners, name: "\(run)-\(number)",
                    say: { Runtime.say(prefix + $0) })
                group.addTask { try await scenario.run() }
            }
            for try await outcome in group {
                Runtime.say(outcome.latencies.summary)
            }
        }
    }
}

extension Latencies {
    var summary: String {
        String(
            format: "%d requests: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms", count, percentile(50),
            percentile(95), percentile(99))
    }
}

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Live one circle from start to end and show what is left of it.",
        discussion:
            "Runs everything on embedded defaults, in a folder of its own below CIRCLES_HOME.")

    func run() async throws {
        var base = try Environment.load()
        let home = try base.string(.home) + "/demo"
        base.set(.apiPort, "0")
        if base.optional(.logLevel) == "info" { base.set(.logLevel, "warning") }
        Runtime.say(
            "starting PostgreSQL, the development broker, the API, Ingest, Jobs and a mailbox …")
        let embedded = try EmbeddedEnvironment(base, home: home)
        defer { embedded.stop() }
        let up = try await UpStack.make(embedded)
        let pool = up.stack.pool("api")
        defer { pool.close() }
        let demonstration = Demonstration(
            stack: up.stack, pool: pool, apiKey: embedded.apiKey,
            developmentSecret: embedded.developmentSecret, mailbox: embedded.mailbox)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let services = up.stack.group(
            try await up.services(pool: pool) { port in
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
