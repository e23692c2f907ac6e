import Foundation

/// The servers of `Tests/Clients/smtp_servers.py`.
struct SMTPServers: Sendable {
    struct Message: Decodable {
        let server: String
        let to: [String]
        let id: String
    }

    private let servers: ScriptedServers

    init() async throws {
        let (good, expired) = (
            try LocalhostCertificate.good.get(), try LocalhostCertificate.expired.get()
        )
        servers = try await ScriptedServers(
            "smtp_servers.py", [good.chain, good.key, expired.chain, expired.key])
    }

    /// PEM of who vouches for `well`, as localhost only.
    static func authorityFile() throws -> String { try LocalhostCertificate.good.get().chain }

    func url(_ name: String, host: String = "localhost") throws -> String {
        "smtp://\(host):\(try servers.port(name))"
    }

    /// What a server has taken, oldest first.
    func messages(_ name: String) -> [Message] {
        servers.lines.compactMap { try? JSONDecoder().decode(Message.self, from: $0) }
            .filter { $0.server == name }
    }
}
