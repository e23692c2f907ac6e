import Datagram
import Domain
import Foundation
import MediaCrypto
import RTC
import Synchronization

/// A server of one circle for a swarm: a `MediaEngine` behind a real socket on the loopback, on a
/// thread of its own, and the answers that signalling would give.
final class EngineServer: Sendable {
    typealias Work = @Sendable (MediaEngine, MonotonicTime, PacketBatch) -> Void

    let circleID = CircleID(now: Timestamp(microseconds: 0))
    private let socket: DatagramSocket
    private let wakeUp: WakeUp
    private let certificate: DTLSCertificate
    private let inbox = Mutex<[Work]>([])
    private let isStopping = Atomic<Bool>(false)

    init() throws {
        socket = try DatagramSocket(host: "127.0.0.1")
        wakeUp = try WakeUp()
        certificate = try DTLSCertificate()
        let (socket, wakeUp, certificate) = (socket, wakeUp, certificate)
        Thread.detachNewThread { [self] in run(socket, wakeUp, certificate) }
        let circleID = circleID
        add { engine, now, _ in engine.openCircle(circleID, policy: .open, now: now) }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    private func add(_ work: @escaping Work) {
        inbox.withLock { $0.append(work) }
        wakeUp.signal()
    }

    func perform<Result: Sendable>(
        _ work: @escaping @Sendable (MediaEngine, MonotonicTime, PacketBatch) -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            add { continuation.resume(returning: work($0, $1, $2)) }
        }
    }

    /// Takes a member in, or changes whether they may speak.
    func admit(_ sessionID: SessionID, isOnStage: Bool) async {
        let circleID = circleID
        await perform { engine, now, _ in
            engine.setMember(
                MediaMember(
                    uid: "\(sessionID)", sessionID: sessionID, isOnStage: isOnStage,
                    isMuted: false),
                in: circleID, now: now)
        }
    }

    /// What the node answers to a member's offer.
    func answer(_ offer: String, for sessionID: SessionID) async throws -> String {
        let local = LocalTransport(
            credentials: .random(), fingerprint: certificate.fingerprint,
            candidates: [
                ICECandidate(host: "127.0.0.1", port: socket.localPort)
            ],
            cname: "server", sessionID: 1)
        let session = try AudioNegotiation(policy: .init(maySend: true), local: local)
            .answer(to: try SessionDescription(parsing: offer)) {
                UInt32(truncatingIfNeeded: secureRandomUInt64())
            }
        let circleID = circleID
        try await perform { engine, now, batch in
            Result {
                _ = try engine.add(
                    TransportConfiguration(
                        circleID: circleID, sessionID: sessionID,
                        localUfrag: local.credentials.ufrag,
                        localPassword: local.credentials.password,
                        remoteUfrag: session.remoteCredentials.ufrag,
                        remoteFingerprint: session.remoteFingerprint,
                        microphone: session.microphone.map {
                            .init(
                                opusPayloadType: $0.opusPayloadType,
                                audioLevelExtensionID: $0.audioLevelExtensionID ?? 0,
                                isNACKEnabled: $0.isNACKEnabled)
                        },
                        slots: session.slots.map {
                            .init(
                                ssrc: $0.ssrc, opusPayloadType: $0.opusPayloadType,
                                isNACKEnabled: $0.isNACKEnabled)
                        }, signalledAt: now),
                    now: now, into: batch)
            }
        }.get()
        return session.answer.text
    }

    // MARK: The thread

    private func run(_ socket: DatagramSocket, _ wakeUp: WakeUp, _ certificate: DTLSCertificate) {
        guard let poller = try? Poller(), (try? poller.add(wakeUp, token: 0)) != nil,
            (try? poller.add(socket, token: 1)) != nil
        else { fatalError("the test's server has no descriptors") }
        let engine = MediaEngine(certificate: certificate)
        let incoming = DatagramBatch(capacity: DatagramSocket.receiveMax)
        let outgoing = PacketBatch { Self.send($0, from: socket) }
        while !isStopping.load(ordering: .acquiring) {
            _ = poller.wait(nanoseconds: 5_000_000)
            wakeUp.drain()
            let work = inbox.withLock { inbox in
                defer { inbox.removeAll() }
                return inbox
            }
            let now = MonotonicTime(nanoseconds: SystemClock.monotonicNanoseconds())
            for item in work { item(engine, now, outgoing) }
            socket.receive(into: incoming)
            for index in 0..<incoming.count {
                let address = incoming.address(at: index)
                engine.receive(
                    incoming.datagram(at: index),
                    from: TransportAddress(
                        high: address.high, low: address.low, port: address.port),
                    now: now, into: outgoing)
            }
            engine.advance(now: now, into: outgoing)
            _ = engine.takeEvents()
            Self.send(outgoing, from: socket)
        }
    }

    private static func send(_ batch: PacketBatch, from socket: DatagramSocket) {
        _ = socket.send(
            arena: batch.bytes, stride: PacketBatch.stride, lengths: batch.lengths,
            addresses: batch.addresses, count: batch.count)
        batch.count = 0
    }
}
