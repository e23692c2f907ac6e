import Domain
import Foundation
import SwiftProtobuf
import Testing

@testable import EventSchema

@Suite("EventCodec refusals (EventDecodingError)")
struct EventCodecRefusalTests {
    /// A change to a sound event, and the field that has to be named for it.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var field = ""
        var payload: Event.Payload = .memberJoined(SampleEvents.member, .listener)
        let apply: @Sendable (inout ProtoEnvelope) -> Void

        func bytes() throws -> [UInt8] {
            let sound = EventCodec.encode(SampleEvents.event(payload))
            var envelope = try ProtoEnvelope(serializedBytes: sound)
            apply(&envelope)
            return try envelope.serializedBytes()
        }
    }

    private static let begin2020: Int64 = 1_577_836_800_000_000
    private static let begin2100: Int64 = 4_102_444_800_000_000
    /// When the sample's circle was created, as its id says.
    private static let createdAt: Int64 = 1_795_426_200_123_000

    private static func circleID(createdAt: Int64) -> Data {
        Data(SampleEvents.circleID(createdAt: createdAt).bytes)
    }

    private static let kick = Event.Payload.memberKicked(
        SampleEvents.member, actorUID: "host", reason: "noise")
    private static let created = Event.Payload.circleCreated(SampleEvents.details)

    static let refusedEnvelopes: [Change] = [
        .init(testDescription: "no event id", field: "event_id") { $0.eventID = Data() },
        .init(testDescription: "event id of 15 bytes", field: "event_id") {
            $0.eventID = Data(repeating: 1, count: 15)
        },
        .init(testDescription: "event id of 17 bytes", field: "event_id") {
            $0.eventID = Data(repeating: 1, count: 17)
        },
        .init(testDescription: "event id as text", field: "event_id") {
            $0.eventID = Data("017f22e2-79b0-7cc3-98c4-dc0c0c07398f".utf8)
        },
        .init(testDescription: "no circle id", field: "circle_id") { $0.circleID = Data() },
        .init(testDescription: "circle id of 32 bytes", field: "circle_id") {
            $0.circleID = Data(repeating: 1, count: 32)
        },
        .init(testDescription: "circle id of another version", field: "circle_id") {
            $0.circleID = Data(repeating: 1, count: 16)
        },
        .init(testDescription: "empty source", field: "source") { $0.source = "" },
        .init(testDescription: "source of 129 bytes", field: "source") {
            $0.source = String(repeating: "a", count: 129)
        },
        .init(testDescription: "NUL in source", field: "source") { $0.source = "a\u{0}" },
        .init(testDescription: "blank in source", field: "source") { $0.source = "a b" },
        .init(testDescription: "source outside ASCII", field: "source") { $0.source = "é" },
        .init(testDescription: "epoch of 64 bits", field: "source_epoch") {
            $0.sourceEpoch = 1 << 63
        },
        .init(testDescription: "seq 0", field: "source_seq") { $0.sourceSeq = 0 },
        .init(testDescription: "seq past 2^40", field: "source_seq") {
            $0.sourceSeq = (1 << 40) + 1
        },
        .init(testDescription: "seq of 64 bits", field: "source_seq") { $0.sourceSeq = .max },
        .init(testDescription: "occurred at 0", field: "occurred_at") { $0.occurredAt = 0 },
        .init(testDescription: "occurred before 2020", field: "occurred_at") {
            $0.circleID = Self.circleID(createdAt: begin2020)
            $0.occurredAt = begin2020 - 1
        },
        .init(testDescription: "occurred in 2100", field: "occurred_at") {
            $0.circleID = Self.circleID(createdAt: begin2100 - 86_400_000_000)
            $0.occurredAt = begin2100
        },
        .init(testDescription: "occurred at the lowest number", field: "occurred_at") {
            $0.occurredAt = .min
        },
        .init(testDescription: "occurred at milliseconds", field: "occurred_at") {
            $0.occurredAt = 1_795_426_200_123
        },
        .init(testDescription: "occurred a day before its circle", field: "occurred_at") {
            $0.occurredAt = createdAt - 86_400_000_001
        },
        .init(testDescription: "occurred two years after its circle", field: "occurred_at") {
            $0.occurredAt = createdAt + 2 * 366 * 86_400_000_000
        },
        .init(testDescription: "circle of the last year that an id can hold", field: "occurred_at")
        {
            $0.circleID = Data(
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x70] + [UInt8](repeating: 0, count: 9))
        },
    ]

    static let refusedPayloads: [Change] = [
        .init(testDescription: "no member", field: "session_id") {
            $0.memberJoined.clearMember()
        },
        .init(testDescription: "session id of 15 bytes", field: "session_id") {
            $0.memberJoined.member.sessionID = Data(repeating: 1, count: 15)
        },
        .init(testDescription: "empty uid", field: "uid") { $0.memberJoined.member.uid = "" },
        .init(testDescription: "NUL in uid", field: "uid") {
            $0.memberJoined.member.uid = "a\u{0}b"
        },
        .init(testDescription: "uid of 129 bytes", field: "uid") {
            $0.memberJoined.member.uid = String(repeating: "a", count: 129)
        },
        .init(testDescription: "blank in uid", field: "uid") {
            $0.memberJoined.member.uid = "a b"
        },
        .init(testDescription: "uid outside ASCII", field: "uid") {
            $0.memberJoined.member.uid = "adé"
        },
        .init(testDescription: "no role", field: "role") {
            $0.memberJoined.role = .unspecified
        },
        .init(testDescription: "NUL in actor", field: "actor_uid", payload: kick) {
            $0.memberKicked.actorUid = "\u{0}"
        },
        .init(testDescription: "NUL in reason", field: "reason", payload: kick) {
            $0.memberKicked.reason = "a\u{0}"
        },
        .init(
            testDescription: "NUL in a banned uid", field: "uid",
            payload: .memberBanned(uid: "bob", actorUID: "host", reason: "")
        ) { $0.memberBanned.uid = "bob\u{0}" },
        .init(testDescription: "no details", field: "start_at", payload: created) {
            $0.circleCreated.clearDetails()
        },
        .init(testDescription: "NUL in title", field: "title", payload: created) {
            $0.circleCreated.details.title = "\u{0}"
        },
        .init(testDescription: "NUL in category", field: "category", payload: created) {
            $0.circleCreated.details.category = "\u{0}"
        },
        .init(testDescription: "NUL in cover", field: "cover_url", payload: created) {
            $0.circleCreated.details.coverURL = "\u{0}"
        },
        .init(testDescription: "empty host", field: "uid", payload: created) {
            $0.circleCreated.details.hostUid = ""
        },
        .init(testDescription: "empty co-host", field: "uid", payload: created) {
            $0.circleCreated.details.coHostUids.append("")
        },
        .init(testDescription: "start in 2100", field: "start_at", payload: created) {
            $0.circleCreated.details.startAt = 4_102_444_800_000_000
        },
        .init(testDescription: "no privacy", field: "privacy", payload: created) {
            $0.circleCreated.details.privacy = .unspecified
        },
        .init(testDescription: "no microphone policy", field: "mic_policy", payload: created) {
            $0.circleCreated.details.micPolicy = .unspecified
        },
    ]

    @Test("an unsound field is named", arguments: refusedEnvelopes + refusedPayloads)
    func refuses(change: Change) throws {
        let bytes = try change.bytes()
        #expect(throws: EventDecodingError.invalid(field: change.field)) {
            try EventCodec.decode(bytes)
        }
    }

    @Test(
        "what is no such message is malformed",
        arguments: [
            [0x0A],  // a field without its length
            [0x0A, 16, 1, 2, 3],  // a length past the end
            [0x07],  // wire type 7
            [0x00],  // field 0
            [0x1A, 2, 0xC3, 0x28],  // source that is not UTF-8
            [UInt8](repeating: 0xFF, count: 11),  // a number without an end
        ] as [[UInt8]])
    func refusesOtherBytes(bytes: [UInt8]) {
        #expect(throws: EventDecodingError.malformed) { try EventCodec.decode(bytes) }
    }

    @Test("no bytes at all lack the first field")
    func refusesNothing() {
        #expect(throws: EventDecodingError.invalid(field: "event_id")) {
            try EventCodec.decode([UInt8]())
        }
    }

    // MARK: The edges that are let through

    static let accepted: [Change] = [
        .init(testDescription: "source of 128 bytes") {
            $0.source = String(repeating: "a", count: 128)
        },
        .init(testDescription: "epoch 0") { $0.sourceEpoch = 0 },
        .init(testDescription: "seq 2^40") { $0.sourceSeq = 1 << 40 },
        .init(testDescription: "occurred at the start of 2020") {
            $0.circleID = Self.circleID(createdAt: begin2020)
            $0.occurredAt = begin2020
        },
        .init(testDescription: "occurred at the end of 2099") {
            $0.circleID = Self.circleID(createdAt: begin2100 - 86_400_000_000)
            $0.occurredAt = begin2100 - 1
        },
        .init(testDescription: "occurred just within a day before its circle") {
            $0.occurredAt = createdAt - 86_400_000_000
        },
        .init(testDescription: "occurred just within two years after its circle") {
            $0.occurredAt = createdAt + 2 * 366 * 86_400_000_000 - 1
        },
        .init(testDescription: "uid of 128 bytes") {
            $0.memberJoined.member.uid = String(repeating: "~", count: 128)
        },
        .init(testDescription: "no actor", payload: kick) { $0.memberKicked.actorUid = "" },
        .init(testDescription: "no reason", payload: kick) { $0.memberKicked.reason = "" },
    ]

    @Test("a value at the edge is let through", arguments: accepted)
    func accepts(change: Change) throws {
        let bytes = try change.bytes()
        #expect(throws: Never.self) { try EventCodec.decode(bytes) }
    }

    static let newer: [Change] = [
        .init(testDescription: "role") { $0.memberJoined.role = .UNRECOGNIZED(9) },
        .init(testDescription: "privacy", payload: created) {
            $0.circleCreated.details.privacy = .UNRECOGNIZED(9)
        },
        .init(testDescription: "microphone policy", payload: created) {
            $0.circleCreated.details.micPolicy = .UNRECOGNIZED(9)
        },
    ]

    @Test("a payload with a value of a newer schema is read as unknown", arguments: newer)
    func readsNewerValues(change: Change) throws {
        #expect(try EventCodec.decode(change.bytes()) == SampleEvents.event(.unknown))
    }

    @Test("a reason of a newer schema reads as the plainest")
    func readsUnknownReasons() throws {
        let ended = Change(
            testDescription: "", payload: .circleEnded(actorUID: "", .overrun)
        ) { $0.circleEnded.reason = .UNRECOGNIZED(9) }
        let left = Change(
            testDescription: "", payload: .memberLeft(SampleEvents.member, .kicked)
        ) { $0.memberLeft.reason = .UNRECOGNIZED(9) }
        let lowered = Change(
            testDescription: "", payload: .handLowered(SampleEvents.member, .promoted)
        ) { $0.handLowered.reason = .UNRECOGNIZED(9) }
        #expect(try EventCodec.decode(ended.bytes()).payload == .circleEnded(actorUID: "", .host))
        #expect(
            try EventCodec.decode(left.bytes()).payload == .memberLeft(SampleEvents.member, .left))
        #expect(
            try EventCodec.decode(lowered.bytes()).payload
                == .handLowered(SampleEvents.member, .withdrawn))
    }

    @Test("numbers past PostgreSQL's integer are cut to its largest")
    func boundsNumbers() throws {
        let change = Change(
            testDescription: "",
            payload: .mediaConnected(
                SampleEvents.member, iceMilliseconds: 1, dtlsMilliseconds: 2,
                firstPacketMilliseconds: 3)
        ) { $0.mediaConnected.iceMs = .max }
        #expect(
            try EventCodec.decode(change.bytes()).payload
                == .mediaConnected(
                    SampleEvents.member, iceMilliseconds: 2_147_483_647, dtlsMilliseconds: 2,
                    firstPacketMilliseconds: 3))
    }
}
