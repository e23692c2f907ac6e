import CMallocCount
import Domain
import Glibc
import MediaCrypto
import RTC

/// An engine with one circle whose clients are in the same process: datagrams are handed over
/// in memory, time is a number.
final class LocalCircle {
    struct Result {
        var allocationCount: UInt64
        var forwardedCount: Int
        /// Of processor time.
        var nanoseconds: Int
    }

    /// Datagrams of one after the other, 20 ms of all speakers at a time.
    struct Packets {
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        var speakers: [Int] = []
    }

    private let engine: MediaEngine
    private let circleID: CircleID
    private let certificate: DTLSCertificate
    private let serverAddress = TransportAddress(ipv4: 0x0A00_0001, port: 7882)
    private let speakerCount: Int
    private var clients: [MediaClient] = []
    private let toServer = PacketBatch(capacity: 64) { _ in
        preconditionFailure("emptied after every call")
    }
    private let toClients = PacketBatch(capacity: 256) { $0.count = 0 }
    private var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private var frame: UInt32 = 0

    var clientCount: Int { clients.count }

    init(speakerCount: Int, listenerCount: Int) {
        self.speakerCount = speakerCount
        var random = SystemRandomNumberGenerator()
        circleID = CircleID(high: random.next(), low: random.next())
        do {
            certificate = try DTLSCertificate()
        } catch {
            preconditionFailure("OpenSSL makes a certificate: \(error)")
        }
        var configuration = MediaEngine.Configuration()
        configuration.handshakesPerSecond = 100_000
        // Nobody sends keepalives while packets are counted.
        configuration.silentMillisecondsMax = 3_600_000
        engine = MediaEngine(configuration: configuration, certificate: certificate)
        engine.openCircle(circleID, policy: .open, now: now)
        for index in 0..<speakerCount + listenerCount { join(index) }
    }

    private func join(_ index: Int) {
        let isSpeaker = index < speakerCount
        let session = SessionID(high: 1, low: UInt64(index) + 1)
        engine.setMember(
            MediaMember(uid: "u\(index)", sessionID: session, isOnStage: isSpeaker, isMuted: false),
            in: circleID, now: now)
        let local = ICECredentials.random()
        let client = MediaClient(
            credentials: .random(), certificate: certificate,
            remote: .init(
                credentials: local, fingerprint: certificate.fingerprint, address: serverAddress),
            microphone: isSpeaker
                ? .init(ssrc: UInt32(index) + 1, payloadType: 111, audioLevelExtensionID: 1) : nil)
        let slots = (0..<(isSpeaker ? speakerCount - 1 : speakerCount)).map {
            TransportConfiguration.Slot(
                ssrc: UInt32(1000 + index * 10 + $0), opusPayloadType: 111, isNACKEnabled: true)
        }
        do {
            _ = try engine.add(
                TransportConfiguration(
                    circleID: circleID, sessionID: session, localUfrag: local.ufrag,
                    localPassword: local.password, remoteUfrag: client.credentials.ufrag,
                    remoteFingerprint: certificate.fingerprint,
                    microphone: isSpeaker
                        ? .init(
                            opusPayloadType: 111, audioLevelExtensionID: 1, isNACKEnabled: true)
                        : nil,
                    slots: slots, signalledAt: now),
                now: now, into: toClients)
        } catch {
            preconditionFailure("the engine takes the transport: \(error)")
        }
        clients.append(client)
    }

    private func address(_ index: Int) -> TransportAddress {
        TransportAddress(ipv4: 0x0A01_0000 | UInt32(index), port: 5000)
    }

    /// Takes every client through ICE and DTLS.
    func connect() {
        for index in clients.indices {
            let client = clients[index]
            var roundCount = 0
            while client.state != .connected {
                roundCount += 1
                precondition(roundCount < 1000, "a handshake without loss is short")
                now = now.adding(milliseconds: 1)
                client.advance(now: now, into: toServer)
                deliverToServer(from: index)
                engine.advance(now: now, into: toClients)
                deliverToClients(only: index)
            }
            deliverToServer(from: index)
        }
        _ = engine.takeEvents()
    }

    private func deliverToServer(from index: Int) {
        for position in 0..<toServer.count {
            engine.receive(
                toServer.datagram(at: position), from: address(index), now: now, into: toClients)
        }
        toServer.count = 0
    }

    private func deliverToClients(only index: Int) {
        for position in 0..<toClients.count where toClients.addresses[position] == address(index) {
            _ = clients[index].receive(toClients.datagram(at: position), now: now, into: toServer)
        }
        toClients.count = 0
    }

    /// The next packets of the speakers, encrypted: 80 bytes of payload each.
    func uplinkPackets(count: Int) -> Packets {
        var packets = Packets()
        packets.bytes.reserveCapacity(count * 128)
        let payload = [UInt8](repeating: 0x5A, count: 80)
        for number in 0..<count {
            let speaker = number % speakerCount
            if speaker == 0 { frame += 1 }
            payload.withUnsafeBytes {
                _ = clients[speaker].send(
                    $0, timestamp: frame &* 960, marker: false,
                    level: AudioLevel(decibelsBelowOverload: 20, isVoice: true), into: toServer)
            }
            precondition(toServer.count == 1, "the client is connected")
            let start = packets.bytes.count
            packets.bytes.append(contentsOf: UnsafeRawBufferPointer(toServer.datagram(at: 0)))
            packets.ranges.append(start..<packets.bytes.count)
            packets.speakers.append(speaker)
            toServer.count = 0
        }
        return packets
    }

    /// Hands the packets to the engine, as a worker does with what `recvmmsg` gave it.
    func forward(_ packets: Packets) -> Result {
        var bytes = packets.bytes
        let before = engine.engineCounters.packetsForwarded
        var allocationCount: UInt64 = 0
        var nanoseconds = 0
        // The count starts inside: to mutate an array may copy it.
        bytes.withUnsafeMutableBytes { bytes in
            let start = Self.threadNanoseconds()
            circles_malloc_count_start()
            for index in packets.ranges.indices {
                let speaker = packets.speakers[index]
                if speaker == 0 { now = now.adding(milliseconds: 20) }
                engine.receive(
                    UnsafeMutableRawBufferPointer(rebasing: bytes[packets.ranges[index]]),
                    from: address(speaker), now: now, into: toClients)
            }
            toClients.count = 0
            allocationCount = circles_malloc_count_stop()
            nanoseconds = Self.threadNanoseconds() - start
        }
        return Result(
            allocationCount: allocationCount,
            forwardedCount: Int(engine.engineCounters.packetsForwarded - before),
            nanoseconds: nanoseconds)
    }

    /// Processor time of this thread: what else the machine does is not counted.
    private static func threadNanoseconds() -> Int {
        var time = timespec()
        let status = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        precondition(status == 0, "Linux has the clock")
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// What `advance` allocates in a second: reports and who speaks, of 108 peers.
    func timerAllocations() -> UInt64 {
        circles_malloc_count_start()
        for _ in 0..<100 {
            now = now.adding(milliseconds: 10)
            engine.advance(now: now, into: toClients)
            toClients.count = 0
        }
        return circles_malloc_count_stop()
    }
}
