import Domain
import EventSchema
import Testing

@Suite("EventCodec round trip (events.proto)")
struct EventCodecTests {
    @Test("every kind of event is among the samples")
    func samplesAreComplete() {
        #expect(
            Set(SampleEvents.payloads.map(\.typeName)) == [
                "circleCreated", "circleUpdated", "circleStarted", "circleEnded", "memberJoined",
                "memberLeft", "memberPromoted", "memberDemoted", "memberMuted", "memberUnmuted",
                "memberKicked", "memberBanned", "handRaised", "handLowered", "mediaConnected",
                "mediaDisconnected", "speakingStarted", "speakingStopped", "nodeSnapshot",
                "stageInvited", "stageInviteDeclined", "memberRoleChanged", "unmuteRequested",
                "rsvpMade", "rsvpWithdrawn", "memberReported", "unknown",
            ])
    }

    @Test("every payload survives the wire", arguments: SampleEvents.payloads)
    func roundTrips(payload: Event.Payload) throws {
        let event = SampleEvents.event(payload)
        #expect(try EventCodec.decode(EventCodec.encode(event)) == event)
    }

    @Test("the same event always has the same bytes", arguments: SampleEvents.payloads)
    func isDeterministic(payload: Event.Payload) {
        let event = SampleEvents.event(payload)
        #expect(EventCodec.encode(event) == EventCodec.encode(event))
    }

    @Test("different events have different bytes")
    func isInjective() {
        let records = SampleEvents.payloads.map { EventCodec.encode(SampleEvents.event($0)) }
        #expect(Set(records).count == Set(SampleEvents.payloads).count)
    }

    @Test("field numbers and wire types are those of events.proto")
    func hasKnownBytes() throws {
        let event = SampleEvents.event(.circleStarted(actorUID: "ada"))
        let bytes: [UInt8] =
            [0x0A, 16] + event.eventID.bytes  // event_id = 1
            + [0x12, 16] + event.circleID.bytes  // circle_id = 2
            + [0x1A, 3] + Array("api".utf8)  // source = 3
            + [0x20, 1]  // source_epoch = 4
            + [0x28, 7]  // source_seq = 5
            + [0x30, 0xC0, 0xF0, 0x83, 0xE7, 0xE3, 0x9D, 0x98, 0x03]  // occurred_at = 6
            + [0x92, 0x01, 5]  // circle_started = 18
            + [0x0A, 3] + Array("ada".utf8)  // actor_uid = 1
        #expect(EventCodec.encode(event) == bytes)
        #expect(try EventCodec.decode(bytes) == event)
    }

    @Test("an SFU's position with a large epoch and sequence survives")
    func keepsLargePositions() throws {
        var event = SampleEvents.event(.speakingStarted(SampleEvents.member))
        event.position = SourcePosition(
            source: "sfu-eu-1", epoch: .max, sequence: 1 << 40)
        #expect(try EventCodec.decode(EventCodec.encode(event)) == event)
    }

    @Test("bytes that are part of a larger buffer are read")
    func readsSlices() throws {
        let event = SampleEvents.event(.handRaised(SampleEvents.member))
        let buffer = [0xFF, 0xFF, 0xFF] + EventCodec.encode(event) + [0xFF]
        let read = try buffer.withUnsafeBytes {
            try EventCodec.decode(UnsafeRawBufferPointer(rebasing: $0[3..<(buffer.count - 1)]))
        }
        #expect(read == event)
    }

    // MARK: Of a newer schema

    /// Field 99 of the envelope: a payload of a schema newer than ours.
    private static let newerPayload: [UInt8] = [0x9A, 0x06, 4, 0x0A, 2, 0x68, 0x69]

    @Test("a payload that we do not know is read as unknown, with its place and time")
    func readsUnknownPayload() throws {
        let event = SampleEvents.event(.unknown)
        let read = try EventCodec.decode(EventCodec.encode(event) + Self.newerPayload)
        #expect(read == event)
        #expect(read.payload == .unknown)
        #expect(read.position == SourcePosition(source: "api", epoch: 1, sequence: 7))
    }

    @Test("a field that we do not know beside a payload that we do is ignored")
    func ignoresUnknownFields() throws {
        let event = SampleEvents.event(.memberLeft(SampleEvents.member, .kicked))
        #expect(try EventCodec.decode(EventCodec.encode(event) + Self.newerPayload) == event)
        #expect(try EventCodec.decode(Self.newerPayload + EventCodec.encode(event)) == event)
    }

    @Test("a node's snapshot may list nobody, and up to 1000")
    func boundsSnapshots() throws {
        let listed = Event.SnapshotMember(member: SampleEvents.member, isSpeaking: false)
        for count in [0, 1, 1000] {
            let event = SampleEvents.event(
                .nodeSnapshot(Array(repeating: listed, count: count)))
            #expect(try EventCodec.decode(EventCodec.encode(event)) == event)
        }
        let event = SampleEvents.event(.nodeSnapshot(Array(repeating: listed, count: 1001)))
        #expect(throws: EventDecodingError.invalid(field: "members")) {
            try EventCodec.decode(EventCodec.encode(event))
        }
    }
}
