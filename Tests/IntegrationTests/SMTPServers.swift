import Embedded
import Foundation
import Testing

/// The servers of `Tests/Clients/smtp_servers.py`.
final class SMTPServers: Sendable {
    struct Message: Decodable {
        let server: String
        let to: [String]
        let id: String
    }

    private let process: ChildProcess
    private let output: String
    private let ports: [String: Int]

    init() async throws {
        let certificate = try FCMServer.certificate.get()
        let expired = try Self.expired.get()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Clients/smtp_servers.py").standardized.path
        output = NSTemporaryDirectory() + "circles-smtp-\(UUID().uuidString).log"
        process = try ChildProcess(
            [
                "/usr/bin/python3", script, certificate.chain, certificate.key, expired.chain,
                expired.key,
            ], output: output)
        var ports: [String: Int] = [:]
        while ports.isEmpty, process.isRunning {
            try await Task.sleep(for: .milliseconds(50))  // a line in a file has no signal
            let first = Self.lines(output).first ?? Data()
            ports = (try? JSONDecoder().decode([String: Int].self, from: first)) ?? [:]
        }
        self.ports = ports
    }

    deinit {
        process.terminate()
        process.wait()
        try? FileManager.default.removeItem(atPath: output)  // what stays is in /tmp
    }

    /// PEM of who vouches for `well`, as localhost only.
    static func authorityFile() throws -> String { try FCMServer.certificate.get().chain }

    func url(_ name: String, host: String = "localhost") throws -> String {
        "smtp://\(host):\(try #require(ports[name]))"
    }

    /// What a server has taken, oldest first.
    func messages(_ name: String) -> [Message] {
        Self.lines(output).dropFirst()
            .compactMap { try? JSONDecoder().decode(Message.self, from: $0) }
            .filter { $0.server == name }
    }

    private static func lines(_ output: String) -> [Data] {
        (FileManager.default.contents(atPath: output) ?? Data()).split(separator: 0x0A)
            .map { Data($0) }
    }

    /// A certificate for localhost that ended long ago. Only `openssl ca` can date one back.
    private static let expired = Result { () throws -> (chain: String, key: String) in
        let folder = NSTemporaryDirectory() + "circles-expired-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (chain, key) = ("\(folder)/cert.pem", "\(folder)/key.pem")
        let configuration = """
            [ca]
            default_ca = own
            [own]
            new_certs_dir = \(folder)
            database = \(folder)/index.txt
            rand_serial = yes
            default_md = sha256
            policy = any
            [any]
            commonName = supplied
            """
        let files = ["\(folder)/ca.cnf": configuration, "\(folder)/index.txt": ""]
        for (path, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        for arguments in [
            [
                "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                "-keyout", key, "-out", "\(folder)/request.pem",
            ],
            [
                "ca", "-batch", "-selfsign", "-config", "\(folder)/ca.cnf", "-keyfile", key,
                "-in", "\(folder)/request.pem", "-notext", "-out", chain,
                "-startdate", "20200101000000Z", "-enddate", "20200102000000Z",
            ],
        ] {
            let made = try ChildProcess.run(["openssl"] + arguments)
            guard made.status == 0 else { throw CocoaError(.executableLoad) }
        }
        return (chain, key)
    }
}
