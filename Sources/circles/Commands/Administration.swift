import API
import ArgumentParser
import Domain
import Foundation

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the current schema and report views.",
        discussion: "Safe to run again, and from several processes at once.")

    func run() async throws {
        let applied = try await Runtime.stack().migrate()
        Runtime.say(
            applied.isEmpty ? "nothing to do" : "applied: " + applied.joined(separator: ", "))
    }
}

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a bearer token of the development issuer.",
        discussion: """
            Signed with AUTH_DEV_SECRET, or with the secret of CIRCLES_HOME that `up` made. A \
            server without that secret refuses it.
            """)

    @Option(help: "Who the token is for, 1 to 128 printable ASCII characters.")
    var uid: String

    @Option(help: "The user's e-mail address; a host's summaries go there.")
    var email: String?

    @Option(help: "How many minutes it is valid, 1 to 10080.")
    var minutes: Int64 = 60

    func validate() throws {
        guard Limits.isName(uid, byteCount: Limits.uidByteCount) else {
            throw ValidationError("--uid must have 1 to 128 printable ASCII characters")
        }
        guard (1...10_080).contains(minutes) else {
            throw ValidationError("--minutes must be from 1 to 10080")
        }
    }

    func run() async throws {
        let environment = try Environment.load()
        var secret = try environment.secret(.developmentSecret)
        if secret == nil {
            let path = try environment.string(.home) + "/secrets.env"
            if let text = try? String(contentsOfFile: path, encoding: .utf8) {
                secret = try Environment.parse(text)[Setting.developmentSecret.name]
            }
        }
        guard let secret else {
            throw Environment.Failure(
                name: Setting.developmentSecret.name,
                message: "is required here, or a CIRCLES_HOME in which `circles up` has run")
        }
        Runtime.say(
            try await TokenVerifier.developmentToken(
                uid: uid, email: email, secret: secret, now: SystemWallClock().now(),
                lifetimeSeconds: minutes * 60))
    }
}

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create, list and revoke API keys.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it; it cannot be read again later.")

        @Option(help: "What the key is for.")
        var name: String

        func run() async throws {
            Runtime.say(try await withKeys { try await $0.create(name: name) })
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys.")

        func run() async throws {
            for key in try await withKeys({ try await $0.list() }) {
                let state = key.revokedAt.map { "revoked \($0)" } ?? "in use"
                Runtime.say("\(key.keyID)  \(key.createdAt)  \(state)  \(key.name)")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key; servers refuse it within five seconds.")

        @Argument(help: "The key's id, as `key list` shows it.")
        var keyID: String

        func run() async throws {
            guard let id = EventID(keyID) else { throw ValidationError("not a key id") }
            guard try await withKeys({ try await $0.revoke(id) }) else {
                throw ValidationError("there is no such key in use")
            }
            Runtime.say("revoked")
        }
    }
}

private func withKeys<Result>(_ body: (APIKeys) async throws -> Result) async throws -> Result {
    let stack = try Runtime.stack()
    let pool = stack.pool("key", as: nil)
    defer { pool.close() }
    return try await body(APIKeys(pool: pool, clock: stack.clock))
}

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the environment variables; check those that are set.")

    @Flag(help: "Print the table of the README.")
    var markdown = false

    func run() throws {
        if markdown {
            Runtime.say(Setting.markdown)
            return
        }
        let environment = try Environment.load()
        for setting in Setting.all {
            let value = environment.optional(setting)
            let shown = setting.isSecret && value != nil ? "(set)" : value ?? "(not set)"
            Runtime.say("\(setting.name)=\(shown)\n    \(setting.summary)")
        }
        _ = try Settings(environment)
    }
}
