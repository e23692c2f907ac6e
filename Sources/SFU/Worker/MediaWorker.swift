import BlockingThread
import Datagram
import MediaCrypto
import RTC
import Synchronization

/// One thread, one UDP port, and the media of the circles that live on it: a packet never
/// changes thread.
///
/// Everything else reaches the thread as work for its engine, in a bounded inbox.
final class MediaWorker: Sendable {
    typealias Work = @Sendable (MediaEngine, MonotonicTime, PacketBatch) -> Void

    let index: Int
    let port: UInt16
    /// What happened in the media, in order.
    let events: AsyncStream<MediaEvent>

    private let socket: DatagramSocket
    private let wakeUp: WakeUp
    private let inbox = Mutex<[Work]>([])
    private let stop = StopFlag()
    private let continuation: AsyncStream<MediaEvent>.Continuation
    /// Datagrams that the kernel did not take, and events that nobody took in time.
    let datagramsUnsent = Atomic<Int>(0)
    let eventsDropped = Atomic<Int>(0)

    private static let inboxCountMax = 10_000
    private static let eventCountMax = 50_000
    /// Rounds of receiving before time and inbox get their turn.
    private static let roundCountMax = 8
    private static let wakeToken: UInt32 = 1
    private static let socketToken: UInt32 = 2

    init(index: Int, host: String, port: UInt16) throws {
        self.index = index
        socket = try DatagramSocket(host: host, port: port)
        self.port = socket.localPort
        wakeUp = try WakeUp()
        (events, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(Self.eventCountMax))
    }

    /// The worker has more to do than it can; try again.
    struct Overloaded: Error {}

    /// Runs work on the worker's thread, between packets.
    ///
    /// - Throws: `Overloaded` when the inbox is full or the worker has stopped.
    ///
    /// The work is in the inbox before the caller suspends: what one actor asks is done in the
    /// order of its asking.
    func perform<Result: Sendable>(
        isolation: isolated (any Actor)? = #isolation,
        _ work: @escaping @Sendable (MediaEngine, MonotonicTime, PacketBatch) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = submit { engine, now, batch in
                continuation.resume(with: Swift.Result { try work(engine, now, batch) })
            }
            if !isTaken { continuation.resume(throwing: Overloaded()) }
        }
    }

    /// The same without an answer.
    ///
    /// - Returns: whether there was room for it.
    func submit(_ work: @escaping Work) -> Bool {
        let isTaken = inbox.withLock { inbox in
            guard inbox.count < Self.inboxCountMax, !stop.isRaised else { return false }
            inbox.append(work)
            return true
        }
        if isTaken { wakeUp.signal() }
        return isTaken
    }

    /// Ends the thread after what is in the inbox.
    func shutDown() {
        stop.raise()
        wakeUp.signal()
    }

    // MARK: The thread

    /// Runs until `shutDown`.
    @available(*, noasync)
    func run(configuration: MediaEngine.Configuration, certificate: DTLSCertificate) throws {
        let poller = try Poller()
        try poller.add(wakeUp, token: Self.wakeToken)
        try poller.add(socket, token: Self.socketToken)
        let engine = MediaEngine(configuration: configuration, certificate: certificate)
        let incoming = DatagramBatch(capacity: DatagramSocket.receiveMax, stride: 1536)
        let outgoing = PacketBatch { [self] in send($0) }
        var nextClockLook = MonotonicTime(nanoseconds: 0)
        defer {
            // Nobody waits for ever for what came in last, and clients learn that we go.
            runInbox(engine, outgoing)
            engine.shutDown(now: clock(), into: outgoing)
            send(outgoing)
            tell(engine)
            continuation.finish()
        }
        while !stop.isRaised {
            let deadline = engine.nextDeadline
            let wait = deadline == .distantFuture ? nil : max(0, deadline.since(clock()))
            let ready = poller.wait(nanoseconds: wait)
            if ready.contains(Self.wakeToken) {
                wakeUp.drain()
                runInbox(engine, outgoing)
            }
            if ready.contains(Self.socketToken) { receive(incoming, engine, outgoing) }
            let now = clock()
            if now >= nextClockLook {
                nextClockLook = now.adding(milliseconds: 1000)
                engine.wallClockOffsetMicroseconds =
                    SystemClock.wallMicroseconds() - now.nanoseconds / 1000
            }
            engine.advance(now: now, into: outgoing)
            send(outgoing)
            tell(engine)
        }
    }

    private func clock() -> MonotonicTime {
        MonotonicTime(nanoseconds: SystemClock.monotonicNanoseconds())
    }

    @available(*, noasync)
    private func receive(
        _ incoming: DatagramBatch, _ engine: MediaEngine, _ outgoing: PacketBatch
    ) {
        for _ in 0..<Self.roundCountMax {
            let count = socket.receive(into: incoming)
            guard count > 0 else { return }
            let now = clock()
            let addresses = incoming.addresses.assumingMemoryBound(to: TransportAddress.self)
            for index in 0..<count {
                engine.receive(
                    UnsafeMutableRawBufferPointer(
                        start: incoming.bytes(at: index), count: Int(incoming.lengths[index])),
                    from: addresses[index], now: now, into: outgoing)
            }
            send(outgoing)
            guard count == incoming.capacity else { return }
        }
    }

    @available(*, noasync)
    private func send(_ batch: PacketBatch) {
        guard batch.count > 0 else { return }
        let outcome = socket.send(
            arena: batch.bytes, stride: PacketBatch.stride, lengths: batch.lengths,
            addresses: batch.addresses, count: batch.count)
        batch.count = 0
        let unsent = outcome.dropped + outcome.failed
        if unsent > 0 { datagramsUnsent.wrappingAdd(unsent, ordering: .relaxed) }
    }

    private func runInbox(_ engine: MediaEngine, _ outgoing: PacketBatch) {
        let work = inbox.withLock { inbox in
            defer { inbox.removeAll() }
            return inbox
        }
        for item in work { item(engine, clock(), outgoing) }
    }

    private func tell(_ engine: MediaEngine) {
        for event in engine.takeEvents() {
            if case .dropped = continuation.yield(event) {
                eventsDropped.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }
}

extension MonotonicTime {
    /// The machine's monotonic clock.
    static var now: MonotonicTime {
        MonotonicTime(nanoseconds: SystemClock.monotonicNanoseconds())
    }
}
