import Domain
import MediaCrypto
import Testing

@testable import RTC

/// One circle on one engine and its clients, in virtual time: nothing waits, and the same seed
/// gives the same losses, delays and repetitions.
final class VirtualCircle {
    private enum Happening {
        case toEngine([UInt8], from: TransportAddress)
        case toClient(Int, [UInt8])
        case frame(Int)
    }

    /// Made once: to make a key takes longer than most tests.
    static let serverCertificate = certificate()
    static let clientCertificate = certificate()
    static let serverAddress = TransportAddress(ipv4: 0x0A00_0001, port: 7882)

    let engine: MediaEngine
    let circleID = CircleID(high: 7, low: 7)
    private(set) var now = MonotonicTime(nanoseconds: 10_000_000_000)
    private(set) var clients: [VirtualClient] = []
    private(set) var events: [(at: MonotonicTime, event: MediaEvent)] = []
    /// Datagrams that the engine sent to nobody's address.
    private(set) var strays: [(address: TransportAddress, bytes: [UInt8])] = []

    /// Every datagram that clients sent.
    private(set) var recorded: [[UInt8]] = []

    private var random: PacketMutator
    private var schedule = VirtualSchedule<Happening>()
    private var clientsByAddress: [TransportAddress: Int] = [:]
    private let fromEngine = PacketBatch(capacity: 4096) { _ in
        preconditionFailure("emptied after every call")
    }
    private let fromClient = PacketBatch(capacity: 256) { _ in
        preconditionFailure("emptied after every call")
    }

    init(
        seed: UInt64 = 1, policy: MicPolicy = .open,
        configuration: MediaEngine.Configuration = .init()
    ) {
        random = PacketMutator(seed: seed)
        engine = MediaEngine(
            configuration: configuration, certificate: Self.serverCertificate)
        engine.openCircle(circleID, policy: policy, now: now)
    }

    private static func certificate() -> DTLSCertificate {
        do {
            return try DTLSCertificate()
        } catch {
            preconditionFailure("OpenSSL makes a certificate: \(error)")
        }
    }

    // MARK: Members

    /// Seats a member, or changes what they may do.
    func setMember(
        _ client: VirtualClient, isOnStage: Bool = true, isMuted: Bool = false
    ) {
        setMember(client.uid, client.sessionID, isOnStage: isOnStage, isMuted: isMuted)
    }

    private func setMember(
        _ uid: String, _ sessionID: SessionID, isOnStage: Bool, isMuted: Bool
    ) {
        engine.setMember(
            MediaMember(uid: uid, sessionID: sessionID, isOnStage: isOnStage, isMuted: isMuted),
            in: circleID, now: now)
        collect()
    }

    func setTalking(_ isTalking: Bool, _ client: VirtualClient) {
        engine.setTalking(isTalking, client.sessionID, in: circleID, now: now)
        collect()
    }

    func removeMember(_ client: VirtualClient) {
        engine.removeMember(client.sessionID, from: circleID, now: now, into: fromEngine)
        collect()
    }

    func close() {
        engine.closeCircle(circleID, now: now, into: fromEngine)
        collect()
    }

