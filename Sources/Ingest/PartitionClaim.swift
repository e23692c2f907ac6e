import Database
import Domain

/// A worker's right to write what one partition holds, and how far that has come.
struct PartitionClaim: Sendable {
    let partition: Int32
    /// The fence: rows are written only while the table still says this number.
    let epoch: Int64
    var nextOffset: Int64
    /// The identity of the record before `nextOffset`; `nil` when there is none.
    var fingerprint: Int64?
    /// Rises when the log under us starts anew.
    var generation: Int64

    /// A record's identity: FNV-1a over its value, which carries a unique event id.
    static func fingerprint(of value: [UInt8]?) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in value ?? [] {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return Int64(bitPattern: hash)
    }
}

/// Another worker has taken the partition over: nothing was written.
struct ClaimLost: Error {}

extension Connection {
    /// Takes partitions over; whoever held them can no longer write.
    func claim(
        _ partitions: [Int32], topic: String, worker: String, now: Timestamp
    ) throws(DatabaseError) -> [PartitionClaim] {
        let rows = try query(
            """
            insert into ingest_offsets (
                topic, kafka_partition, next_offset, log_generation, claim_epoch, claimed_by,
                claimed_at
            )
            select \(topic), kafka_partition, 0, 0, 1, \(worker), \(now)
            from unnest(\(partitions.sorted())) as claimed (kafka_partition)
            order by kafka_partition
            on conflict (topic, kafka_partition) do update
            set
                claim_epoch = ingest_offsets.claim_epoch + 1, claimed_by = excluded.claimed_by,
                claimed_at = excluded.claimed_at
            returning kafka_partition, claim_epoch, next_offset, last_fingerprint, log_generation
            """)
        var claims: [PartitionClaim] = []
        for index in 0..<rows.count {
            let row = rows[index]
            claims.append(
                PartitionClaim(
                    partition: try row.get(0), epoch: try row.get(1), nextOffset: try row.get(2),
                    fingerprint: try row.optional(3), generation: try row.get(4)))
        }
        return claims
    }

    /// Moves the offsets along, inside the transaction that writes the rows and before them.
    ///
    /// - Throws: `ClaimLost` when any of the partitions is no longer ours.
    func advance(_ claims: [PartitionClaim], topic: String) throws {
        let sorted = claims.sorted { $0.partition < $1.partition }
        let updated = try query(
            """
            update ingest_offsets
            set
                next_offset = moved.next_offset, last_fingerprint = moved.fingerprint,
                log_generation = moved.generation
            from unnest(
                \(sorted.map(\.partition)), \(sorted.map(\.epoch)), \(sorted.map(\.nextOffset)),
                \(OptionalArray(sorted.map(\.fingerprint))), \(sorted.map(\.generation))
            ) as moved (kafka_partition, claim_epoch, next_offset, fingerprint, generation)
            where ingest_offsets.topic = \(topic)
                and ingest_offsets.kafka_partition = moved.kafka_partition
                and ingest_offsets.claim_epoch = moved.claim_epoch
            """)
        guard updated.affectedCount == claims.count else { throw ClaimLost() }
    }
}
