import Domain
import Foundation

// Fields that stand in several messages, read and checked.

extension Identifier {
    init?(data: Data) {
        guard let id = data.withUnsafeBytes({ Self(bytes: $0) }) else { return nil }
        self = id
    }
}

/// A circle's id tells when it was created; its events and samples are held against that.
func readCircle(_ data: Data) throws(EventDecodingError) -> CircleID {
    guard let circleID = CircleID(data: data), circleID.createdAt != nil else {
        throw .invalid(field: "circle_id")
    }
    return circleID
}

func readPosition(
    _ source: String, epoch: UInt64, sequence: UInt64
) throws(EventDecodingError) -> SourcePosition {
    guard Limits.isName(source, byteCount: 1...128) else { throw .invalid(field: "source") }
    guard let epoch = Int64(exactly: epoch) else { throw .invalid(field: "source_epoch") }
    guard let sequence = Int64(exactly: sequence), EventCodec.sequenceRange.contains(sequence)
    else { throw .invalid(field: "source_seq") }
    return SourcePosition(source: source, epoch: epoch, sequence: sequence)
}

/// A time within the life of a circle.
func readTime(
    _ microseconds: Int64, in circleID: CircleID, _ field: String
) throws(EventDecodingError) -> Timestamp {
    let time = Timestamp(microseconds: microseconds)
    guard let createdAt = circleID.createdAt, EventCodec.timeRange.contains(microseconds),
        createdAt.adding(seconds: -EventCodec.clockDifferenceSecondsMax) <= time,
        time < createdAt.adding(seconds: EventCodec.lifeSecondsMax)
    else { throw .invalid(field: field) }
    return time
}

/// PostgreSQL text holds no NUL.
private func hasNUL(_ text: String) -> Bool {
    text.utf8.contains(0)
}

/// PostgreSQL's integer has 31 bits.
func bounded(_ value: UInt32) -> Int {
    Int(min(value, UInt32(Int32.max)))
}

func readText(_ value: String, _ field: String) throws(EventDecodingError) -> String {
    guard !hasNUL(value) else { throw .invalid(field: field) }
    return value
}

func readUID(_ value: String) throws(EventDecodingError) -> String {
    guard Limits.isName(value, byteCount: Limits.uidByteCount) else {
        throw .invalid(field: "uid")
    }
    return value
}

func readMember(_ member: ProtoMember) throws(EventDecodingError) -> Event.Member {
    guard let sessionID = SessionID(data: member.sessionID) else {
        throw .invalid(field: "session_id")
    }
    return Event.Member(uid: try readUID(member.uid), sessionID: sessionID)
}

func readRole(_ role: ProtoRole) throws(EventDecodingError) -> Role {
    switch role {
    case .listener: .listener
    case .speaker: .speaker
    case .coHost: .coHost
    case .host: .host
    case .unspecified: throw .invalid(field: "role")
    case .UNRECOGNIZED: throw .unsupported
    }
}
