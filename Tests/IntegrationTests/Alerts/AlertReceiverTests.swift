import Embedded
import Foundation
import Testing

@testable import Jobs

@Suite("Receivers of pages that are not well", .timeLimit(.minutes(2)))
struct AlertReceiverTests {
    /// `Tests/Clients/bad_receiver.py`.
    private final class BadReceivers {
        private let process: ChildProcess
        private let ports: [String: Int]

        init() async throws {
            let certificate = try FCMServer.certificate.get()
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Clients/bad_receiver.py").standardized.path
            let output = FileManager.default.temporaryDirectory
                .appendingPathComponent("bad-receivers-\(UUID()).json").path
            process = try ChildProcess(
                ["/usr/bin/python3", script, certificate.chain, certificate.key], output: output)
            var ports: [String: Int] = [:]
            while ports.isEmpty, process.isRunning {
                try await Task.sleep(for: .milliseconds(50))  // a line in a file has no signal
                let text = FileManager.default.contents(atPath: output) ?? Data()
                ports = (try? JSONDecoder().decode([String: Int].self, from: text)) ?? [:]
            }
            self.ports = ports
        }

        func post(_ name: String, scheme: String = "http", host: String = "127.0.0.1") async throws
            -> AlertHTTP.Result
        {
            let port = try #require(ports[name])
            return await AlertHTTP(timeoutSeconds: 2)
                .post(#"{"page": "on-call"}"#, to: "\(scheme)://\(host):\(port)/")
        }

        deinit {
            process.terminate()
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
