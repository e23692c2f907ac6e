import Embedded
import Foundation
import TestKit
import Testing

@testable import Jobs

@Suite("SMTPClient, against servers that cannot be trusted", .timeLimit(.minutes(2)))
struct SMTPClientTests {
    private func failure(_ url: String, requiresTLS: Bool) -> SMTPClient.Failure? {
        let client = SMTPClient(
            configuration: .init(
                url: url, user: "ada", password: "secret", requiresTLS: requiresTLS))
        do throws(SMTPClient.Failure) {
            try client.send(Array("Subject: x\r\n\r\nx\r\n".utf8), from: "a@b", to: "c@d")
            return nil
        } catch {
            return error
        }
    }

    @Test("a certificate that nobody we trust has signed ends it before the password, for now")
    func refusesCertificates() throws {
        let home = NSTemporaryDirectory() + "/circles-smtp-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }  // what stays is in /tmp
        let made = try ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-keyout", "\(home)/key.pem", "-out", "\(home)/cert.pem",
        ])
        try #require(made.status == 0, "\(made.output)")
        let port = try freePort()
        let server = try ChildProcess([
            "/usr/bin/python3", "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:\(port)", "--tlscert",
            "\(home)/cert.pem", "--tlskey", "\(home)/key.pem", "-c",
            "aiosmtpd.handlers.Mailbox", "\(home)/mailbox",
        ])
        defer {
            server.terminate()
            server.wait()
        }
        var error = failure("smtp://127.0.0.1:\(port)", requiresTLS: true)
        for _ in 0..<100 where error?.message.contains("connect") == true {
            Thread.sleep(forTimeInterval: 0.1)  // a child's start has no event to wait for
            error = failure("smtp://127.0.0.1:\(port)", requiresTLS: true)
        }
        let refused = try #require(error)
        #expect(refused.message.contains("certificate"), "\(refused)")
        #expect(refused.isRetriable && !refused.isUncertain)
    }

    @Test("where TLS is required and the server has none, nothing is said")
    func requiresTLS() throws {
        let home = NSTemporaryDirectory() + "/circles-smtp-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }  // what stays is in /tmp
        let mailbox = try EmbeddedMailbox(home: home)
        defer { mailbox.stop() }
        let refused = try #require(failure(mailbox.url, requiresTLS: true))
        #expect(refused.isRetriable && !refused.isUncertain, "\(refused)")
        #expect(mailbox.messages() == [])
    }
}
