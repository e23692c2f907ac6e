import MediaCrypto
import Testing

@testable import RTC

@Suite("Datagrams that are replayed, misplaced, malformed or mutated")
struct HostileDatagramTests {
    private let stranger = TransportAddress(ipv4: 0xC633_6401, port: 4000)

    /// A live stream, and one more member to misbehave.
    private struct Scene {
        let circle: VirtualCircle
        let speaker: VirtualClient
        let listener: VirtualClient
        let offender: VirtualClient

        init(seed: UInt64 = 1) throws {
            circle = VirtualCircle(seed: seed)
            speaker = try circle.connect("speaker")
            listener = try circle.connect(
                "listener", isOnStage: false, offer: .init(hasMicrophone: false))
            offender = try circle.connect("offender")
            speaker.level = 25
            circle.run(milliseconds: 300)
        }

        func rejected(_ reason: EngineCounters.Rejection) -> UInt64 {
            circle.engine.engineCounters.rejected[reason, default: 0]
        }

        /// Whether the stream goes on and has no gap.
        func isWhole() -> Bool {
            circle.run(milliseconds: 200)
            speaker.level = nil
            circle.run(milliseconds: 50)
            return listener.frames(of: speaker) == speaker.sentFrames
                && speaker.sentFrames.count >= 24
        }
    }

    private func packet(
        _ client: VirtualClient, _ number: UInt16, payloadType: UInt8 = 111, payload: [UInt8],
        hasPadding: Bool = false
    ) -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: 12)
        packet.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            RTPHeader.write(
                into: start, marker: false, payloadType: payloadType, sequenceNumber: number,
                timestamp: UInt32(number) * 960, ssrc: client.ssrc)
        }
        if hasPadding { packet[0] |= 0x20 }
        return client.protectRTP(packet + payload)
    }

    @Test("a recorded packet is not forwarded twice")
    func replay() throws {
        let scene = try Scene()
        let before = scene.listener.received.count
        for datagram in scene.speaker.sentDatagrams {
            scene.circle.receive(datagram, from: scene.speaker.address)
        }
        // The last one or two were still on their way, and count as replays when they arrive.
        let replayed = scene.rejected(.srtpReplayed)
        #expect(Int(replayed) + 2 >= scene.speaker.sentDatagrams.count)
        #expect(scene.listener.received.count <= before + 2)
        #expect(scene.isWhole())
    }

    @Test("each kind of bad datagram is counted by its reason and harms no stream")
    func reasons() throws {
        let scene = try Scene()
        let offender = scene.offender
        let speech = scene.speaker.sentDatagrams[0]
        let frame = [UInt8](repeating: 7, count: 40)
        let rtcpHeader: [UInt8] = [0x81, 201, 0, 1, 0, 0, 0, 1]
        let large = [UInt8](repeating: 7, count: 1450)
        let cases: [(EngineCounters.Rejection, [UInt8], TransportAddress)] = [
            (.unknownAddress, speech, stranger),
            (.unknownAddress, [22, 0xFE, 0xFD] + frame, stranger),
            (.unknownAddress, offender.protectRTCP(rtcpHeader), stranger),
            (.unknownKind, [], offender.address),
            (.unknownKind, [64, 0, 0, 0], offender.address),
            (.unknownKind, [255], offender.address),
            (.malformedSTUN, [0, 1, 0, 0], offender.address),
            (.malformedRTP, [0x80, 111, 0, 0], offender.address),
            (.malformedRTP, [0x9F, 111] + [UInt8](repeating: 0xFF, count: 60), offender.address),
            (
                .srtpAuthentication, [0x80, 111] + [UInt8](repeating: 1, count: 40),
                offender.address
            ),
            (.srtpAuthentication, [0x80, 200, 0, 0], offender.address),
            (.srtpAuthentication, speech, offender.address),
            (
                .unknownPayloadType, packet(offender, 1, payloadType: 96, payload: frame),
                offender.address
            ),
            (.oversized, packet(offender, 2, payload: large), offender.address),
            (.malformedRTP, packet(offender, 3, payload: []), offender.address),
            (.malformedRTP, packet(offender, 4, payload: [0], hasPadding: true), offender.address),
            (.malformedRTP, packet(offender, 5, payload: [9], hasPadding: true), offender.address),
            (
                .malformedRTP, packet(offender, 6, payload: [0, 0, 3], hasPadding: true),
                offender.address
            ),
            (.malformedRTCP, offender.protectRTCP(rtcpHeader), offender.address),
            (.malformedRTCP, offender.protectRTCP([0x80, 201] + large), offender.address),
            (.noMicrophone, packet(scene.listener, 7, payload: frame), scene.listener.address),
        ]
        let forwarded = scene.circle.engine.engineCounters.packetsForwarded
        for (reason, bytes, address) in cases {
            let before = scene.rejected(reason)
            let answers = scene.circle.receive(bytes, from: address)
            #expect(answers.isEmpty)
            #expect(scene.rejected(reason) == before + 1, "\(reason) \(bytes.prefix(4))")
        }
        #expect(scene.circle.engine.engineCounters.packetsForwarded == forwarded)
        #expect(scene.isWhole())
    }

    @Test("media before the handshake is not taken")
    func beforeHandshake() throws {
        let scene = try Scene()
        let early = try scene.circle.join("early")
        early.uplink.controlLoss = 1
        scene.circle.receive(STUNCheck.of(early).bytes, from: early.address)
        let before = scene.rejected(.notConnected)
        scene.circle.receive(scene.speaker.sentDatagrams[0], from: early.address)
        scene.circle.receive([0x80, 200] + [UInt8](repeating: 0, count: 40), from: early.address)
        #expect(scene.rejected(.notConnected) == before + 2)
        #expect(scene.isWhole())
    }

    @Test(
        "mutated, truncated and spliced datagrams of every kind leave a live stream whole",
        arguments: [21, 22] as [UInt64])
    func mutations(seed: UInt64) throws {
        let scene = try Scene(seed: seed)
        scene.circle.run(milliseconds: 3000)
        var random = PacketMutator(seed: seed)
        var samples: [[UInt8]] = []
        for kind in [PacketKind.stun, .dtls, .rtp, .rtcp] {
            let recorded = scene.circle.recorded.filter {
                $0.withUnsafeBytes { PacketKind($0) } == kind
            }
            #expect(!recorded.isEmpty)
            samples += recorded.suffix(12)
        }
        let addresses = [scene.speaker, scene.listener, scene.offender].map(\.address) + [stranger]
        var count = 0
        while count < 25_000 {
            let bytes = random.damaged(samples)
            // One that stayed as it was is no mutation.
            guard !samples.contains(bytes) else { continue }
            count += 1
            let address = addresses.randomElement(using: &random) ?? stranger
            scene.circle.receive(bytes, from: address)
            if count % 200 == 0 { scene.circle.run(milliseconds: 20) }
        }
        #expect(scene.isWhole())
        #expect(scene.circle.engine.peerCount == 3)
        #expect(scene.circle.engine.addresses.count == 3)
    }
}
