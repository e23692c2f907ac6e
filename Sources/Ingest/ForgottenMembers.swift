import Crypto
import Database
import Domain
import EventSchema
import Foundation

/// Those who were forgotten, by a keyed hash of their uid: what arrives late or is read again is
/// the tombstone's, as the tables say.
///
/// Cost: nothing while nobody was forgotten; otherwise a look-up for each uid of an event.
struct ForgottenMembers {
    private struct Mark {
        let tombstone: String
        let forgottenAt: Timestamp
    }

    private var key: SymmetricKey?
    /// By hash; each in the order of time.
    private var marks: [[UInt8]: [Mark]] = [:]
    private var known: [String: [Erasure]] = [:]
    private static let knownCountMax = 100_000

    var isEmpty: Bool { marks.isEmpty }

    init() {}

    init(_ connection: Connection) throws {
        for row in try connection.query(
            """
            select uid_hash, tombstone, forgotten_at from forgotten_members order by forgotten_at
            """
        ).map({ $0 }) {
            marks[try row.get(0, as: Bytes.self).array, default: []].append(
                Mark(tombstone: try row.get(1), forgottenAt: try row.get(2)))
        }
        if !marks.isEmpty { key = try Self.key(connection) }
    }

    static func key(_ connection: Connection) throws -> SymmetricKey {
        let row = try connection.query("select hash_key from forgetting_keys")[0]
        return SymmetricKey(data: try row.get(0, as: Bytes.self).array)
    }

    static func hash(_ uid: String, _ key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Data(uid.utf8), using: key))
    }

    /// The event and its bytes as the tables keep them.
    mutating func erased(
        _ event: Event, record: [UInt8]
    ) throws(EventDecodingError) -> (event: Event, record: [UInt8]) {
        guard !isEmpty else { return (event, record) }
        var (event, record) = (event, record)
        for uid in Set(event.payload.uids) {
            for erasure in erasures(of: uid) {
                guard let erased = try EventCodec.erase(erasure, in: record) else { continue }
                record = erased
                event = try EventCodec.decode(erased)
            }
        }
        return (event, record)
    }

    mutating func erase(_ batch: inout QualityBatch) {
        guard !isEmpty else { return }
        for index in batch.members.indices {
            let member = batch.members[index].member
            let erasure = erasures(of: member.uid).first { $0.covers(member, at: batch.sampledAt) }
            if let erasure { batch.members[index].member.uid = erasure.tombstone }
        }
    }

    private mutating func erasures(of uid: String) -> [Erasure] {
        if let erasures = known[uid] { return erasures }
        guard let key else { return [] }
        let erasures = marks[Self.hash(uid, key), default: []].map {
            Erasure(uid: uid, tombstone: $0.tombstone, forgottenAt: $0.forgottenAt)
        }
        if known.count >= Self.knownCountMax { known.removeAll() }
        known[uid] = erasures
        return erasures
    }
}

extension Event.Payload {
    /// Everyone whom the event names.
    fileprivate var uids: [String] {
        var uids = [uid, actorUID].compactMap { $0 }
        switch self {
        case .circleCreated(let details), .circleUpdated(let details, _):
            uids += [details.hostUID] + details.coHostUIDs
        case .nodeSnapshot(let members): uids += members.map(\.member.uid)
        default: break
        }
        return uids
    }
}
