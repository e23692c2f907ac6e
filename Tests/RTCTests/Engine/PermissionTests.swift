import Testing

@testable import RTC

@Suite("Mute, stage, policy, kick and end in the media")
struct PermissionTests {
    private let listening = VirtualClient.Offer(hasMicrophone: false, slotCount: 1)

    /// Whether numbers follow each other without a gap, and timestamps move as time does, within
    /// a frame. Packets were neither lost nor reordered.
    private func isContinuous(_ packets: [VirtualClient.Sent]) -> Bool {
        zip(packets, packets.dropFirst()).allSatisfy { first, second in
            let elapsed = second.at.since(first.at) * 48 / 1_000_000
            let moved = Int64(second.header.timestamp &- first.header.timestamp)
            return second.header.sequenceNumber == first.header.sequenceNumber &+ 1
                && abs(moved - elapsed) <= 960
        }
    }

    @Test("no packet is sent after a mute, and numbers go on after it")
    func mute() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect("listener", isOnStage: false, offer: listening)
        speaker.level = 20
        for pause in [300, 2000, 40] as [Int64] {
            circle.run(milliseconds: 1000)
            circle.setMember(speaker, isMuted: true)
            let mutedAt = circle.now
            let countBefore = listener.received.count
            circle.run(milliseconds: pause)
            #expect(listener.received.count == countBefore)
            circle.setMember(speaker)
            #expect(mutedAt < circle.now)
        }
        circle.run(milliseconds: 500)
        #expect(listener.received.count > 150)
        #expect(isContinuous(listener.received))
        #expect(circle.engine.engineCounters.packetsDiscarded > 100)
    }

    @Test("a slot's stream goes on without a break when its speaker changes")
    func changeOfSource() throws {
        let circle = VirtualCircle()
        let speakers = try ["ann", "bob"].map { try circle.connect($0) }
        let listener = try circle.connect("listener", isOnStage: false, offer: listening)
        for turn in 0..<6 {
            speakers[turn % 2].level = 20
            speakers[(turn + 1) % 2].level = turn < 3 ? 127 : nil
            circle.run(milliseconds: 1500)
        }
        #expect(Set(listener.heard.map(\.speaker)) == [0, 1])
        #expect(isContinuous(listener.received))
        #expect(Set(listener.received.map(\.header.ssrc)) == [listener.slotSSRCs[0]])
    }

    @Test("a listener's microphone counts while they are on stage, without reconnecting")
    func stage() throws {
        let circle = VirtualCircle()
        let host = try circle.connect("host")
        let guest = try circle.connect("guest", isOnStage: false)
        guest.level = 20
        circle.run(milliseconds: 500)
        #expect(host.received.isEmpty)
        circle.setMember(guest, isOnStage: true)
        let promotedAt = circle.now
        circle.run(milliseconds: 500)
        let first = try #require(host.received.first)
        #expect(first.at.since(promotedAt) <= 40_000_000)
        circle.setMember(guest, isOnStage: false)
        let count = host.received.count
        circle.run(milliseconds: 500)
        #expect(host.received.count == count)
        #expect(circle.isConnected(guest))
    }

    @Test("under push-to-talk a microphone is open while its button is pressed")
    func pushToTalk() throws {
        let circle = VirtualCircle(policy: .pushToTalk)
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect("listener", isOnStage: false, offer: listening)
        speaker.level = 20
        circle.run(milliseconds: 500)
        #expect(listener.received.isEmpty)
        circle.setTalking(true, speaker)
        circle.run(milliseconds: 500)
        let count = listener.received.count
        #expect(count >= 24)
        circle.setTalking(false, speaker)
        circle.run(milliseconds: 500)
        #expect(listener.received.count == count)
        circle.engine.openCircle(circle.circleID, policy: .open, now: circle.now)
        circle.run(milliseconds: 500)
        #expect(listener.received.count >= count + 24)
    }

    @Test("whoever is kicked is told, and nothing of theirs is forwarded any more")
    func kick() throws {
        let circle = VirtualCircle()
        let offender = try circle.connect("offender")
        let other = try circle.connect("other")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        offender.level = 20
        other.level = 30
        circle.run(milliseconds: 500)
        circle.removeMember(offender)
        let kickedAt = circle.now
        let kinds = offender.engineDatagramKinds
        circle.run(milliseconds: 20)
        #expect(offender.media.state == .closed)
        #expect(kinds.last == .dtls)
        // A client that does not care goes on sending.
        let replayed = circle.engine.engineCounters.rejected[.unknownAddress, default: 0]
        circle.receive(offender.sentDatagrams.last ?? [], from: offender.address)
        #expect(
            circle.engine.engineCounters.rejected[.unknownAddress, default: 0] == replayed + 1)
        circle.run(milliseconds: 500)
        other.level = nil
        circle.run(milliseconds: 100)
        #expect(listener.heard(from: offender).allSatisfy { $0.at.since(kickedAt) <= 5_000_000 })
        #expect(listener.frames(of: other) == other.sentFrames)
        #expect(circle.engine.peerCount == 2)
        #expect(
            circle.events.contains {
                $0.event
                    == .ended(
                        offender.transport, circle.circleID,
                        .init(uid: "offender", sessionID: offender.sessionID), .memberGone,
                        wasConnected: true)
            })
    }

    @Test("the end of a circle ends every transport")
    func end() throws {
        let circle = VirtualCircle()
        let clients = try (0..<3).map { try circle.connect("member\($0)") }
        clients[0].level = 20
        circle.run(milliseconds: 300)
        circle.close()
        let counts = clients.map(\.received.count)
        circle.run(milliseconds: 200)
        #expect(clients.allSatisfy { $0.media.state == .closed })
        #expect(clients.map(\.received.count) == counts)
        #expect(circle.engine.peerCount == 0)
        #expect(circle.engine.addresses.count == 0)
        #expect(circle.engine.ufrags.isEmpty)
        #expect(circle.events.last?.event == .circleClosed(circle.circleID))
        #expect(throws: EngineRefusal.unknownCircle) { _ = try circle.join("late") }
    }

    @Test("the last counters of one who is removed are told, and those of others stay")
    func lastCounters() throws {
        let circle = VirtualCircle()
        let leaver = try circle.connect("leaver")
        let other = try circle.connect("other")
        leaver.level = 20
        other.level = 20
        circle.run(milliseconds: 500)
        // The other's transport ends before it is sampled.
        circle.engine.remove(
            other.transport, now: circle.now, into: PacketBatch { $0.count = 0 })
        circle.removeMember(leaver)
        let told = circle.events.compactMap {
            if case .counted(_, let qualities) = $0.event { qualities } else { nil }
        }
        #expect(told.count == 1)
        #expect(told.first?.map(\.member.uid) == ["leaver"])
        #expect(told.first?.first?.uplink?.packetsReceived ?? 0 > 20)
        let left = circle.engine.quality(of: circle.circleID)
        #expect(left.map(\.member.uid) == ["other"])
        #expect(circle.engine.quality(of: circle.circleID).isEmpty)
    }
}
