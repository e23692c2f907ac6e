import Domain
import Foundation
import SwiftProtobuf

/// An event that cannot be read.
public enum EventDecodingError: Error, Sendable, Hashable {
    /// Not Protobuf, or not this message.
    case malformed
    /// A field that every event has is missing or out of range.
    case invalid(field: String)
    /// A value that a newer schema has; never leaves the codec.
    case unsupported
}

/// Between `Event` and its bytes on the wire (`proto/circles/events/v1/events.proto`).
public enum EventCodec {
    /// The version in the `schema_version` header.
    public static let schemaVersion = 1

    public static func encode(_ event: Event) -> [UInt8] {
        var envelope = ProtoEnvelope()
        envelope.eventID = Data(event.eventID.bytes)
        envelope.circleID = Data(event.circleID.bytes)
        envelope.source = event.position.source
        envelope.sourceEpoch = UInt64(event.position.epoch)
        envelope.sourceSeq = UInt64(event.position.sequence)
        envelope.occurredAt = event.occurredAt.microseconds
        envelope.payload = ProtoEnvelope.OneOf_Payload(event.payload)
        do {
            return try envelope.serializedBytes()
        } catch {
            // proto3 without required fields or Any: SwiftProtobuf has nothing to throw.
            preconditionFailure("a proto3 message always serializes: \(error)")
        }
    }

    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(EventDecodingError) -> Event {
        let envelope: ProtoEnvelope
        do {
            envelope = try ProtoEnvelope(serializedBytes: bytes)
        } catch {
            throw .malformed
        }
        guard let eventID = EventID(data: envelope.eventID) else {
            throw .invalid(field: "event_id")
        }
        let circleID = try readCircle(envelope.circleID)
        return Event(
            eventID: eventID, circleID: circleID,
            position: try readPosition(
                envelope.source, epoch: envelope.sourceEpoch, sequence: envelope.sourceSeq),
            occurredAt: try readTime(envelope.occurredAt, in: circleID, "occurred_at"),
            payload: try payload(envelope.payload))
    }

