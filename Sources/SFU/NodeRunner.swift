import BlockingThread
import CircleStore
import Domain
import Hummingbird
import Logging
import MediaCrypto
import Metrics
import NIOCore
import RTC
import ServiceLifecycle
import Tokens

/// Runs the parts of one node: the threads first, then what talks to them; and ends them the
/// other way round.
struct NodeRunner: Sendable {
    let configuration: SFUService.Configuration
    let dependencies: SFUService.Dependencies
    let workers: [MediaWorker]
    let certificate: DTLSCertificate
    let telemetry: TelemetrySender
    let reader: ControlReader
    let logger: Logger
    let onListening: @Sendable (Int) async -> Void

    /// The node's name was taken by a newer start.
    private struct Superseded: Error {}

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { threads in
            for worker in workers { threads.addTask { try await run(worker) } }
            threads.addTask {
                try await BlockingThread.run(name: "sfu-telemetry") { telemetry.run() }
            }
            threads.addTask { try await BlockingThread.run(name: "sfu-control") { reader.run() } }
            // One that ends early ends the node; the first error counts.
            threads.addTask {
                defer {
                    reader.shutDown()
                    workers.forEach { $0.shutDown() }
                    telemetry.shutDown()
                }
                try await serve()
            }
            try await threads.waitForAll()
        }
    }

    private func run(_ worker: MediaWorker) async throws {
        let certificate = certificate
        try await BlockingThread.run(name: "media-\(worker.index)") {
            try worker.run(configuration: .init(), certificate: certificate)
        }
    }

    /// Registers the node, takes clients until shutdown, and retires it.
    private func serve() async throws {
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let store = dependencies.store
        // The epoch is taken before the first client: the node's numbering hangs on it.
        let epoch = try await store.registerNode(
            configuration.nodeID, url: configuration.publicURL)
        let node = MediaNode(
            configuration: .init(
                nodeID: configuration.nodeID,
                candidateHost: configuration.candidateHost.isEmpty
                    ? configuration.mediaHost : configuration.candidateHost,
                resumeSeconds: configuration.resumeSeconds,
                qualitySeconds: configuration.qualitySeconds),
            epoch: epoch, store: store, workers: workers, certificate: certificate,
            telemetry: telemetry, reader: reader, clock: dependencies.clock, logger: logger)
        let server = Application(
            router: SignallingServer.router(
                node: node, tokens: dependencies.tokens, clock: dependencies.clock,
                exposition: dependencies.exposition),
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port),
                serverName: "circles-sfu"),
            onServerRunning: { listening.yield($0.localAddress?.port ?? 0) }, logger: logger)
        do {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    defer { listening.finish() }
                    try await server.run()
                    throw CancellationError()
                }
                tasks.addTask { try await tend(node, epoch: epoch, ports: ports) }
                for worker in workers { tasks.addTask { await node.follow(worker) } }
                tasks.addTask { await node.follow(reader.messages) }
                defer { tasks.cancelAll() }
                try await tasks.next()
            }
        } catch is CancellationError {
            logger.debug("node stops")
        }
        await node.tellFarewell()
        try await store.retireNode(configuration.nodeID, epoch: epoch)
    }

    /// Opens the node to clients, then does everything that is due every so often.
    private func tend(_ node: MediaNode, epoch: Int64, ports: AsyncStream<Int>) async throws {
        guard let port = await ports.first(where: { _ in true }) else { return }
        let url =
            configuration.publicURL.isEmpty
            ? "http://\(configuration.host):\(port)" : configuration.publicURL
        try await dependencies.store.setNodeURL(configuration.nodeID, epoch: epoch, url: url)
        try await node.takeOverFormerEpoch()
        logger.info(
            "node serves",
            metadata: [
                "url": "\(url)", "epoch": "\(epoch)",
                "media_ports": "\(workers.map { "\($0.port)" }.joined(separator: ","))",
            ])
        await onListening(port)
        // Apart: a database that is slow must not delay what is told of the media.
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await tendMedia(node) }
            tasks.addTask { try await tendSeats(node, epoch: epoch) }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    private func tendMedia(_ node: MediaNode) async throws {
        var meters = workers.map { WorkerMeters($0) }
        try await everySecond { second in
            if second.isMultiple(of: configuration.qualitySeconds) { await node.sampleQuality() }
            if second.isMultiple(of: 10) { await node.tellSnapshots() }
            for index in meters.indices { await meters[index].update() }
        }
    }

    private func tendSeats(_ node: MediaNode, epoch: Int64) async throws {
        // Three times in a lease, so that one that fails costs nobody the seat.
        let leaseRenewalSeconds = max(1, min(60, dependencies.store.seatLeaseSeconds / 3))
        try await everySecond { second in
            await node.endAbsent()
            await node.reconcile()
            if second.isMultiple(of: 2) { try await heartbeat(node, epoch: epoch) }
            if second.isMultiple(of: 10) { await node.expectAbsent() }
            if second.isMultiple(of: leaseRenewalSeconds) { await node.renewLeases() }
        }
    }

    /// The node's own clock: each tick asks what is due, none waits for a state.
    private func everySecond(_ body: (_ second: Int64) async throws -> Void) async throws {
        var second: Int64 = 0
        while !Task.isCancelled {
            try await Task.sleep(for: .seconds(1))
            second += 1
            try await body(second)
        }
    }

    private func heartbeat(_ node: MediaNode, epoch: Int64) async throws {
        let load = await node.load
        do {
            let isCurrent = try await dependencies.store.heartbeat(
                configuration.nodeID, epoch: epoch, circleCount: load.circles,
                memberCount: load.members)
            guard isCurrent else {
                logger.critical("another process has taken this node's name")
                throw Superseded()
            }
        } catch let error as Superseded {
            throw error
        } catch {
            // The database is away: media goes on, the next beat tries again.
            logger.warning("no heartbeat", metadata: ["error": "\(error)"])
        }
    }
}
