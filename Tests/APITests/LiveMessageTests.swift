import CircleStore
import Domain
import EventSchema
import Foundation
import NIOCore
import Testing

@testable import API

@Suite("Messages of live updates (HTML Living Standard §9.2)")
struct LiveMessageTests {
    static let circleID = CircleID(high: 0x019A_0000_0000_7000, low: 0x8000_0000_0000_0001)
    static let now = Timestamp(seconds: 1_795_426_200)
    static let member = Event.Member(uid: "ada", sessionID: SessionID(high: 0x7000, low: 1))

    static func event(_ payload: Event.Payload) -> Event {
        Event(
            eventID: EventID(high: 0x7000, low: 1), circleID: circleID,
            position: SourcePosition(source: "api", epoch: 1, sequence: 1), occurredAt: now,
            payload: payload)
    }

    static func details(title: String) -> CircleDetails {
        CircleDetails(
            title: title, category: "music", privacy: .public, hostUID: "host",
            coHostUIDs: ["co"], coverURL: "", startAt: now, durationMinutes: 60, maxSpeakers: 8,
            maxListeners: 100, micPolicy: .open)
    }

    static func message(_ payload: Event.Payload, _ sequence: Int64 = 7) -> LiveMessage {
        LiveMessage(circleSequence: sequence, record: EventCodec.encode(event(payload)))
    }

    static func text(_ message: LiveMessage) -> String { String(buffer: message.bytes) }

