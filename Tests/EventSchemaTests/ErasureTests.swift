import Domain
import EventSchema
import SwiftProtobuf
import Testing

@Suite("Erasing a uid from an event's bytes")
struct ErasureTests {
    private static let after = Timestamp(microseconds: 1_795_426_200_123_457)
    private static let tombstone = "forgotten:0123456789abcdef0123456789abcdef"

    private static func erasure(_ uid: String, at time: Timestamp = after) -> Erasure {
        Erasure(uid: uid, tombstone: tombstone, forgottenAt: time)
    }

    private static func contains(_ record: [UInt8], _ text: String) -> Bool {
        !record.ranges(of: Array(text.utf8)).isEmpty
    }

    @Test(
        "no event of any kind names them any more, and nothing else changes",
        arguments: SampleEvents.payloads)
    func erasesEveryKind(payload: Event.Payload) throws {
        let event = SampleEvents.event(payload)
        let record = EventCodec.encode(event)
        for uid in ["ada", "host", "co-1", "bob"] {
            guard let erased = try EventCodec.erase(Self.erasure(uid), in: record) else {
                #expect(!Self.contains(record, uid))
                continue
            }
            #expect(!Self.contains(erased, uid))
            // Put back, it is the event that it was.
            let back = Erasure(uid: Self.tombstone, tombstone: uid, forgottenAt: Self.after)
            var restored = try EventCodec.decode(
                try #require(try EventCodec.erase(back, in: erased)))
            if uid == "host" { restored.payload = Self.wordsGivenBack(restored.payload, payload) }
            #expect(restored == event)
        }
    }

    /// The payload with title and cover of another, having held that they were gone.
    private static func wordsGivenBack(
        _ payload: Event.Payload, _ former: Event.Payload
    ) -> Event.Payload {
        switch (payload, former) {
        case (.circleCreated(var details), .circleCreated(let words)):
            #expect(details.title == "Untitled" && details.coverURL == "")
            (details.title, details.coverURL) = (words.title, words.coverURL)
            return .circleCreated(details)
        case (.circleUpdated(var details, let actor), .circleUpdated(let words, _)):
            #expect(details.title == "Untitled" && details.coverURL == "")
            (details.title, details.coverURL) = (words.title, words.coverURL)
            return .circleUpdated(details, actorUID: actor)
        default: return payload
        }
    }

    @Test("fields of a newer schema keep their bytes, and lose the uid too")
    func keepsUnknownFields() throws {
        let record = EventCodec.encode(
            SampleEvents.event(.memberJoined(SampleEvents.member, .host)))
        // Field 90: a message of a string (3) and a number (4).
        let unknown: [UInt8] = [0xD2, 0x05, 7, 0x1A, 3] + Array("ada".utf8) + [0x20, 0x2A]
        let erased = try #require(
            try EventCodec.erase(Self.erasure("ada"), in: record + unknown))
        #expect(!Self.contains(erased, "ada"))
        #expect(Self.contains(erased, "\u{20}\u{2A}"))
        #expect(erased.suffix(2) == [0x20, 0x2A])
        #expect(try EventCodec.decode(erased).payload.uid == Self.tombstone)
    }

    @Test("what happened afterwards is another person's, but for what is said of an old stay")
    func keepsLaterPersons() throws {
        let event = SampleEvents.event(
            .memberKicked(SampleEvents.member, actorUID: "ada", reason: ""))
        let record = EventCodec.encode(event)
        // After the session began, and before the event.
        let began = try #require(SampleEvents.member.sessionID.createdAt)
        let between = Self.erasure("ada", at: began.adding(microseconds: 1))
        #expect(between.forgottenAt < event.occurredAt)
        let erased = try EventCodec.decode(try #require(try EventCodec.erase(between, in: record)))
        #expect(erased.payload.uid == Self.tombstone && erased.payload.actorUID == "ada")
        #expect(try EventCodec.erase(Self.erasure("ada", at: began), in: record) == nil)
    }

    @Test("a uid within a longer one stays")
    func keepsLongerNames() throws {
        let record = EventCodec.encode(SampleEvents.event(.rsvpMade(uid: "ada-lovelace")))
        #expect(try EventCodec.erase(Self.erasure("ada"), in: record) == nil)
    }

    @Test("bytes that are no event are refused, whatever they are")
    func refusesGarbage() throws {
        var random = SeededGenerator(seed: 11)
        let record = EventCodec.encode(
            SampleEvents.event(.memberJoined(SampleEvents.member, .host)))
        for _ in 0..<20_000 {
            var bytes = record
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            // Refused or rewritten; it must not trap.
            _ = try? EventCodec.erase(Self.erasure("ada"), in: bytes)
        }
    }
}
