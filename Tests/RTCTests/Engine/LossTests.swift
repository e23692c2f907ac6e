import Domain
import MediaCrypto
import Testing

@testable import RTC

@Suite("Loss and jitter as measured, against what the links dropped (RFC 3550 §A.3, §6.4.1)")
struct LossTests {
    private static let impaired = { () -> VirtualLink in
        var link = VirtualLink()
        link.loss = 0.08
        link.duplication = 0.04
        link.jitterMilliseconds = 45
        return link
    }()

    private func quality(_ circle: VirtualCircle, _ client: VirtualClient) -> MemberQuality? {
        circle.engine.quality(of: circle.circleID).first {
            $0.member.sessionID == client.sessionID
        }
    }

    /// Speech whose first and last packets arrive, with the link impaired in between.
    private func speak(
        _ circle: VirtualCircle, _ clients: [VirtualClient], milliseconds: Int64,
        impair: (VirtualLink) -> Void
    ) {
        for client in clients { client.level = 25 }
        circle.run(milliseconds: 300)
        impair(Self.impaired)
        circle.run(milliseconds: milliseconds)
        impair(VirtualLink())
        circle.run(milliseconds: 300)
        for client in clients { client.level = nil }
        circle.run(milliseconds: 100)
    }

    @Test(
        "uplink loss is what the link dropped, exactly, though packets are reordered and repeated",
        arguments: [1, 2, 3, 4] as [UInt64])
    func uplink(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        let speakers = try ["ann", "bob"].map { try circle.connect($0) }
        speak(circle, speakers, milliseconds: 8000) { link in
            for speaker in speakers { speaker.uplink = link }
        }
        for speaker in speakers {
            let uplink = try #require(quality(circle, speaker)?.uplink)
            #expect(uplink.packetsExpected == Int64(speaker.sentFrames.count))
            #expect(uplink.packetsLost == Int64(speaker.uplinkLossCount))
            #expect(uplink.packetsReceived == uplink.packetsExpected - uplink.packetsLost)
            #expect(speaker.uplinkLossCount > 10)
        }
    }

    @Test("the count goes on over another SSRC of the same microphone")
    func anotherSSRC() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        speak(circle, [speaker], milliseconds: 2000) { speaker.uplink = $0 }
        let first = try #require(quality(circle, speaker)?.uplink)
        let countBefore = listener.received.count
        for number in 100..<150 where ![110, 111, 140].contains(number) {
            circle.send(anotherSource(speaker, UInt16(number)), from: speaker)
            circle.run(milliseconds: 20)
        }
        let second = try #require(quality(circle, speaker)?.uplink)
        #expect(second.packetsExpected == first.packetsExpected + 50)
        #expect(second.packetsLost == first.packetsLost + 3)
        // One stream for the listener all the same.
        #expect(listener.received.count == countBefore + 47)
        #expect(Set(listener.received.map(\.header.ssrc)).count == 1)
        let change = listener.received[countBefore].header.sequenceNumber
        #expect(change == listener.received[countBefore - 1].header.sequenceNumber &+ 1)
    }

    private func anotherSource(_ speaker: VirtualClient, _ number: UInt16) -> [UInt8] {
        var packet = [UInt8](repeating: 0x33, count: 60)
        packet.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            RTPHeader.write(
                into: start, marker: false, payloadType: VirtualClient.opusPayloadType,
                sequenceNumber: number, timestamp: UInt32(number) * 960, ssrc: 0x9999)
        }
        return speaker.protectRTP(packet)
    }

    @Test("the count goes on over a second transport of the same session")
    func replacement() throws {
        let circle = VirtualCircle(seed: 5)
        let former = try circle.connect("speaker")
        speak(circle, [former], milliseconds: 3000) { former.uplink = $0 }
        let later = try circle.connect("speaker", replacing: former)
        #expect(former.media.state == .closed)
        #expect(circle.engine.peerCount == 1)
        speak(circle, [later], milliseconds: 3000) { later.uplink = $0 }
        let uplink = try #require(quality(circle, later)?.uplink)
        let sentCount = former.sentFrames.count + later.sentFrames.count
        #expect(uplink.packetsExpected == Int64(sentCount))
        #expect(uplink.packetsLost == Int64(former.uplinkLossCount + later.uplinkLossCount))
        #expect(
            circle.events.contains {
                if case .ended(former.transport, _, _, .replaced, true) = $0.event {
                    true
                } else {
                    false
                }
            })
    }

    @Test(
        "downlink loss is what the link dropped, once receivers have reported",
        arguments: [1, 2, 3, 4] as [UInt64])
    func downlink(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        let speakers = try (0..<3).map { try circle.connect("speaker\($0)") }
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 3))
        speak(circle, speakers, milliseconds: 5000) { listener.downlink = $0 }
        circle.run(milliseconds: 2500)
        let downlink = try #require(quality(circle, listener)?.downlink)
        let lossCount = listener.received.count { !$0.hasArrived }
        #expect(lossCount > 20)
        #expect(downlink.packetsSent == Int64(listener.received.count))
        #expect(downlink.packetsExpected == downlink.packetsSent)
        #expect(downlink.packetsLost == Int64(lossCount))
        #expect((9000...12_000).contains(downlink.roundTripTimeMicroseconds))
    }

    @Test("pauses of seconds are no loss and no jitter")
    func pauses() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        for pause in [500, 3000, 7000] as [Int64] {
            speaker.nextIsMarked = true
            speaker.level = 25
            circle.run(milliseconds: 700)
            speaker.level = nil
            circle.run(milliseconds: pause)
        }
        let uplink = try #require(quality(circle, speaker)?.uplink)
        #expect(uplink.packetsReceived == Int64(speaker.sentFrames.count))
        #expect(uplink.packetsLost == 0)
        #expect(uplink.jitterMicroseconds <= 100)
        let downlink = try #require(quality(circle, listener)?.downlink)
        #expect(downlink.packetsLost == 0)
        #expect(downlink.packetsExpected == Int64(speaker.sentFrames.count))
        #expect(downlink.jitterMicroseconds <= 100)
    }
}
