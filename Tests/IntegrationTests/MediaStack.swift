import CircleStore
import Domain
import EventLog
import Foundation
import Logging
import SFU
import ServiceLifecycle
import TestKit
import Tokens

@testable import circles

/// Relay, Ingest and an SFU node of one test, with a database and a broker of their own.
final class MediaStack: Sendable {
    static let nodeID = "sfu-test"
    static let secret = "media-secret-media-secret-media-secret"

    let pipeline: Pipeline
    let tokens: MediaTokens
    let resumeSeconds: Int64

    var test: TestStore { pipeline.test }
    var store: CircleStore { pipeline.test.store }

    private init(resumeSeconds: Int64) async throws {
        pipeline = try Pipeline()
        tokens = MediaTokens(configuration: .init(apiKey: "circles", apiSecret: Self.secret))
        self.resumeSeconds = resumeSeconds
    }

    /// Runs `body` while relay and Ingest work; nodes are the body's own.
    static func run(
        resumeSeconds: Int64 = 60, _ body: @escaping @Sendable (MediaStack) async throws -> Void
    ) async throws {
        let stack = try await MediaStack(resumeSeconds: resumeSeconds)
        defer { stack.test.close() }
        let broker = try await Pipeline.makeBroker()
        stack.pipeline.locator.point(to: broker)
        try await stack.pipeline.run { try await body(stack) }
        withExtendedLifetime(broker) {}
    }

    /// Runs `body` with everything up.
    static func runWithNode(
        resumeSeconds: Int64 = 60,
        _ body: @escaping @Sendable (MediaStack, MediaStackNode) async throws -> Void
    ) async throws {
        try await run(resumeSeconds: resumeSeconds) { stack in
            try await stack.withNode { try await body(stack, $0) }
        }
    }

    /// Runs `body` while the node works; the next call starts the node anew.
    func withNode(_ body: @escaping @Sendable (MediaStackNode) async throws -> Void) async throws {
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let service = SFUService(
            .init(
                nodeID: Self.nodeID, host: "127.0.0.1", port: 0, mediaHost: "127.0.0.1",
                mediaPort: 0, workerCount: 1, resumeSeconds: resumeSeconds, qualitySeconds: 1),
            .init(
                store: test.nodeStore, tokens: tokens, locator: pipeline.locator, clock: test.clock,
                exposition: { Runtime.registry.exposition() }),
            logger: logger, onListening: { listening.yield($0) })
        let group = ServiceGroup(services: [service], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            do {
                for await port in ports {
                    try await body(MediaStackNode(url: "http://127.0.0.1:\(port)"))
                    break
                }
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Seats someone, or finds their seat, and mints a token as the API would.
    func ticket(_ uid: String, in circleID: CircleID) async throws -> MediaTicket {
        guard let seat = try await store.join(circleID, by: Caller(uid: uid)).seat else {
            throw MediaClientProcess.Failure(description: "\(uid) got no seat")
        }
        let grant = MediaGrant(
            uid: uid, circleID: circleID, sessionID: seat.sessionID, role: seat.role)
        return MediaTicket(
            uid: uid, circleID: circleID, sessionID: seat.sessionID,
            token: tokens.mint(grant, now: test.clock.now()).token)
    }

    /// Seats someone on the stage.
    func speakerTicket(
        _ uid: String, in circleID: CircleID, host: String = "host"
    ) async throws -> MediaTicket {
        _ = try await store.join(circleID, by: Caller(uid: uid))
        try await test.bringOnStage(uid, in: circleID, host: host)
        return try await ticket(uid, in: circleID)
    }

    /// Waits for a row: asks until the query counts one at least.
    func waitForRow(_ what: String, _ count: @escaping @Sendable () async throws -> Int)
        async throws
    {
        try await pipeline.waitUntil(what) { try await count() > 0 }
    }
}

/// A seat in a circle and the token that opens its media.
struct MediaTicket: Sendable {
    let uid: String
    let circleID: CircleID
    let sessionID: SessionID
    let token: String
}

/// A running node.
struct MediaStackNode: Sendable {
    /// The base of its signalling.
    let url: String

    enum Direction: String, Sendable {
        case whip
        case whep
    }

    func endpoint(_ direction: Direction, _ circleID: CircleID) -> String {
        "\(url)/\(direction.rawValue)/\(circleID)"
    }

    /// Starts a client for a ticket's holder.
    func client(
        _ program: MediaClientProcess.Program, _ direction: Direction, _ ticket: MediaTicket,
        _ arguments: [String]
    ) throws -> MediaClientProcess {
        try MediaClientProcess(
            program,
            [
                "--url", endpoint(direction, ticket.circleID), "--token", ticket.token,
                "--mode", direction.rawValue, "--connect-timeout", "50",
            ] + arguments,
            name: "\(ticket.uid) (\(program.rawValue), \(direction.rawValue))")
    }
}