    /// Adds a member with a transport, which is not connected yet. With the client of another
    /// transport it is a second one of the same session.
    func join(
        _ uid: String, isOnStage: Bool = true, offer: VirtualClient.Offer = .init(),
        replacing former: VirtualClient? = nil, fingerprint: CertificateFingerprint? = nil
    ) throws -> VirtualClient {
        let index = clients.count
        let sessionID = former?.sessionID ?? SessionID(high: 1, low: UInt64(index) + 1)
        setMember(uid, sessionID, isOnStage: isOnStage, isMuted: false)
        let local = ICECredentials.random()
        let slotSSRCs = (0..<offer.slotCount).map { UInt32(0x5000_0000 + index * 16 + $0) }
        let ssrc = UInt32(0x1000 + index)
        let media = MediaClient(
            credentials: .random(), certificate: Self.clientCertificate,
            remote: .init(
                credentials: local, fingerprint: Self.serverCertificate.fingerprint,
                address: Self.serverAddress),
            microphone: offer.hasMicrophone
                ? .init(
                    ssrc: ssrc, payloadType: offer.payloadType,
                    audioLevelExtensionID: VirtualClient.levelExtensionID) : nil)
        let transport = try engine.add(
            TransportConfiguration(
                circleID: circleID, sessionID: sessionID, localUfrag: local.ufrag,
                localPassword: local.password, remoteUfrag: media.credentials.ufrag,
                remoteFingerprint: fingerprint ?? Self.clientCertificate.fingerprint,
                microphone: offer.hasMicrophone ? Self.microphone(offer) : nil,
                slots: slotSSRCs.map { Self.slot($0, offer) }, signalledAt: now),
            now: now, into: fromEngine)
        let address = TransportAddress(ipv4: 0x0A01_0000 | UInt32(index), port: 5000)
        let client = VirtualClient(
            index: index, uid: uid, sessionID: sessionID, transport: transport, media: media,
            credentials: local, slotSSRCs: slotSSRCs, ssrc: ssrc, address: address)
        clients.append(client)
        clientsByAddress[address] = index
        // Speakers do not speak at the same microsecond.
        schedule.add(.frame(index), at: now.adding(microseconds: Int64(index % 16) * 1250))
        collect()
        return client
    }

    private static func microphone(
        _ offer: VirtualClient.Offer
    ) -> TransportConfiguration.Microphone {
        .init(
            opusPayloadType: VirtualClient.opusPayloadType,
            redPayloadType: offer.microphoneHasRED ? VirtualClient.redPayloadType : 0,
            audioLevelExtensionID: VirtualClient.levelExtensionID,
            isNACKEnabled: offer.isMicrophoneNACKEnabled)
    }

    private static func slot(
        _ ssrc: UInt32, _ offer: VirtualClient.Offer
    ) -> TransportConfiguration.Slot {
        .init(
            ssrc: ssrc, opusPayloadType: VirtualClient.opusPayloadType,
            redPayloadType: offer.slotsHaveRED ? VirtualClient.redPayloadType : 0,
            isNACKEnabled: offer.isSlotNACKEnabled)
    }

    /// Adds a member and connects it.
    func connect(
        _ uid: String, isOnStage: Bool = true, offer: VirtualClient.Offer = .init(),
        replacing former: VirtualClient? = nil
    ) throws -> VirtualClient {
        let client = try join(uid, isOnStage: isOnStage, offer: offer, replacing: former)
        try connect(client)
        return client
    }

    func connect(_ client: VirtualClient) throws {
        for _ in 0..<500 where !isConnected(client) { run(milliseconds: 10) }
        try #require(isConnected(client), "ICE and DTLS take less than five seconds")
    }

    func isConnected(_ client: VirtualClient) -> Bool {
        client.media.state == .connected
            && events.contains {
                if case .connected(client.transport, _, _, _, _) = $0.event { true } else { false }
            }
    }

    /// The client's datagrams come from another address from now on.
    func move(_ client: VirtualClient, to address: TransportAddress) {
        client.address = address
        clientsByAddress[address] = client.index
    }

    // MARK: Time

    func run(milliseconds: Int64) {
        run(until: now.adding(milliseconds: milliseconds))
    }

    func run(until end: MonotonicTime) {
        while true {
            var next = min(schedule.next, engine.nextDeadline)
            for client in clients { next = min(next, client.media.nextDeadline) }
            guard next <= end else { break }
            now = max(now, next)
            while let happening = schedule.take(dueAt: now) { take(happening) }
            for client in clients where client.media.nextDeadline <= now {
                client.media.advance(now: now, into: fromClient)
                ship(from: client)
            }
            if engine.nextDeadline <= now {
                engine.advance(now: now, into: fromEngine)
                collect()
            }
        }
        now = end
    }

