import BlockingThread
import Testing

@testable import Jobs

@Suite("SMTPClient, against servers of all kinds", .serialized, .timeLimit(.minutes(2)))
struct SMTPClientTests {
    private static let message = Array("Message-ID: <x@y>\r\nSubject: x\r\n\r\nx\r\n".utf8)

    /// - Returns: `nil` when the server took the message.
    private func failure(
        _ url: String, user: String? = nil, password: String = "secret", requiresTLS: Bool = false,
        authorityFile: String? = nil, timeoutMilliseconds: Int = 60_000
    ) async throws -> SMTPClient.Failure? {
        try await BlockingThread.run(name: "smtp") {
            let client = SMTPClient(
                configuration: .init(
                    url: url, user: user, password: user == nil ? nil : password,
                    requiresTLS: requiresTLS, authorityFile: authorityFile,
                    timeoutMilliseconds: timeoutMilliseconds))
            do throws(SMTPClient.Failure) {
                try client.send(Self.message, from: "a@b", to: "c@d")
                return nil
            } catch {
                return error
            }
        }
    }

    @Test("with STARTTLS, an authority that we name and the right password a message arrives")
    func delivers() async throws {
        let servers = try await SMTPServers()
        let refused = try await failure(
            servers.url("well"), user: "ada", requiresTLS: true,
            authorityFile: SMTPServers.authorityFile())
        #expect(refused == nil)
        let taken = servers.messages("well")
        #expect(taken.map(\.to) == [["c@d"]] && taken.map(\.id) == ["<x@y>"])
    }

    @Test("a wrong password may be mended while the message waits")
    func refusesPassword() async throws {
        let servers = try await SMTPServers()
        let refused = try #require(
            try await failure(
                servers.url("well"), user: "ada", password: "guess", requiresTLS: true,
                authorityFile: SMTPServers.authorityFile()))
        #expect(refused.isRetriable && !refused.isUncertain, "\(refused)")
        #expect(servers.messages("well").isEmpty)
    }

    @Test(
        "a certificate that nobody we trust has signed, of another name or too old ends it, for now",
        arguments: [
            (server: "well", host: "localhost", isKnown: false), ("well", "127.0.0.1", true),
            ("expired", "localhost", false),
        ])
    func refusesCertificates(server: String, host: String, isKnown: Bool) async throws {
        let servers = try await SMTPServers()
        let refused = try #require(
            try await failure(
                servers.url(server, host: host), user: "ada", requiresTLS: true,
                authorityFile: isKnown ? SMTPServers.authorityFile() : nil))
        #expect(
            refused.message.contains("certificate") || refused.message.contains("SSL"),
            "\(refused)")
        #expect(refused.isRetriable && !refused.isUncertain)
        #expect(servers.messages(server).isEmpty)
    }

    @Test("where TLS is required and the server has none, nothing is said")
    func requiresTLS() async throws {
        let servers = try await SMTPServers()
        let refused = try #require(
            try await failure(servers.url("slow"), user: "ada", requiresTLS: true))
        #expect(refused.isRetriable && !refused.isUncertain, "\(refused)")
        #expect(servers.messages("slow").isEmpty)
    }

    @Test(
        "before the message any trouble is for now, unless the server says that it is for good",
        arguments: [
            (server: "silent", reply: 0, isRetriable: true), ("babbles", 0, true),
            ("floods", 0, true), ("busy", 451, true), ("refuses", 554, false),
            ("nobody", 550, false),
        ])
    func readsRefusals(server: String, reply: Int, isRetriable: Bool) async throws {
        let servers = try await SMTPServers()
        let refused = try #require(
            try await failure(
                servers.url(server), timeoutMilliseconds: reply == 0 ? 1000 : 60_000))
        #expect(refused.isRetriable == isRetriable && !refused.isUncertain, "\(refused)")
        if reply != 0 { #expect(refused.replyCode == reply) }
    }

    @Test("silence after the message leaves it uncertain", arguments: ["cuts", "hangs"])
    func doubts(server: String) async throws {
        let servers = try await SMTPServers()
        let refused = try #require(
            try await failure(
                servers.url(server), timeoutMilliseconds: server == "hangs" ? 3000 : 60_000))
        #expect(refused.isUncertain && !refused.isRetriable, "\(refused)")
        #expect(servers.messages(server).count == 1)
    }
}
