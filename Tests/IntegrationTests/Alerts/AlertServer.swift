import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization

/// Takes what PagerDuty and a chat take, and answers as it is told; then well.
final class AlertServer: Sendable {
    let answers = Mutex<[String: [Int]]>([:])
    private let received = Mutex<[(path: String, body: Data)]>([])
    private let port = Mutex(0)

    var url: String { "http://127.0.0.1:\(port.withLock { $0 })" }

    func bodies(_ path: String) -> [[String: Any]] {
        received.withLock { $0 }.filter { $0.path == path }.compactMap {
            try? JSONSerialization.jsonObject(with: $0.body) as? [String: Any]
        }
    }

    /// - Parameter delay: between taking a request and answering it.
    static func run(
        delay: Duration = .zero, _ body: (AlertServer) async throws -> Void
    ) async throws {
        let server = AlertServer()
        let router = Router(context: BasicRequestContext.self)
        for path in ["/v2/enqueue", "/chat"] {
            router.post(RouterPath(path)) { request, _ in
                let buffer = try await request.body.collect(upTo: 1 << 20)
                server.received.withLock { $0.append((path, Data(buffer: buffer))) }
                try await Task.sleep(for: delay)
                let status = server.answers.withLock { answers -> Int in
                    guard let next = answers[path]?.first else { return 202 }
                    answers[path]?.removeFirst()
                    return next
                }
                return Response(
                    status: .init(code: status),
                    headers: status == 302 ? [.location: "/v2/enqueue"] : [:])
            }
        }
        let (ports, isRunning) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { isRunning.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
        let group = ServiceGroup(
            services: [application],
            logger: Logger(label: "tests") { _ in
                SwiftLogNoOpLogHandler()
            })
        let running = Task { try await group.run() }
        for await port in ports {
            server.port.withLock { $0 = port }
            break
        }
        do {
            try await body(server)
        } catch {
            await group.triggerGracefulShutdown()
            try? await running.value  // the body's error counts
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }
}
