import Database
import Domain
import EventLog
import EventSchema

/// Turns batches of quality records into samples and their minutes.
///
/// A sample is a row of its own and stored once, so records that come twice, late or in another
/// order are harmless, and nothing is kept in memory but which partitions there are.
final class QualityStore: BatchStore {
    let topic = Topic.quality
    /// Samples are of five seconds.
    let fetchWaitMilliseconds = 200

    private var knownPartitionDays: Set<Int64> = []
    /// Read with the first batch after a `reset`.
    private var forgotten: ForgottenMembers?

    func reset() {
        forgotten = nil
        knownPartitionDays.removeAll()
    }

    func store(_ batch: RecordBatch, connection: Connection) throws -> IngestOutcome {
        var outcome = IngestOutcome()
        let batches = try read(batch, &outcome, connection)
        guard !batches.isEmpty else { return outcome }
        try ensurePartitions(for: batches, connection)
        let known = try connection.qualityCursors(of: Set(batches.map(QualitySource.init)))
        let cursors = advanced(known, by: batches, &outcome)

        let stored = try connection.insertQualitySamples(of: batches)
        var minutes: Set<QualityMinute> = []
        var late: [QualityBatch] = []
        var seen: Set<QualityBatchKey> = []
        for batch in batches {
            let key = QualityBatchKey(batch)
            guard seen.insert(key).inserted, batch.members.isEmpty || stored.contains(key) else {
                outcome.duplicateCount += 1
                continue
            }
            outcome.acceptedCount += 1
            minutes.insert(QualityMinute(batch.circleID, batch.sampledAt))
            // What follows it counts from it now. Those of this transaction are touched anyway.
            if let cursor = known[QualitySource(batch)], batch.sampledAt <= cursor.lastSampledAt {
                late.append(batch)
            }
        }
        if !late.isEmpty { minutes.formUnion(try connection.qualityMinutes(after: late)) }
        try connection.writeQualityCursors(cursors)
        try connection.unsettleQualityDays(of: minutes)
        try connection.writeQualityMinutes(minutes)
        return outcome
    }

    private func read(
        _ batch: RecordBatch, _ outcome: inout IngestOutcome, _ connection: Connection
    ) throws -> [QualityBatch] {
        var letters: [DeadLetter] = []
        var batches: [QualityBatch] = []
        if forgotten == nil { forgotten = try ForgottenMembers(connection) }
        for record in batch.records {
            do throws(EventDecodingError) {
                guard let value = record.value else { throw .malformed }
                var read = try QualityCodec.decode(value)
                forgotten?.erase(&read)
                batches.append(read)
            } catch {
                letters.append(
                    DeadLetter(
                        record: record, generation: batch.generations[record.partition] ?? 0,
                        reason: "\(error)"))
            }
        }
        outcome.deadLetterCount = letters.count
        try connection.write(letters, topic: topic, now: batch.now)
        return batches
    }

    /// The cursors after the batches; counts the numbers that they skip.
    private func advanced(
        _ known: [QualitySource: QualityCursor], by batches: [QualityBatch],
        _ outcome: inout IngestOutcome
    ) -> [QualitySource: QualityCursor] {
        var cursors = known
        for batch in batches {
            let source = QualitySource(batch)
            let sequence = batch.position.sequence
            var cursor =
                cursors[source] ?? QualityCursor(lastSequence: 0, lastSampledAt: batch.sampledAt)
            outcome.missingCount += Int(max(sequence - cursor.lastSequence - 1, 0))
            cursor.lastSequence = max(cursor.lastSequence, sequence)
            cursor.lastSampledAt = max(cursor.lastSampledAt, batch.sampledAt)
            cursors[source] = cursor
        }
        return cursors
    }

    private func ensurePartitions(for batches: [QualityBatch], _ connection: Connection) throws {
        let days = Set(batches.map { $0.sampledAt.microseconds / 86_400_000_000 })
        for day in days.subtracting(knownPartitionDays).sorted() {
            try connection.query(
                """
                select ensure_history_partition(
                    'quality_samples', date '1970-01-01' + \(Int32(day))
                )
                """)
        }
        // Remembered only for as long as the transaction holds; see `reset`.
        knownPartitionDays.formUnion(days)
        if knownPartitionDays.count > 1000 { knownPartitionDays.removeAll() }
    }
}