    private func take(_ happening: Happening) {
        switch happening {
        case .toEngine(let bytes, let address):
            receive(bytes, from: address)
        case .toClient(let index, var bytes):
            let client = clients[index]
            let missing = bytes.withUnsafeMutableBytes {
                client.receive($0, now: now, into: fromClient)
            }
            ship(from: client)
            if client.sendsNACK, let missing {
                send(client.nack(missing.numbers, of: missing.ssrc), from: client)
            }
            if client.answersNACK { resend(from: client) }
        case .frame(let index):
            let client = clients[index]
            schedule.add(happening, at: now.adding(milliseconds: 20))
            client.frame &+= 1
            if let level = client.level { speak(client, level: level) }
        }
    }

    private func resend(from client: VirtualClient) {
        for number in client.engineRequests {
            let datagram = client.sentDatagrams.last {
                UInt16($0[2]) << 8 | UInt16($0[3]) == number
            }
            if let datagram { send(datagram, from: client) }
        }
        client.engineRequests.removeAll()
    }

    /// Sends one frame of the client's microphone.
    func speak(_ client: VirtualClient, level: UInt8) {
        let payload = client.payload(client, client.frame)
        let hasGone = payload.withUnsafeBytes {
            client.media.send(
                $0, timestamp: client.frame &* 960, marker: client.nextIsMarked,
                level: AudioLevel(decibelsBelowOverload: level, isVoice: true), into: fromClient)
        }
        guard hasGone else { return }
        client.nextIsMarked = false
        client.sentFrames.append(client.frame)
        client.sentDatagrams.append(Array(fromClient.datagram(at: fromClient.count - 1)))
        ship(from: client)
    }

    private func ship(from client: VirtualClient) {
        for position in 0..<fromClient.count {
            send(Array(fromClient.datagram(at: position)), from: client)
        }
        fromClient.count = 0
    }

    /// Puts a datagram of a client on its way.
    func send(_ bytes: [UInt8], from client: VirtualClient) {
        recorded.append(bytes)
        let kind = bytes.withUnsafeBytes { PacketKind($0) }
        let arrivals = client.uplink.arrivals(of: kind, sentAt: now, using: &random)
        if arrivals.isEmpty, kind == .rtp { client.uplinkLossCount += 1 }
        for arrival in arrivals {
            schedule.add(.toEngine(bytes, from: client.address), at: arrival)
        }
    }

    /// Hands a datagram to the engine at once.
    ///
    /// - Returns: what the engine sent to that address.
    @discardableResult
    func receive(_ bytes: [UInt8], from address: TransportAddress) -> [[UInt8]] {
        var copy = bytes
        let first = fromEngine.count
        copy.withUnsafeMutableBytes {
            engine.receive($0, from: address, now: now, into: fromEngine)
        }
        let answers = (first..<fromEngine.count)
            .filter { fromEngine.addresses[$0] == address }
            .map { Array(fromEngine.datagram(at: $0)) }
        collect()
        return answers
    }

    /// Takes away what the engine has sent and told.
    func collect() {
        events += engine.takeEvents().map { (now, $0) }
        for position in 0..<fromEngine.count {
            let bytes = Array(fromEngine.datagram(at: position))
            guard let index = clientsByAddress[fromEngine.addresses[position]] else {
                strays.append((fromEngine.addresses[position], bytes))
                continue
            }
            deliver(bytes, to: clients[index])
        }
        fromEngine.count = 0
    }

    private func deliver(_ bytes: [UInt8], to client: VirtualClient) {
        let kind = bytes.withUnsafeBytes { PacketKind($0) }
        let arrivals = client.downlink.arrivals(of: kind, sentAt: now, using: &random)
        client.engineDatagramKinds.append(kind)
        if kind == .rtp, let header = try? bytes.withUnsafeBytes({ try RTPHeader(parsing: $0) }) {
            client.received.append(
                .init(at: now, header: header, hasArrived: !arrivals.isEmpty))
        }
        for arrival in arrivals { schedule.add(.toClient(client.index, bytes), at: arrival) }
    }
}
