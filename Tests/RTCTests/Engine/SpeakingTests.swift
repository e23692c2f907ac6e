import Testing

@testable import RTC

@Suite("Who speaks, from audio levels (RFC 6464)")
struct SpeakingTests {
    private func speech(
        _ circle: VirtualCircle, of client: VirtualClient
    ) -> [(at: MonotonicTime, isStart: Bool)] {
        circle.events.compactMap { at, event in
            switch event {
            case .speakingStarted(_, let member) where member.uid == client.uid: (at, true)
            case .speakingStopped(_, let member) where member.uid == client.uid: (at, false)
            default: nil
            }
        }
    }

    @Test("speech at −20 dBov is told within 300 ms, its end after 0.5 to 1.2 s")
    func startAndStop() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        speaker.level = 127
        circle.run(milliseconds: 1000)
        let startedAt = circle.now
        speaker.level = 20
        circle.run(milliseconds: 2000)
        let endedAt = circle.now
        speaker.level = 127
        circle.run(milliseconds: 2000)
        let changes = speech(circle, of: speaker)
        try #require(changes.map(\.isStart) == [true, false])
        #expect((0...300).contains(changes[0].at.since(startedAt) / 1_000_000))
        #expect((500...1200).contains(changes[1].at.since(endedAt) / 1_000_000))
    }

    @Test("the end is told when packets stop altogether (DTX)")
    func discontinuous() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        speaker.level = 20
        circle.run(milliseconds: 1000)
        let endedAt = circle.now
        speaker.level = nil
        circle.run(milliseconds: 2000)
        let changes = speech(circle, of: speaker)
        try #require(changes.map(\.isStart) == [true, false])
        #expect((500...1200).contains(changes[1].at.since(endedAt) / 1_000_000))
    }

    @Test("a pause of 200 ms between syllables is none")
    func syllables() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        for turn in 0..<10 {
            speaker.level = 20
            circle.run(milliseconds: 300)
            speaker.level = turn % 2 == 0 ? 127 : nil
            circle.run(milliseconds: 200)
        }
        #expect(speech(circle, of: speaker).map(\.isStart) == [true])
    }

    @Test("silence never starts speech", arguments: [127, 60, 46] as [UInt8])
    func silence(level: UInt8) throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        speaker.level = level
        circle.run(milliseconds: 5000)
        #expect(speech(circle, of: speaker).isEmpty)
    }

    @Test("a mute ends speech at once, and a muted microphone starts none")
    func mute() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        speaker.level = 20
        circle.run(milliseconds: 1000)
        circle.setMember(speaker, isMuted: true)
        let mutedAt = circle.now
        circle.run(milliseconds: 1000)
        let changes = speech(circle, of: speaker)
        #expect(changes.map(\.isStart) == [true, false])
        #expect(changes.last?.at == mutedAt)
    }
}
