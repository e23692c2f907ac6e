import Datagram
import Glibc
import MediaCrypto
import Opus
import RTC
import Synchronization

/// Many WebRTC clients that talk and listen, for load and for tests, on one thread of their own.
///
/// Each has its own UDP port, as the server tells them apart by address. What they say is Opus
/// that was encoded beforehand; each packet carries a stamp (`OpusStamp`) by which delays are
/// measured when swarm and server share a machine.
public final class MediaSwarm: Sendable {
    /// The most peers of a swarm, whether or not they are still connected.
    public static let peerCountMax = 16_384
    private static let socketBufferBytes: Int32 = 256 << 10

    typealias Work = @Sendable (SwarmLoop) -> Void

    /// What the thread and the owner share.
    final class Shared: Sendable {
        let isStopping = Atomic<Bool>(false)
        let wakeUp: WakeUp
        private let inbox = Mutex<(work: [Work], isClosed: Bool)>(([], false))

        init(wakeUp: WakeUp) {
            self.wakeUp = wakeUp
        }

        /// - Returns: `false` when the thread takes no more.
        func add(_ work: @escaping Work) -> Bool {
            let isTaken = inbox.withLock { inbox in
                guard !inbox.isClosed, inbox.work.count < MediaSwarm.peerCountMax else {
                    return false
                }
                inbox.work.append(work)
                return true
            }
            if isTaken { wakeUp.signal() }
            return isTaken
        }

        func takeInbox(isLast: Bool) -> [Work] {
            inbox.withLock { inbox in
                defer { inbox.work.removeAll() }
                inbox.isClosed = isLast
                return inbox.work
            }
        }
    }

    private let settings: SwarmSettings
    private let certificate: DTLSCertificate
    private let shared: Shared
    /// `nil` once joined.
    private let thread: Mutex<pthread_t?>

    /// Records the voices, which takes some tenths of a second each, and starts the thread.
    @available(*, noasync)
    public init(_ settings: SwarmSettings) throws(SwarmError) {
        let probability = 0.0...1.0
        guard (1...64).contains(settings.voiceCount),
            (1...120).contains(settings.recordingSeconds),
            (0...1100).contains(settings.payloadBytesMin),
            probability.contains(settings.uplinkLossProbability),
            probability.contains(settings.downlinkLossProbability),
            (0...10_000_000).contains(settings.jitterMicrosecondsMax)
        else { throw .invalidSettings }
        self.settings = settings
        var recordings: [Recording] = []
        do throws(OpusError) {
            for number in 0..<settings.voiceCount {
                recordings.append(try Recording(voice: number, settings: settings))
            }
        } catch {
            throw .encoder(error)
        }
        do throws(DTLSError) {
            certificate = try DTLSCertificate()
        } catch {
            throw .certificate
        }
        let loop: SwarmLoop
        do throws(DatagramError) {
            shared = Shared(wakeUp: try WakeUp())
            loop = try SwarmLoop(
                settings: settings, certificate: certificate, recordings: recordings,
                shared: shared)
        } catch {
            throw .system(error)
        }
        thread = Mutex(try Self.start(loop))
    }

    deinit {
        stop()
    }

    // MARK: Peers

    /// A peer's offer: to receive on `sections` sections, and to send on the first of them.
    public func makeOffer(sections: Int = 8) -> PeerOffer {
        PeerOffer(
            certificate: certificate, sections: sections,
            requestsRetransmission: settings.requestsRetransmission)
    }

    /// Connects a peer by the server's answer to its offer, and waits until it is connected.
    ///
    /// - Returns: its number.
    /// - Throws: `answer`, `system`, `full`, `notConnected`, `stopped`.
    public func connect(_ offer: PeerOffer, answer: String) async throws(SwarmError) -> Int {
        let agreement = try offer.agree(on: answer)
        let socket: DatagramSocket
        do throws(DatagramError) {
            socket = try DatagramSocket(
                host: agreement.remote.address.ipv4 == nil ? "::" : "0.0.0.0",
                bufferBytes: Self.socketBufferBytes)
        } catch {
            throw .system(error)
        }
        let credentials = offer.credentials
        return try await perform { loop, tell in
            loop.connect(agreement, credentials: credentials, socket: socket, tell: tell)
        }
    }

    /// Lets a peer talk with one of the voices, as soon as it may send.
    ///
    /// - Parameters:
    ///   - phase: when within 20 ms its packets fall, 0..<1.
    ///   - hasUplinkLoss: whether its packets are lost with the settings' probability.
    public func talk(
        _ peer: Int, voice: Int, phase: Double, hasUplinkLoss: Bool = true
    ) async throws(SwarmError) {
        try await perform { loop, tell in
            loop.talk(peer, voice: voice, phase: phase, hasUplinkLoss: hasUplinkLoss)
            tell(.success(()))
        }
    }

    /// Lets a peer be silent.
    public func hush(_ peer: Int) async throws(SwarmError) {
        try await perform { loop, tell in
            loop.hush(peer)
            tell(.success(()))
        }
    }

    /// Closes a peer's transport from its side.
    public func close(_ peer: Int) async throws(SwarmError) {
        try await perform { loop, tell in
            loop.close(peer)
            tell(.success(()))
        }
    }

    /// How everything stands.
    public func statistics() async throws(SwarmError) -> SwarmStatistics {
        try await perform { loop, tell in tell(.success(loop.statistics)) }
    }

    /// Closes all peers and waits for the thread, which takes milliseconds. May be called more
    /// than once.
    public func stop() {
        shared.isStopping.store(true, ordering: .releasing)
        shared.wakeUp.signal()
        thread.withLock { thread in
            guard let running = thread else { return }
            pthread_join(running, nil)
            thread = nil
        }
    }

    // MARK: The thread

    /// Runs work on the swarm's thread, which tells its result once.
    private func perform<Value: Sendable>(
        _ work:
            @escaping @Sendable (
                SwarmLoop, @escaping @Sendable (Result<Value, SwarmError>) -> Void
            ) -> Void
    ) async throws(SwarmError) -> Value {
        let result: Result<Value, SwarmError> = await withCheckedContinuation { continuation in
            let isTaken = shared.add { loop in
                work(loop) { continuation.resume(returning: $0) }
            }
            if !isTaken { continuation.resume(returning: .failure(.stopped)) }
        }
        return try result.get()
    }

    private static func start(_ loop: sending SwarmLoop) throws(SwarmError) -> pthread_t {
        let context = Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<SwarmLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw .thread(errno: code)
        }
        return thread
    }
}
