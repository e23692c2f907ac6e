import CircleStore
import Domain
import Logging
import MediaCrypto
import Metrics
import RTC

/// The node's knowledge of its circles, and the one place that decides what media may do: it
/// follows the API's events, answers signalling, tells Kafka what happens, and moves members out
/// whose media is gone.
///
/// PostgreSQL is the truth that it starts from and comes back to: the event log is how it hears
/// of changes at once.
actor MediaNode {
    struct Configuration: Sendable {
        var nodeID: String
        /// The address in ICE candidates.
        var candidateHost: String
        /// How long a member whose media is gone keeps seat, hand and mute.
        var resumeSeconds: Int64 = 60
        var qualitySeconds: Int64 = 5
    }

    let configuration: Configuration
    let epoch: Int64
    let store: CircleStore
    let workers: [MediaWorker]
    let certificate: DTLSCertificate
    let telemetry: TelemetrySender
    let reader: ControlReader
    let clock: any WallClock
    let logger: Logger

    var circles: [CircleID: CircleControl] = [:]
    /// Circles that are being read from the database, so that two requests read them once.
    private var loading: [CircleID: Task<Void, any Error>] = [:]
    var resources: [String: MediaResource] = [:]
    var resourceIDs: [WorkerTransport: String] = [:]

    /// A transport among those of all workers.
    struct WorkerTransport: Hashable {
        let worker: Int
        let transport: TransportID
    }

    init(
        configuration: Configuration, epoch: Int64, store: CircleStore, workers: [MediaWorker],
        certificate: DTLSCertificate, telemetry: TelemetrySender, reader: ControlReader,
        clock: any WallClock, logger: Logger
    ) {
        self.configuration = configuration
        self.epoch = epoch
        self.store = store
        self.workers = workers
        self.certificate = certificate
        self.telemetry = telemetry
        self.reader = reader
        self.clock = clock
        self.logger = logger
    }

    // MARK: Circles

    /// Makes sure that a circle is known.
    ///
    /// - Throws: `SignallingProblem` when it is not live.
    func load(_ circleID: CircleID) async throws {
        if let circle = circles[circleID] {
            guard !circle.isClosing else { throw SignallingProblem.circleNotLive }
            return
        }
        if let task = loading[circleID] { return try await task.value }
        let task = Task { try await read(circleID) }
        loading[circleID] = task
        defer { loading[circleID] = nil }
        try await task.value
    }

    private func read(_ circleID: CircleID) async throws {
        // Followed first: an event that the state does not have yet comes after it, or leaves a
        // hole in the numbering that is seen.
        reader.follow(circleID)
        defer { if circles[circleID] == nil { reader.unfollow(circleID) } }
        guard let state = try await store.mediaState(circleID), state.status == .live else {
            throw SignallingProblem.circleNotLive
        }
        var circle = CircleControl(
            circleID: circleID, worker: place(circleID), policy: state.micPolicy,
            eventSequence: state.eventSequence,
            numbering: CircleNumbering(source: configuration.nodeID, epoch: epoch))
        let changes = circle.adopt(state)
        circles[circleID] = circle
        carryOut([.policy(state.micPolicy)] + changes, in: circleID)
    }

    /// The worker with the fewest circles.
    private func place(_ circleID: CircleID) -> Int {
        var counts = [Int](repeating: 0, count: workers.count)
        for circle in circles.values { counts[circle.worker] += 1 }
        return counts.indices.min { counts[$0] < counts[$1] } ?? 0
    }

    /// Reads a circle again, after something may have been missed.
    func reload(_ circleID: CircleID) async {
        guard circles[circleID]?.isClosing == false else { return }
        do {
            let state = try await store.mediaState(circleID)
            guard let state, state.status == .live else {
                close(circleID)
                return
            }
            guard let changes = circles[circleID]?.adopt(state) else { return }
            carryOut(changes, in: circleID)
        } catch {
            // `reconcile` sees that the circle is still behind, and tries again.
            logger.warning(
                "circle not read", metadata: ["circle": "\(circleID)", "error": "\(error)"])
        }
    }

    // MARK: Control

    /// Takes messages of the control reader until it ends.
    func follow(_ messages: AsyncStream<ControlReader.Message>) async {
        for await message in messages {
            switch message {
            case .events(let events):
                for event in events { await take(event) }
            case .reload:
                for circleID in circles.keys { await reload(circleID) }
            }
        }
    }

    private func take(_ event: Event) async {
        guard let known = circles[event.circleID]?.eventSequence,
            event.position.sequence > known
        else { return }
        guard event.position.sequence == known + 1 else {
            await reload(event.circleID)
            return
        }
        guard let change = circles[event.circleID]?.apply(event) else { return }
        carryOut([change], in: event.circleID)
    }

    /// Looks whether the database is ahead: then the log is late or lost something.
    func reconcile() async {
        let versions: [CircleID: CircleVersion]
        do {
            versions = try await store.circleVersions(Array(circles.keys))
        } catch {
            return  // the next round tries again
        }
        let now = MonotonicTime.now
        for circleID in Array(circles.keys) {
            guard let circle = circles[circleID], !circle.isClosing else { continue }
            guard let version = versions[circleID] else {
                close(circleID)
                continue
            }
            if version.eventSequence <= circle.eventSequence {
                circles[circleID]?.behindSince = nil
            } else if let since = circle.behindSince {
                if now.since(since) > Self.behindNanosecondsMax { await reload(circleID) }
            } else {
                circles[circleID]?.behindSince = now
            }
        }
    }

    private static let behindNanosecondsMax: Int64 = 1_000_000_000

    /// Hands changes to the worker, all of them before anything else can happen here.
    private func carryOut(_ changes: [CircleControl.Change], in circleID: CircleID) {
        for change in changes {
            guard let worker = circles[circleID]?.worker else { return }
            switch change {
            case .none: break
            case .member(let member):
                submit(to: worker) { engine, now, _ in
                    engine.setMember(member, in: circleID, now: now)
                }
            case .policy(let policy):
                submit(to: worker) { engine, now, _ in
                    engine.openCircle(circleID, policy: policy, now: now)
                }
            case .departure(let sessionID):
                circles[circleID]?.members[sessionID] = nil
                submit(to: worker) { engine, now, batch in
                    engine.removeMember(sessionID, from: circleID, now: now, into: batch)
                }
            case .end: close(circleID)
            }
        }
    }

    private func close(_ circleID: CircleID) {
        guard let circle = circles[circleID], !circle.isClosing else { return }
        circles[circleID]?.isClosing = true
        circles[circleID]?.members = [:]
        reader.unfollow(circleID)
        submit(to: circle.worker) { engine, now, batch in
            engine.closeCircle(circleID, now: now, into: batch)
        }
    }

    /// The worker has told the last of a circle.
    func closed(_ circleID: CircleID) {
        circles[circleID] = nil
    }

    private func submit(to worker: Int, _ work: @escaping MediaWorker.Work) {
        guard !workers[worker].submit(work) else { return }
        logger.error("worker refused", metadata: ["worker": "\(worker)"])
    }

    /// - Returns: `nil` when the worker could not; it is overloaded or gone, and says so.
    @discardableResult
    func perform<Result: Sendable>(
        on worker: Int,
        _ work: @escaping @Sendable (MediaEngine, MonotonicTime, PacketBatch) throws -> Result
    ) async -> Result? {
        do {
            return try await workers[worker].perform(work)
        } catch {
            logger.error(
                "worker refused", metadata: ["worker": "\(worker)", "error": "\(error)"])
            return nil
        }
    }
}
