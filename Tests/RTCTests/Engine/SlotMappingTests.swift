import Testing

@testable import RTC

@Suite("Mapping of speakers onto a receiver's slots")
struct SlotMappingTests {
    private func mapping(_ circle: VirtualCircle, _ client: VirtualClient) -> [String?] {
        circle.engine.slotUIDs(of: client.transport) ?? []
    }

    private func mappings(
        _ circle: VirtualCircle, _ client: VirtualClient, after time: MonotonicTime
    ) -> Int {
        circle.events.count {
            guard case .slotsMapped(client.transport, _) = $0.event else { return false }
            return $0.at >= time
        }
    }

    @Test("a mapping stays where it is while its speaker stays on stage")
    func stays() throws {
        let circle = VirtualCircle()
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 4))
        let clients = try ["ann", "bob", "cid"].map { try circle.connect($0) }
        for client in clients { client.level = 25 }
        circle.run(milliseconds: 1000)
        let before = mapping(circle, listener)
        #expect(Set(before.compactMap { $0 }) == ["ann", "bob", "cid"])
        let dora = try circle.connect("dora")
        #expect(Array(mapping(circle, listener).prefix(3)) == Array(before.prefix(3)))
        circle.setMember(clients[1], isMuted: true)
        circle.run(milliseconds: 1500)
        #expect(Array(mapping(circle, listener).prefix(3)) == Array(before.prefix(3)))
        circle.removeMember(clients[0])
        var expected = mapping(circle, listener)
        #expect(!expected.contains("ann"))
        _ = try circle.connect("emil")
        #expect(mapping(circle, listener).count { $0 != nil } == 4)
        expected = zip(expected, mapping(circle, listener)).map { $0 ?? $1 }
        #expect(mapping(circle, listener) == expected)
        #expect(mapping(circle, dora).allSatisfy { $0 != "dora" })
    }

    @Test("with fewer slots than speakers, those who speak are carried")
    func competition() throws {
        let circle = VirtualCircle()
        let speakers = try (0..<6).map { try circle.connect("speaker\($0)") }
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 2))
        for turn in 0..<6 {
            for speaker in speakers { speaker.level = 127 }
            speakers[turn].level = 22
            speakers[(turn + 1) % 6].level = 22
            circle.run(milliseconds: 1500)
            #expect(
                Set(mapping(circle, listener).compactMap { $0 })
                    == ["speaker\(turn)", "speaker\((turn + 1) % 6)"])
        }
    }

    @Test("one slot carries the loudest speaker within 300 ms of speech")
    func loudest() throws {
        let circle = VirtualCircle()
        let quiet = try circle.connect("quiet")
        let loud = try circle.connect("loud")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 1))
        quiet.level = 34
        circle.run(milliseconds: 1000)
        #expect(mapping(circle, listener) == ["quiet"])
        loud.level = 12
        circle.run(milliseconds: 300)
        #expect(mapping(circle, listener) == ["loud"])
    }

    @Test("two who speak at once do not alternate", arguments: [1, 2, 3] as [UInt64])
    func hysteresis(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        var random = PacketMutator(seed: seed)
        let speakers = try ["ann", "bob"].map { try circle.connect($0) }
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false, slotCount: 1))
        for speaker in speakers { speaker.level = 24 }
        circle.run(milliseconds: 1000)
        let settledAt = circle.now
        for _ in 0..<250 {
            for speaker in speakers { speaker.level = UInt8.random(in: 20...28, using: &random) }
            circle.run(milliseconds: 20)
        }
        #expect(mappings(circle, listener, after: settledAt) == 0)
        #expect(Set(listener.sent(after: settledAt).map(\.header.ssrc)).count == 1)
    }

    @Test(
        "what is told of slots is what is heard on them", arguments: [11, 12, 13, 14] as [UInt64])
    func truth(seed: UInt64) throws {
        let circle = VirtualCircle(seed: seed)
        var random = PacketMutator(seed: seed)
        let speakers = try (0..<5).map { try circle.connect("speaker\($0)") }
        let listeners = try (1...3).map {
            try circle.connect(
                "listener\($0)", isOnStage: false,
                offer: .init(hasMicrophone: false, slotCount: $0))
        }
        for _ in 0..<30 {
            guard let speaker = speakers.randomElement(using: &random) else { break }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: circle.setMember(speaker, isMuted: Bool.random(using: &random))
            case 1: circle.setMember(speaker, isOnStage: Bool.random(using: &random))
            default: speaker.level = [20, 35, 127, nil].randomElement(using: &random) ?? nil
            }
            circle.run(milliseconds: Int64.random(in: 1...400, using: &random))
        }
        for listener in listeners + speakers {
            #expect(untruths(circle, listener) == [])
        }
    }

    /// Packets heard from someone whom the events before it do not name for that slot.
    private func untruths(_ circle: VirtualCircle, _ listener: VirtualClient) -> [String] {
        var told: [(at: MonotonicTime, uids: [String?])] = []
        for (at, event) in circle.events {
            if case .slotsMapped(listener.transport, let uids) = event { told.append((at, uids)) }
        }
        return listener.heard.compactMap { packet in
            let sentAt = packet.at.adding(milliseconds: -5)
            guard let slot = listener.slotSSRCs.firstIndex(of: packet.ssrc) else {
                return "unknown stream"
            }
            let uid = circle.clients[packet.speaker].uid
            // Of a change in the same instant, either side is true.
            let before = told.last { $0.at < sentAt }?.uids[slot]
            let after = told.last { $0.at <= sentAt }?.uids[slot]
            return before == uid || after == uid
                ? nil : "\(uid) on slot \(slot) at \(sentAt.nanoseconds)"
        }
    }
}
