import Domain
import Testing

@testable import RTC

@Suite("Retransmission (RFC 4585 §6.2.1)")
struct RetransmissionTests {
    private func uplinkQuality(_ circle: VirtualCircle, _ client: VirtualClient) -> MemberQuality
        .Uplink?
    {
        circle.engine.quality(of: circle.circleID).first {
            $0.member.sessionID == client.sessionID
        }?.uplink
    }

    @Test(
        "what a listener misses comes again, the same in number and payload",
        arguments: [1, 2, 3] as [UInt64])
    func downlink(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false,
            offer: .init(hasMicrophone: false, slotCount: 1, isSlotNACKEnabled: true))
        listener.sendsNACK = true
        speaker.level = 25
        circle.run(milliseconds: 500)
        listener.downlink.loss = 0.05
        circle.run(milliseconds: 6000)
        listener.downlink.loss = 0
        circle.run(milliseconds: 300)
        speaker.level = nil
        circle.run(milliseconds: 100)

        let counts = listener.received.reduce(into: [UInt16: (sent: Int, arrived: Int)]()) {
            $0[$1.header.sequenceNumber, default: (0, 0)].sent += 1
            $0[$1.header.sequenceNumber, default: (0, 0)].arrived += $1.hasArrived ? 1 : 0
        }
        let again = counts.values.count { $0.sent > 1 }
        #expect(again >= 8)
        #expect(circle.engine.engineCounters.retransmissionsSent == UInt64(again))
        // Missing for good is only what was lost twice: the client asks once.
        let lostForGood = counts.values.count { $0.arrived == 0 }
        #expect(counts.values.allSatisfy { $0.arrived > 0 || $0.sent == 2 })
        #expect(listener.heard.count == speaker.sentFrames.count - lostForGood)
        let first = try #require(listener.heard.first)
        for packet in listener.heard {
            let distance = packet.frame - first.frame
            #expect(packet.payload == VirtualClient.payload(speaker.index, packet.frame))
            #expect(
                packet.sequenceNumber
                    == first.sequenceNumber &+ UInt16(truncatingIfNeeded: distance))
            #expect(packet.timestamp == first.timestamp &+ distance * 960)
        }
    }

    @Test("retransmissions are bounded by the second")
    func budget() throws {
        var configuration = MediaEngine.Configuration()
        configuration.retransmissionsPerSecond = 5
        let circle = VirtualCircle(configuration: configuration)
        let (listener, last) = try heardStream(circle, isNACKEnabled: true)
        for _ in 0..<20 {
            let numbers = (0..<10).map { last &- 9 &+ UInt16($0) }
            circle.receive(
                listener.nack(numbers, of: listener.slotSSRCs[0]), from: listener.address)
        }
        #expect(circle.engine.engineCounters.retransmissionsSent == 5)
    }

    @Test("a packet that could not be played any more is not sent again")
    func tooLate() throws {
        let circle = VirtualCircle()
        let (listener, last) = try heardStream(circle, isNACKEnabled: true)
        let nack = { (behind: UInt16) in [last &- behind] }
        circle.receive(
            listener.nack(nack(30), of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 0)
        circle.receive(
            listener.nack(nack(10), of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 1)
        circle.run(milliseconds: 600)
        circle.receive(
            listener.nack(nack(10), of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 1)
    }

    @Test("numbers that were never sent, and other streams, are not answered")
    func nonsense() throws {
        let circle = VirtualCircle()
        let (listener, last) = try heardStream(circle, isNACKEnabled: true)
        for (number, stream) in [
            (last &+ 1, listener.slotSSRCs[0]), (last &+ 40_000, listener.slotSSRCs[0]),
            (last &- 200, listener.slotSSRCs[0]), (last, 0xDEAD),
        ] {
            circle.receive(listener.nack([number], of: stream), from: listener.address)
        }
        #expect(circle.engine.engineCounters.retransmissionsSent == 0)
    }

    @Test("without agreement nothing is sent again")
    func withoutAgreement() throws {
        let circle = VirtualCircle()
        let (listener, last) = try heardStream(circle, isNACKEnabled: false)
        circle.receive(
            listener.nack([last], of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 0)
    }

    @Test("a muted microphone's packets are not sent again either")
    func muted() throws {
        let circle = VirtualCircle()
        let (listener, last) = try heardStream(circle, isNACKEnabled: true)
        circle.setMember(circle.clients[0], isMuted: true)
        circle.receive(
            listener.nack([last], of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 0)
    }

    @Test("what was heard of a former speaker on the slot is not sent again")
    func formerSource() throws {
        let circle = VirtualCircle()
        let (listener, last) = try heardStream(circle, isNACKEnabled: true)
        circle.setMember(circle.clients[0], isMuted: true)
        circle.setMember(circle.clients[0])
        circle.speak(circle.clients[0], level: 25)
        circle.run(milliseconds: 20)
        circle.receive(
            listener.nack([last], of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 0)
        circle.receive(
            listener.nack([last &+ 1], of: listener.slotSSRCs[0]), from: listener.address)
        #expect(circle.engine.engineCounters.retransmissionsSent == 1)
    }

    /// A listener that has heard a second of a speaker, and the last number of it.
    private func heardStream(
        _ circle: VirtualCircle, isNACKEnabled: Bool
    ) throws -> (VirtualClient, UInt16) {
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false,
            offer: .init(hasMicrophone: false, slotCount: 1, isSlotNACKEnabled: isNACKEnabled))
        speaker.level = 25
        circle.run(milliseconds: 1000)
        speaker.level = nil
        circle.run(milliseconds: 10)
        return (listener, try #require(listener.heard.last?.sequenceNumber))
    }

    @Test(
        "a microphone is asked for what it skipped, and the gap closes",
        arguments: [1, 2, 3] as [UInt64])
    func microphone(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        let speaker = try circle.connect(
            "speaker", offer: .init(isMicrophoneNACKEnabled: true))
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        speaker.answersNACK = true
        speaker.level = 25
        circle.run(milliseconds: 500)
        speaker.uplink.loss = 0.05
        circle.run(milliseconds: 6000)
        speaker.uplink.loss = 0
        circle.run(milliseconds: 500)
        speaker.level = nil
        circle.run(milliseconds: 200)
        let uplink = try #require(uplinkQuality(circle, speaker))
        #expect(speaker.uplinkLossCount >= 8)
        #expect(uplink.nacksSent >= uplink.retransmissionsReceived)
        #expect(uplink.retransmissionsReceived >= 8)
        #expect(uplink.packetsExpected == Int64(speaker.sentFrames.count))
        // Three attempts: one in 160 000 is lost for good.
        #expect(uplink.packetsLost == 0)
        #expect(listener.frames(of: speaker) == speaker.sentFrames)
    }

    @Test("a microphone that did not agree is asked for nothing")
    func silentMicrophone() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        speaker.level = 25
        circle.run(milliseconds: 300)
        speaker.uplink.loss = 0.2
        circle.run(milliseconds: 2000)
        #expect(speaker.uplinkLossCount > 5)
        #expect(speaker.engineRequests.isEmpty)
    }
}
