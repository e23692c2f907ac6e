import Testing

@testable import RTC

@Suite("Forwarding from speakers to listeners")
struct ForwardingTests {
    /// What is wrong with what a listener heard of a speaker whose stream had no pause.
    private func faults(of listener: VirtualClient, hearing speaker: VirtualClient) -> [String] {
        let heard = listener.heard(from: speaker).sorted { $0.frame < $1.frame }
        guard let first = heard.first else { return ["nothing heard"] }
        var faults: [String] = []
        if heard.map(\.frame) != speaker.sentFrames { faults.append("frames differ") }
        for packet in heard {
            let distance = packet.frame - first.frame
            if packet.ssrc != first.ssrc { faults.append("SSRC moved at \(packet.frame)") }
            if packet.sequenceNumber &- first.sequenceNumber
                != UInt16(truncatingIfNeeded: distance)
            {
                faults.append("sequence number broke at \(packet.frame)")
            }
            if packet.timestamp &- first.timestamp != distance * 960 {
                faults.append("timestamp broke at \(packet.frame)")
            }
            if packet.payload != VirtualClient.payload(speaker.index, packet.frame) {
                faults.append("payload changed at \(packet.frame)")
            }
        }
        return faults
    }

    @Test(
        "every listener gets every packet of every speaker, and nobody their own",
        arguments: [1, 2, 3] as [UInt64])
    func everything(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        let speakers = try (0..<3).map { try circle.connect("speaker\($0)") }
        let listeners = try (0..<3).map {
            try circle.connect(
                "listener\($0)", isOnStage: false, offer: .init(hasMicrophone: false))
        }
        for speaker in speakers { speaker.level = 25 }
        circle.run(milliseconds: 500)
        // Reordered and repeated, but nothing lost; not from the start, since a stream begins
        // with the packet that comes first.
        for client in circle.clients {
            client.uplink.jitterMilliseconds = 30
            client.downlink.jitterMilliseconds = 30
            client.uplink.duplication = 0.05
            client.downlink.duplication = 0.05
        }
        circle.run(milliseconds: 2500)
        for speaker in speakers { speaker.level = nil }
        circle.run(milliseconds: 500)
        for listener in speakers + listeners {
            for speaker in speakers where speaker !== listener {
                #expect(faults(of: listener, hearing: speaker) == [])
            }
            #expect(listener.heard(from: listener).isEmpty)
        }
        #expect(speakers.allSatisfy { $0.sentFrames.count >= 145 })
    }

    @Test("a stream goes on when the numbers of either side wrap")
    func rollover() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 1))
        speaker.media.sequence = 65_500
        let slot = circle.engine.peers[Int(listener.transport.index)].slots
        slot.pointee.lastSequence = 65_470
        slot.pointee.report.baseSequence = 65_471
        speaker.level = 25
        circle.run(milliseconds: 4000)
        speaker.level = nil
        circle.run(milliseconds: 1500)
        #expect(faults(of: listener, hearing: speaker) == [])
        #expect(slot.pointee.lastSequence == 65_470 + UInt64(speaker.sentFrames.count))
        let quality = circle.engine.quality(of: circle.circleID)
        let downlink = try #require(quality.first { $0.member.uid == "listener" }?.downlink)
        #expect(downlink.packetsExpected == Int64(speaker.sentFrames.count))
        #expect(downlink.packetsLost == 0)
        #expect(quality.first { $0.member.uid == "speaker" }?.uplink?.packetsLost == 0)
    }

    // MARK: RED (RFC 2198)

    /// The frame with the one before it as its older block.
    private static func redundant(_ index: Int, _ frame: UInt32) -> [UInt8] {
        let older = VirtualClient.payload(index, frame - 1)
        let header: [UInt8] = [
            0x80 | VirtualClient.opusPayloadType, UInt8(960 >> 6),
            UInt8(960 & 0x3F) << 2 | UInt8(older.count >> 8), UInt8(older.count & 0xFF),
            VirtualClient.opusPayloadType,
        ]
        return header + older + VirtualClient.payload(index, frame)
    }

    @Test("RED passes through to whom it was agreed with, and is stripped for others")
    func redundancy() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect(
            "speaker", offer: .init(payloadType: VirtualClient.redPayloadType))
        speaker.payload = { Self.redundant($0.index, $1) }
        var offer = VirtualClient.Offer(hasMicrophone: false, slotCount: 2)
        let plain = try circle.connect("plain", isOnStage: false, offer: offer)
        offer.slotsHaveRED = true
        let redundant = try circle.connect("redundant", isOnStage: false, offer: offer)
        speaker.level = 25
        circle.run(milliseconds: 1000)
        speaker.level = nil
        circle.run(milliseconds: 100)
        #expect(plain.heard.allSatisfy { $0.payloadType == VirtualClient.opusPayloadType })
        #expect(plain.heard.map(\.frame) == speaker.sentFrames)
        #expect(
            plain.heard.map(\.payload)
                == speaker.sentFrames.map { VirtualClient.payload(speaker.index, $0) })
        #expect(redundant.heard.allSatisfy { $0.payloadType == VirtualClient.redPayloadType })
        #expect(
            redundant.heard.map(\.payload)
                == speaker.sentFrames.map { Self.redundant(speaker.index, $0) })
    }

    @Test("malformed RED is left out only where it has to be stripped")
    func malformedRedundancy() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect(
            "speaker", offer: .init(payloadType: VirtualClient.redPayloadType))
        // Every fifth frame says that more headers follow, and ends.
        speaker.payload = {
            $1 % 5 == 0 ? [0xEF, 0, 1] : Self.redundant($0.index, $1)
        }
        var offer = VirtualClient.Offer(hasMicrophone: false, slotCount: 2)
        let plain = try circle.connect("plain", isOnStage: false, offer: offer)
        offer.slotsHaveRED = true
        let redundant = try circle.connect("redundant", isOnStage: false, offer: offer)
        speaker.level = 25
        circle.run(milliseconds: 1000)
        speaker.level = nil
        circle.run(milliseconds: 100)
        #expect(plain.heard.map(\.frame) == speaker.sentFrames.filter { $0 % 5 != 0 })
        #expect(redundant.heard.count == speaker.sentFrames.count)
    }

    @Test("a payload type that was not agreed is none, 0 neither")
    func payloadTypes() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect(
            "speaker", offer: .init(payloadType: 0, microphoneHasRED: false))
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        speaker.level = 25
        circle.run(milliseconds: 500)
        #expect(listener.received.isEmpty)
        #expect(
            circle.engine.engineCounters.rejected[.unknownPayloadType, default: 0]
                + 1 >= speaker.sentFrames.count)
    }
}
