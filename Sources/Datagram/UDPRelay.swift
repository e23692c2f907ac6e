import Glibc
import Synchronization

/// A UDP relay between clients and one upstream address that impairs each direction: what a bad
/// network does to real clients, seeded. It runs on a thread of its own.
///
/// Upstream sees each client as a port of its own, so that it can answer it.
public final class UDPRelay: Sendable {
    /// The most clients at a time; the datagrams of further ones are refused.
    public static let clientsMax = 64

    /// What went through, in one direction.
    public struct DirectionCounts: Sendable, Hashable {
        /// RTP datagrams: received = dropped + delivered + those that still wait.
        public var mediaReceived = 0
        /// By the impairment.
        public var mediaDropped = 0
        /// Sent on, without second copies.
        public var mediaDelivered = 0
        /// Second copies sent on.
        public var mediaDuplicated = 0
        /// RTCP, STUN, DTLS and unknown datagrams sent on.
        public var otherDelivered = 0
        /// Lost by the relay itself: no room to delay them, or refused by the kernel. Must be 0
        /// for a measurement to hold.
        public var lostInRelay = 0

        public init() {}
    }

    /// A snapshot of the counts since the start.
    public struct Counts: Sendable, Hashable {
        public var towardUpstream = DirectionCounts()
        public var towardClients = DirectionCounts()
        /// Datagrams of clients beyond `clientsMax`.
        public var refused = 0

        public init() {}
    }

    /// What the thread and the owner share.
    final class Shared: Sendable {
        let counts = Mutex(Counts())
        let isStopping = Atomic<Bool>(false)
        let wakeUp: WakeUp

        init(wakeUp: WakeUp) {
            self.wakeUp = wakeUp
        }
    }

    /// Where clients send to, on the host given.
    public let port: UInt16
    private let shared: Shared
    /// `nil` once joined.
    private let thread: Mutex<pthread_t?>

    /// Listens on `host`, an IP literal, and relays to `upstream`, which must be reachable from
    /// it. `toUpstream` and `toClients` say how bad each direction is; `seed` decides for both.
    public init(
        host: String = "127.0.0.1", port: UInt16 = 0, upstream: DatagramAddress,
        toUpstream: ImpairedLink.Settings, toClients: ImpairedLink.Settings, seed: UInt64
    ) throws(DatagramError) {
        let socket = try DatagramSocket(host: host, port: port)
        let shared = Shared(wakeUp: try WakeUp())
        let loop = try RelayLoop(
            host: host, socket: socket, upstream: upstream,
            toUpstream: ImpairedLink(toUpstream, seed: Self.seed(seed, toUpstream: true)),
            toClients: ImpairedLink(toClients, seed: Self.seed(seed, toUpstream: false)),
            shared: shared)
        self.port = socket.localPort
        self.shared = shared
        thread = Mutex(try Self.start(loop))
    }

    deinit {
        stop()
    }

    /// The seed of a direction's `ImpairedLink`, from which its verdicts can be foretold.
    public static func seed(_ seed: UInt64, toUpstream: Bool) -> UInt64 {
        toUpstream ? seed : seed ^ 0xA5A5_A5A5_A5A5_A5A5
    }

    public var counts: Counts { shared.counts.withLock { $0 } }

    /// Ends the relay and waits for its thread, which takes microseconds; datagrams that still
    /// wait are not delivered. May be called more than once.
    public func stop() {
        shared.isStopping.store(true, ordering: .releasing)
        shared.wakeUp.signal()
        thread.withLock { thread in
            guard let running = thread else { return }
            pthread_join(running, nil)
            thread = nil
        }
    }

    private static func start(_ loop: sending RelayLoop) throws(DatagramError) -> pthread_t {
        let context = Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<RelayLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw DatagramError(number: code, operation: "start the relay's thread")
        }
        return thread
    }
}
