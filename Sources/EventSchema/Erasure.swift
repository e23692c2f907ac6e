import Domain
import Foundation
import SwiftProtobuf

/// A person who was forgotten: their uid, and what stands in its place in all that they did
/// before.
public struct Erasure: Sendable, Hashable {
    public let uid: String
    /// Random, so that nobody can tell the uid by it.
    public let tombstone: String
    /// Whoever comes with the same uid later is another person.
    public let forgottenAt: Timestamp

    /// The title of circles whose host was forgotten: theirs was their own words.
    public static let title = "Untitled"

    public init(uid: String, tombstone: String, forgottenAt: Timestamp) {
        self.uid = uid
        self.tombstone = tombstone
        self.forgottenAt = forgottenAt
    }

    /// Whether a stay was the forgotten person's: what is said of it later is still theirs.
    public func covers(_ sessionID: SessionID) -> Bool {
        sessionID.createdAt.map { $0 < forgottenAt } ?? false
    }

    /// Whether a member at a time was the forgotten person.
    public func covers(_ member: Event.Member, at time: Timestamp) -> Bool {
        member.uid == uid && (time < forgottenAt || covers(member.sessionID))
    }
}

extension EventCodec {
    /// An event's bytes with the tombstone wherever a field was the uid, known to this version or
    /// not; titles and covers of circles that the person hosted go too. Everything else stays as
    /// its source wrote it.
    ///
    /// - Returns: `nil` when there is nothing to replace.
    public static func erase(
        _ erasure: Erasure, in record: [UInt8]
    ) throws(EventDecodingError) -> [UInt8]? {
        let needle = Array(erasure.uid.utf8)
        guard !record.ranges(of: needle).isEmpty else { return nil }
        let isBefore = try decode(record).occurredAt < erasure.forgottenAt
        let rewriting = WireRewriting(
            needle: needle, replacement: Array(erasure.tombstone.utf8), replacesAll: isBefore
        ) { erasure.covers($0) }
        guard let rewritten = rewriting.message(record[...], depth: 0) else { return nil }
        return try withoutWords(rewritten, of: erasure.tombstone)
    }

    /// Takes the title and the cover from a description whose host is the tombstone.
    private static func withoutWords(
        _ record: [UInt8], of tombstone: String
    ) throws(EventDecodingError) -> [UInt8] {
        do {
            var envelope = try ProtoEnvelope(serializedBytes: record)
            switch envelope.payload {
            case .circleCreated(var created) where created.details.hostUid == tombstone:
                created.details.title = Erasure.title
                created.details.coverURL = ""
                envelope.payload = .circleCreated(created)
            case .circleUpdated(var updated) where updated.details.hostUid == tombstone:
                updated.details.title = Erasure.title
                updated.details.coverURL = ""
                envelope.payload = .circleUpdated(updated)
            default: return record
            }
            // Fields that this version does not know are kept by SwiftProtobuf.
            return try envelope.serializedBytes()
        } catch {
            throw .malformed
        }
    }
}

/// Replaces strings in a Protobuf message without its schema.
/// Source: Protocol Buffers documentation, "Encoding".
private struct WireRewriting {
    let needle: [UInt8]
    let replacement: [UInt8]
    /// Otherwise only in members (uid = 1, session_id = 2) whose session is covered.
    let replacesAll: Bool
    let coversSession: (SessionID) -> Bool

    /// Messages nest no deeper in any schema of ours.
    private static let depthMax = 8

    private struct Field {
        /// All bytes of the field, key and length included.
        let bytes: ArraySlice<UInt8>
        let key: UInt64
        /// The content of a length-delimited field.
        let content: ArraySlice<UInt8>?
    }

    /// - Returns: `nil` when nothing was replaced, or when the bytes are no message.
    func message(_ bytes: ArraySlice<UInt8>, depth: Int) -> [UInt8]? {
        guard depth < Self.depthMax, let fields = fields(of: bytes) else { return nil }
        let replacesHere = replacesAll || isCoveredMember(fields)
        var rewritten: [UInt8] = []
        rewritten.reserveCapacity(bytes.count + replacement.count)
        var isChanged = false
        for field in fields {
            guard let content = field.content,
                let changed = self.content(content, depth, replacesHere)
            else {
                rewritten += field.bytes
                continue
            }
            isChanged = true
            append(field.key, to: &rewritten)
            append(UInt64(changed.count), to: &rewritten)
            rewritten += changed
        }
        return isChanged ? rewritten : nil
    }

    private func content(
        _ content: ArraySlice<UInt8>, _ depth: Int, _ replacesHere: Bool
    ) -> [UInt8]? {
        if content.elementsEqual(needle) { return replacesHere ? replacement : nil }
        guard content.count > needle.count, !content.ranges(of: needle).isEmpty else { return nil }
        return message(content, depth: depth + 1)
    }

    private func isCoveredMember(_ fields: [Field]) -> Bool {
        guard let uid = fields.first(where: { $0.key == 1 << 3 | 2 })?.content,
            let session = fields.first(where: { $0.key == 2 << 3 | 2 })?.content,
            uid.elementsEqual(needle),
            let sessionID = session.withUnsafeBytes({ SessionID(bytes: $0) })
        else { return false }
        return coversSession(sessionID)
    }

    private func fields(of bytes: ArraySlice<UInt8>) -> [Field]? {
        var fields: [Field] = []
        var rest = bytes
        while !rest.isEmpty {
            let begin = rest.startIndex
            guard let key = Self.takeVarint(&rest), key >> 3 > 0 else { return nil }
            var content: ArraySlice<UInt8>?
            switch key & 7 {
            case 0: guard Self.takeVarint(&rest) != nil else { return nil }
            case 1: guard Self.take(8, &rest) != nil else { return nil }
            case 2:
                guard let count = Self.takeVarint(&rest), let taken = Self.take(count, &rest)
                else { return nil }
                content = taken
            case 5: guard Self.take(4, &rest) != nil else { return nil }
            default: return nil
            }
            fields.append(
                Field(bytes: bytes[begin..<rest.startIndex], key: key, content: content))
        }
        return fields
    }

    private static func take(_ count: UInt64, _ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>?
    {
        guard count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private static func takeVarint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
