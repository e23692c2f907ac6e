import Embedded
import Foundation

/// Everything that `up` and `demo` bring along so that nothing has to be installed or set:
/// a PostgreSQL cluster, a mailbox server, secrets and an API key. What the environment names
/// is used instead.
final class EmbeddedEnvironment {
    let home: String
    let environment: Environment
    let apiKey: String
    let developmentSecret: String
    let mailbox: EmbeddedMailbox?
    private let postgres: EmbeddedPostgres?

    init(_ base: Environment, home: String) throws {
        self.home = home
        var environment = base
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: true)
        let secrets = try Self.secrets(in: home)
        apiKey = secrets["API_KEY"] ?? ""
        for setting in [Setting.developmentSecret, .mediaSecret]
        where environment.optional(setting) == nil {
            environment.set(setting, secrets[setting.name] ?? "")
        }
        // One machine plays all users here, by one key.
        for setting in [Setting.apiRatePerKey, .apiRatePerAddress]
        where !environment.isSet(setting) {
            environment.set(setting, "0")
        }
        if environment.optional(.webAPIKey) == nil { environment.set(.webAPIKey, apiKey) }
        developmentSecret = environment.optional(.developmentSecret) ?? ""
        if environment.optional(.databaseURL) == nil {
            let postgres = try EmbeddedPostgres(home: home)
            environment.set(.databaseURL, try postgres.start())
            self.postgres = postgres
        } else {
            postgres = nil
        }
        if environment.optional(.smtpURL) == nil {
            let mailbox = try EmbeddedMailbox(home: home)
            environment.set(.smtpURL, mailbox.url)
            self.mailbox = mailbox
        } else {
            mailbox = nil
        }
        self.environment = environment
    }

    /// Ends what was started; a cluster that cannot be stopped is taken over by the next start.
    func stop() {
        mailbox?.stop()
        do {
            try postgres?.stop()
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
        }
    }

    /// The secrets of this home, made at the first start.
    private static func secrets(in home: String) throws -> [String: String] {
        let path = home + "/secrets.env"
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            return try Environment.parse(text)
        }
        let names = [Setting.developmentSecret.name, Setting.mediaSecret.name, "API_KEY"]
        let values = Dictionary(uniqueKeysWithValues: names.map { ($0, random()) })
        let text = names.map { "\($0)=\(values[$0] ?? "")\n" }.joined()
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw Environment.Failure(name: Setting.home.name, message: "cannot write \(path)") }
        return values
    }

    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