    public static func decode(_ bytes: [UInt8]) throws(EventDecodingError) -> Event {
        let result: Result<Event, EventDecodingError> = bytes.withUnsafeBytes { raw in
            do throws(EventDecodingError) { return .success(try decode(raw)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// 2020-01-01 up to 2100-01-01: outside, a clock is broken and no partition would fit.
    static let timeRange: Range<Int64> = 1_577_836_800_000_000..<4_102_444_800_000_000
    static let sequenceRange: ClosedRange<Int64> = 1...(1 << 40)

    /// A circle's id tells when it was created; its events lie between a day before (clocks
    /// differ) and two years after (it was scheduled ahead).
    public static let clockDifferenceSecondsMax: Int64 = 86_400
    static let lifeSecondsMax: Int64 = 2 * 366 * 86_400

    /// No event and no sample of these circles is older: partitions of history before it need not
    /// be looked at. As a bind of its own it spares PostgreSQL even the planning of them.
    public static func historyBegin(_ circleIDs: some Sequence<CircleID>) -> Timestamp {
        let epoch = Timestamp(seconds: 0)
        return (circleIDs.map { $0.createdAt ?? epoch }.min() ?? epoch)
            .adding(seconds: -clockDifferenceSecondsMax)
    }

    /// A payload of a newer schema, or with a value that only a newer one has, reads as
    /// `unknown`: it is stored, and a later version reads it again from its bytes.
    private static func payload(
        _ payload: ProtoEnvelope.OneOf_Payload?
    ) throws(EventDecodingError) -> Event.Payload {
        do {
            return try Event.Payload(payload)
        } catch .unsupported {
            return .unknown
        } catch {
            throw error
        }
    }
}

extension Event.Payload {
    fileprivate init(_ payload: ProtoEnvelope.OneOf_Payload?) throws(EventDecodingError) {
        switch payload {
        case .circleCreated(let created): self = .circleCreated(try CircleDetails(created.details))
        case .circleUpdated(let updated):
            self = .circleUpdated(
                try CircleDetails(updated.details),
                actorUID: try readText(updated.actorUid, "actor_uid"))
        case .circleStarted(let started):
            self = .circleStarted(actorUID: try readText(started.actorUid, "actor_uid"))
        case .circleEnded(let ended):
            self = .circleEnded(
                actorUID: try readText(ended.actorUid, "actor_uid"), EndReason(ended.reason))
        case .memberJoined(let joined):
            self = .memberJoined(
                try readMember(joined.member), try readRole(joined.role))
        case .memberLeft(let left):
            self = .memberLeft(try readMember(left.member), LeaveReason(left.reason))
        case .memberPromoted(let promoted):
            self = .memberPromoted(
                try readMember(promoted.member),
                actorUID: try readText(promoted.actorUid, "actor_uid"), try readRole(promoted.role))
        case .memberDemoted(let demoted):
            self = .memberDemoted(
                try readMember(demoted.member),
                actorUID: try readText(demoted.actorUid, "actor_uid"), try readRole(demoted.role))
        case .memberMuted(let muted):
            self = .memberMuted(
                try readMember(muted.member),
                actorUID: try readText(muted.actorUid, "actor_uid"))
        case .memberUnmuted(let unmuted):
            self = .memberUnmuted(
                try readMember(unmuted.member),
                actorUID: try readText(unmuted.actorUid, "actor_uid"))
        case .memberKicked(let kicked):
            self = .memberKicked(
                try readMember(kicked.member),
                actorUID: try readText(kicked.actorUid, "actor_uid"),
                reason: try readText(kicked.reason, "reason"))
        case .memberBanned(let banned):
            self = .memberBanned(
                uid: try readUID(banned.uid), actorUID: try readText(banned.actorUid, "actor_uid"),
                reason: try readText(banned.reason, "reason"))
        case .handRaised(let raised):
            self = .handRaised(try readMember(raised.member))
        case .handLowered(let lowered):
            self = .handLowered(
                try readMember(lowered.member), LowerReason(lowered.reason))
        case .mediaConnected(let connected):
            self = .mediaConnected(
                try readMember(connected.member),
                iceMilliseconds: bounded(connected.iceMs),
                dtlsMilliseconds: bounded(connected.dtlsMs),
                firstPacketMilliseconds: bounded(connected.firstPacketMs))
        case .mediaDisconnected(let disconnected):
            self = .mediaDisconnected(try readMember(disconnected.member))
        case .speakingStarted(let started):
            self = .speakingStarted(try readMember(started.member))
        case .speakingStopped(let stopped):
            self = .speakingStopped(try readMember(stopped.member))
        case .nodeSnapshot(let snapshot):
            guard snapshot.members.count <= Limits.nodeMemberCountMax else {
                throw .invalid(field: "members")
            }
            var members: [Event.SnapshotMember] = []
            members.reserveCapacity(snapshot.members.count)
            for listed in snapshot.members {
                members.append(
                    .init(
                        member: try readMember(listed.member), isSpeaking: listed.isSpeaking))
            }
            self = .nodeSnapshot(members)
        case .stageInvited(let invited):
            self = .stageInvited(
                try readMember(invited.member),
                actorUID: try readText(invited.actorUid, "actor_uid"))
        case .stageInviteDeclined(let declined):
            self = .stageInviteDeclined(try readMember(declined.member))
        case .unmuteRequested(let requested):
            self = .unmuteRequested(
                try readMember(requested.member),
                actorUID: try readText(requested.actorUid, "actor_uid"))
        case .memberRoleChanged(let changed):
            self = .memberRoleChanged(
                try readMember(changed.member),
                actorUID: try readText(changed.actorUid, "actor_uid"), try readRole(changed.role))
        case .rsvpMade(let rsvp): self = .rsvpMade(uid: try readUID(rsvp.uid))
        case .rsvpWithdrawn(let rsvp): self = .rsvpWithdrawn(uid: try readUID(rsvp.uid))
        case .memberReported(let report):
            guard let category = ReportCategory(rawValue: report.category) else {
                throw .unsupported
            }
            self = .memberReported(
                uid: try readUID(report.uid),
                actorUID: try readText(report.actorUid, "actor_uid"), category)
        case nil: self = .unknown
        }
    }
}

extension CircleDetails {
    fileprivate init(_ details: ProtoCircleDetails) throws(EventDecodingError) {
        let title = try readText(details.title, "title")
        let category = try readText(details.category, "category")
        let cover = try readText(details.coverURL, "cover_url")
        var coHosts: [String] = []
        for coHost in details.coHostUids {
            coHosts.append(try readUID(coHost))
        }
        guard EventCodec.timeRange.contains(details.startAt) else {
            throw .invalid(field: "start_at")
        }
        self.init(
            title: title, category: category, privacy: try Privacy(details.privacy),
            hostUID: try readUID(details.hostUid), coHostUIDs: coHosts, coverURL: cover,
            startAt: Timestamp(microseconds: details.startAt),
            durationMinutes: bounded(details.durationMin),
            maxSpeakers: bounded(details.maxSpeakers),
            maxListeners: bounded(details.maxListeners), micPolicy: try MicPolicy(details.micPolicy)
        )
    }
}
