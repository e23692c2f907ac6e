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

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the environment variables; check those that are set.")

    @Flag(help: "Print the table of the README.")
    var markdown = false

    @Flag(help: "Print the table of docs/metrics.md.")
    var metrics = false

    func run() throws {
        if metrics {
            Runtime.say(MetricCatalogue.markdown)
            return
        }
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
