import Domain
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle

@testable import API

/// The API's server on a socket of its own, with a fresh database behind it.
public struct LiveAPI: Sendable {
    public let store: TestStore
    public let port: Int
    private let clock: any WallClock

    /// Runs `body` with a server that stops afterwards.
    public static func run(
        clock: any WallClock = SystemWallClock(),
        configure: (inout APIServer.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (LiveAPI) async throws -> Void
    ) async throws {
        let store = try TestStore(clock: clock)
        defer { store.close() }
        let folder = TestAPI.makeUploadsPath()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // most tests upload nothing
        var configuration = APIServer.Configuration(host: "127.0.0.1", port: 0, sfuURL: "")
        configure(&configuration)
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let service = APIServer.service(
            configuration, try await TestAPI.dependencies(store, uploadsFolder: folder),
            logger: logger,
            onListening: { continuation.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await service.run()
            }
            guard let port = await ports.first(where: { _ in true }) else {
                // It ended before it listened; its error says why.
                try await group.next()
                return
            }
            do {
                try await body(LiveAPI(store: store, port: port, clock: clock))
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    /// The header lines of a user's request, each ended.
    public func credentials(_ uid: String) async throws -> String {
        let token = try await TokenVerifier.developmentToken(
            uid: uid, email: nil, secret: TestAPI.secret, now: clock.now(), lifetimeSeconds: 600)
        return "Host: test\r\nX-API-Key: test-api-key\r\nAuthorization: Bearer \(token)\r\n"
    }
}
