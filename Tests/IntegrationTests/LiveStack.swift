import AsyncHTTPClient
import CircleStore
import Domain
import EventLog
import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestKit
import Tokens

@testable import API

/// The API over real HTTP with its live feed, beside relay and Ingest of a `Pipeline`.
final class LiveStack: Sendable {
    let pipeline: Pipeline
    let feed: LiveFeed
    /// `http://127.0.0.1:port`.
    let url: String
    private let group: ServiceGroup

    var test: TestStore { pipeline.test }
    var store: CircleStore { pipeline.test.store }

    private init(pipeline: Pipeline, feed: LiveFeed, url: String, group: ServiceGroup) {
        self.pipeline = pipeline
        self.feed = feed
        self.url = url
        self.group = group
    }

    static let apiKey = "test-api-key"

    /// Runs `body` with everything up.
    static func run(
        limits: LiveLimits = LiveLimits(), concurrency: Int = 1024,
        _ body: @escaping @Sendable (LiveStack) async throws -> Void
    ) async throws {
        let pipeline = try Pipeline()
        defer { pipeline.test.close() }
        let broker = try await Pipeline.makeBroker()
        pipeline.locator.point(to: broker)
        try await pipeline.run {
            try await withAPI(pipeline, limits, concurrency: concurrency, body)
        }
        withExtendedLifetime(broker) {}
    }

    /// Runs `body` with an API on the pipeline's database.
    static func withAPI(
        _ pipeline: Pipeline, _ limits: LiveLimits = LiveLimits(), concurrency: Int = 1024,
        _ body: @escaping @Sendable (LiveStack) async throws -> Void
    ) async throws {
        let test = pipeline.test
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let keys = APIKeys(pool: test.pool, clock: test.clock)
        try await keys.register(apiKey, name: "tests")
        let feed = LiveFeed(
            databaseURL: test.databaseURL, limits: limits, clock: test.clock, logger: logger)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = APIServer.service(
            .init(host: "127.0.0.1", port: 0, concurrentRequestCountMax: concurrency, sfuURL: ""),
            .init(
                pool: test.apiPool, store: test.store, keys: keys,
                tokens: await TokenVerifier(
                    configuration: .init(developmentSecret: TestAPI.secret, firebase: nil),
                    clock: test.clock, fetch: { _ in throw CancellationError() }),
                mediaTokens: MediaTokens(
                    configuration: .init(apiKey: "circles", apiSecret: TestAPI.secret)),
                uploads: try await Uploads(
                    .folder(path: "/tmp/circles-covers-unused", secret: TestAPI.secret),
                    now: test.clock.now()),
                clock: test.clock, live: feed, exposition: { "" }),
            logger: logger, onListening: { listening.yield($0) })
        let group = ServiceGroup(services: [feed, server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            do {
                for await port in ports {
                    try await body(
                        LiveStack(
                            pipeline: pipeline, feed: feed, url: "http://127.0.0.1:\(port)",
                            group: group))
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

    /// Stops the API; it waits for what it has begun.
    func shutDown() async {
        await group.triggerGracefulShutdown()
    }

    // MARK: Clients

    func request(
        _ circleID: CircleID, as uid: String, lastEventID: String? = nil, query: String = "",
        method: String = "GET"
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "\(url)/v1/circles/\(circleID)/events\(query)")
        request.method = .RAW(value: method)
        let token = try await TokenVerifier.developmentToken(
            uid: uid, email: nil, secret: TestAPI.secret, now: test.clock.now(),
            lifetimeSeconds: 600)
        request.headers.add(name: "X-API-Key", value: Self.apiKey)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let lastEventID { request.headers.add(name: "Last-Event-ID", value: lastEventID) }
        return try await Self.http.execute(request, timeout: .seconds(120))
    }

    /// Without a limit on connections to one host: each stream has its own.
    static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_000
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// The `code` of the problem that a request is answered with.
    func refusal(
        _ circleID: CircleID, as uid: String, lastEventID: String? = nil, query: String = ""
    ) async throws -> String {
        let response = try await request(
            circleID, as: uid, lastEventID: lastEventID, query: query)
        guard response.status != .ok else { return "200" }
        let body = try await response.body.collect(upTo: 1 << 20)
        let object =
            try JSONSerialization.jsonObject(with: Data(buffer: body)) as? [String: Any] ?? [:]
        return "\(response.status.code) \(object["code"] as? String ?? "")"
    }

    /// Opens a stream and hands its messages to `body` until that says `false` or it ends.
    func follow(
        _ circleID: CircleID, as uid: String, lastEventID: Int64? = nil, query: String = "",
        _ body: (LiveClientMessage) async throws -> Bool
    ) async throws {
        let response = try await request(
            circleID, as: uid, lastEventID: lastEventID.map(String.init), query: query)
        guard response.status == .ok else {
            guard response.status == .noContent else {
                throw Unexpected(status: Int(response.status.code))
            }
            return
        }
        var parser = LiveClientParser()
        var last: Int64 = -1
        do {
            for try await chunk in response.body {
                for message in try parser.take(chunk) {
                    last = message.id
                    if try await !body(message) { return }
                }
            }
        } catch let error as HTTPClientError {
            throw BrokenOff(uid: uid, last: last, error: error)
        }
    }

    /// A stream that did not end as it should.
    struct BrokenOff: Error {
        let uid: String
        let last: Int64
        let error: HTTPClientError
    }

    struct Unexpected: Error {
        let status: Int
    }

    /// All ids of a stream from its start to its end.
    func messages(
        _ circleID: CircleID, as uid: String, lastEventID: Int64? = nil, query: String = ""
    ) async throws -> [LiveClientMessage] {
        var messages: [LiveClientMessage] = []
        try await follow(circleID, as: uid, lastEventID: lastEventID, query: query) {
            messages.append($0)
            return true
        }
        return messages
    }
}

/// A message as a client reads it.
struct LiveClientMessage: Sendable, Equatable {
    var id: Int64
    var name: String
    var data: String

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(data.utf8))) as? [String: Any] ?? [:]
    }
}

/// Reads an event stream, as browsers do.
/// Source: HTML Living Standard, §9.2.6 "Interpreting an event stream".
struct LiveClientParser {
    private var rest: [UInt8] = []
    private var message = LiveClientMessage(id: -1, name: "", data: "")
    private(set) var commentCount = 0

    mutating func take(_ chunk: ByteBuffer) throws -> [LiveClientMessage] {
        rest += chunk.readableBytesView
        var messages: [LiveClientMessage] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest.removeFirst(end + 1)
            if line.isEmpty {
                if message.id >= 0 { messages.append(message) }
                message = LiveClientMessage(id: -1, name: "", data: "")
            } else if line.hasPrefix(":") {
                commentCount += 1
            } else if line.hasPrefix("id: "), let id = Int64(line.dropFirst(4)) {
                message.id = id
            } else if line.hasPrefix("event: ") {
                message.name = String(line.dropFirst(7))
            } else if line.hasPrefix("data: ") {
                message.data += line.dropFirst(6)
            } else {
                throw CancellationError()
            }
        }
        return messages
    }
}