    /// The data of a message that has one line of it.
    static func json(_ message: LiveMessage) throws -> [String: Any] {
        let line = try #require(text(message).split(separator: "\n").last)
        #expect(line.hasPrefix("data: "))
        let object = try JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8))
        return try #require(object as? [String: Any])
    }

    @Test("a message has an id, a name and one line of data, and ends with an empty line")
    func form() {
        let text = Self.text(Self.message(.memberJoined(Self.member, .listener)))
        #expect(
            text == """
                id: 7
                event: memberJoined
                data: {"circleSeq":7,"occurredAt":"\(Self.now)","uid":"ada",\
                "sessionId":"\(Self.member.sessionID)","role":"listener"}


                """)
    }

    @Test(
        "every line break in data begins another line of it, so that nothing breaks out",
        arguments: [
            ("a\nb", "data: a\ndata: b\n"), ("a\r\nb", "data: a\ndata: b\n"),
            ("a\rb", "data: a\ndata: b\n"), ("\n\n", "data: \ndata: \ndata: \n"),
            ("", "data: \n"), ("a\r\r\nb", "data: a\ndata: \ndata: b\n"),
            ("x\nevent: evil", "data: x\ndata: event: evil\n"),
        ])
    func lineBreaks(data: String, lines: String) {
        let event = ServerSentEvent(id: 1, name: "n", data: Array(data.utf8))
        #expect(String(buffer: event.buffer) == "id: 1\nevent: n\n\(lines)\n")
    }

    @Test(
        "a hostile title stays within its JSON string",
        arguments: [
            "a\nb", "\r\n\r\nevent: circleEnded\ndata: {}\n\n", "\u{2028}\u{2029}", "\"},{\"",
            "\u{0}\u{1}\u{7f}", "👩‍👩‍👧‍👦\u{202e}", "\\\"\\n",
        ])
    func hostileTitles(title: String) throws {
        // Not by way of a record: the codec keeps some of these out.
        let message = LiveMessage(
            circleSequence: 7,
            event: Self.event(.circleUpdated(Self.details(title: title), actorUID: "host")))
        let lines = Self.text(message).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5 && lines[3].isEmpty && lines[4].isEmpty)
        #expect(!Self.text(message).utf8.contains(UInt8(ascii: "\r")))
        let circle = try #require(try Self.json(message)["circle"] as? [String: Any])
        #expect(circle["title"] as? String == title)
        #expect(circle["coHostUids"] as? [String] == ["co"])
    }

    @Test("what a moderator wrote about somebody is not in the stream")
    func freeTextStaysInside() throws {
        let kicked = Self.message(.memberKicked(Self.member, actorUID: "host", reason: "secret"))
        let banned = Self.message(.memberBanned(uid: "ada", actorUID: "host", reason: "secret"))
        for message in [kicked, banned] {
            #expect(!Self.text(message).contains("secret"))
            #expect(try Self.json(message)["uid"] as? String == "ada")
            #expect(try Self.json(message)["actorUid"] as? String == "host")
        }
        #expect(
            try Self.json(Self.message(.memberLeft(Self.member, .kicked)))["reason"] as? String
                == "kicked")
    }

    @Test("a record that cannot be read, or is of a newer schema, is other, with its number only")
    func other() {
        for message in [
            LiveMessage(circleSequence: 9, record: [0xFF, 0xFF]),
            LiveMessage(circleSequence: 9, record: []),
            Self.message(.unknown, 9),
        ] {
            #expect(Self.text(message) == "id: 9\nevent: other\ndata: {\"circleSeq\":9}\n\n")
            #expect(message.consequence == .none)
        }
    }

    @Test("any change of bytes in a record gives one message with the right number")
    func mutations() {
        var random = SystemRandomNumberGenerator()
        let record = EventCodec.encode(
            Self.event(.circleUpdated(Self.details(title: "Title"), actorUID: "host")))
        for _ in 0..<2_000 {
            var bytes = record
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255)
            }
            let text = Self.text(LiveMessage(circleSequence: 3, record: bytes))
            #expect(text.hasPrefix("id: 3\nevent: ") && text.hasSuffix("}\n\n"))
            #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == 4, "\(bytes)")
        }
    }

    @Test("a node's snapshot lists who has media")
    func nodeSnapshot() throws {
        let message = Self.message(.nodeSnapshot([.init(member: Self.member, isSpeaking: true)]))
        let members = try #require(try Self.json(message)["members"] as? [[String: Any]])
        #expect(members.count == 1 && members[0]["isSpeaking"] as? Bool == true)
    }

    @Test("Last-Event-ID is a number of ours or refused", arguments: ["0", "7", "0041"])
    func lastEventID(text: String) throws {
        #expect(try LastEventID.parse(text) == Int64(text))
        #expect(try LastEventID.parse(nil) == nil)
    }

    @Test(
        "what is no id is a problem with status 400",
        arguments: [
            "", "-1", "+1", "1.0", " 1", "abc", "99999999999999999999", "9223372036854775808",
            "١", "1\n",
        ])
    func malformedLastEventID(text: String) {
        let problem = #expect(throws: Problem.self) { try LastEventID.parse(text) }
        #expect(problem?.status == .badRequest && problem?.code == "malformed_last_event_id")
    }

    @Test("who has missed a little catches up; who is new, far behind or ahead gets a snapshot")
    func catchUp() {
        func first(_ last: Int64?, of end: Int64) -> Int64? {
            CatchUp.first(after: last, of: end, countMax: 2_000)
        }
        #expect(first(nil, of: 10) == nil)
        #expect(first(4, of: 10) == 5)
        #expect(first(10, of: 10) == 11)
        #expect(first(11, of: 10) == nil)
        #expect(first(0, of: 2_000) == 1)
        #expect(first(0, of: 2_001) == nil)
        #expect(first(.max, of: 10) == nil)
        #expect(first(0, of: 0) == 1)
    }

    @Test("a signal names its circles; an empty or odd one stands for all")
    func payloads() {
        let other = CircleID(high: 0x019A_0000_0000_7000, low: 0x8000_0000_0000_0002)
        #expect(LiveReader.circles(in: "\(Self.circleID),\(other)") == [Self.circleID, other])
        for odd in ["", ",", "x", "\(Self.circleID),", "\(Self.circleID),\(other)0"] {
            #expect(LiveReader.circles(in: odd) == nil)
        }
    }
}
