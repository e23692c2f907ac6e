import Testing

@testable import Jobs

@Suite("Receivers of pages that are not well", .timeLimit(.minutes(2)))
struct AlertReceiverTests {
    /// `Tests/Clients/bad_receiver.py`.
    private struct BadReceivers {
        private let servers: ScriptedServers

        init() async throws {
            let certificate = try LocalhostCertificate.good.get()
            servers = try await ScriptedServers(
                "bad_receiver.py", [certificate.chain, certificate.key])
        }

        func post(_ name: String, scheme: String = "http", host: String = "127.0.0.1") async throws
            -> AlertHTTP.Result
        {
            let port = try servers.port(name)
            return await AlertHTTP(timeoutSeconds: 2)
                .post(#"{"page": "on-call"}"#, to: "\(scheme)://\(host):\(port)/")
        }
    }

    @Test(
        "one that hangs, babbles or hangs up leaves a page unanswered, with a reason",
        arguments: ["hangs", "babbles", "closes"])
    func unanswered(name: String) async throws {
        let receivers = try await BadReceivers()
        let result = try await receivers.post(name)
        guard case .unanswered(let reason) = result else {
            Issue.record("\(name): \(result)")
            return
        }
        #expect(!reason.isEmpty && reason.count <= 300)
    }

    @Test("of a refusal that never ends the begin is kept")
    func endless() async throws {
        let receivers = try await BadReceivers()
        let result = try await receivers.post("floods")
        guard case .answer(let answer) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(answer.status == 500)
        #expect(answer.text.hasPrefix("no no") && answer.text.utf8.count <= 2048)
    }

    @Test(
        "nothing is sent to one whose certificate nobody vouches for, or who is somebody else",
        arguments: ["localhost", "127.0.0.1"])
    func certificate(host: String) async throws {
        let receivers = try await BadReceivers()
        let result = try await receivers.post("encrypted", scheme: "https", host: host)
        guard case .notSent(let reason) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("nobody at all is nothing sent")
    func nobody() async throws {
        let result = await AlertHTTP(timeoutSeconds: 2).post("{}", to: "http://127.0.0.1:1/")
        guard case .notSent = result else {
            Issue.record("\(result)")
            return
        }
    }
}
