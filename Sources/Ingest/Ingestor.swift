import Database
import Domain
import EventLog
import EventSchema

/// Turns batches of event records into rows, each batch in one transaction with its offsets.
///
/// One thread at a time.
final class Ingestor: BatchStore {
    /// Where the rows go.
    enum Target {
        /// The live tables.
        case live
        /// Tables of the same names in a schema that comes first in the search path, with the
        /// live history at hand for what the log no longer holds.
        case shadow
    }

    let topic = Topic.events
    let fetchWaitMilliseconds = 10
    private let target: Target
    private var ledgers: [CircleID: CircleLedger] = [:]
    private var knownPartitionDays: Set<Int64> = []
    /// How many circles a worker keeps in memory; past it those at rest are dropped.
    private let ledgerCountMax: Int
    /// What all ledgers keep for late events, in events of ordinary size; past so many, none
    /// keeps any.
    private let recentWeightMax: Int
    private var recentWeight = 0
    private let signal: LiveSignal?
    /// Read with the first batch after a `reset`: who forgets somebody makes all workers begin anew.
    private var forgotten: ForgottenMembers?
    /// The circles that the last batch has events of.
    private var storedCircles: Set<CircleID> = []

    /// - Parameter signal: tells those who follow circles what has been stored.
    init(
        target: Target, signal: LiveSignal? = nil, ledgerCountMax: Int = 20_000,
        recentWeightMax: Int = 500_000
    ) {
        self.target = target
        self.signal = signal
        self.ledgerCountMax = ledgerCountMax
        self.recentWeightMax = recentWeightMax
    }

    func reset() {
        ledgers.removeAll()
        recentWeight = 0
        knownPartitionDays.removeAll()
        storedCircles.removeAll()
        forgotten = nil
    }

    func didCommit() {
        if !storedCircles.isEmpty { signal?.send(storedCircles) }
        storedCircles.removeAll()
    }

    func store(_ batch: RecordBatch, connection: Connection) throws -> IngestOutcome {
        var outcome = IngestOutcome()
        var writer = BatchWriter()
        var events: [(event: Event, record: [UInt8])] = []
        events.reserveCapacity(batch.records.count)
        if forgotten == nil { forgotten = try ForgottenMembers(connection) }
        for record in batch.records {
            switch decode(record) {
            case .success(let event): events.append(try erased(event, record.value ?? []))
            // A rebuild leaves them where Ingest put them: they are no part of any fold.
            case .failure where target == .shadow: break
            case .failure(let error):
                outcome.deadLetterCount += 1
                writer.deadLetters.append(
                    .init(
                        record: record, generation: batch.generations[record.partition] ?? 0,
                        reason: "\(error)"))
            }
        }
        let touched = try loadLedgers(Set(events.map(\.event.circleID)), connection)
        for (event, record) in events {
            try take(event, record, batch.fillsGaps, &writer, &outcome, connection)
        }
        for ledger in touched where !ledger.unfolded.isEmpty {
            try fold(ledger, &outcome, connection)
        }
        try ensurePartitions(for: writer, connection)
        for ledger in touched where !ledger.changedCursors.isEmpty {
            if signal != nil { storedCircles.insert(ledger.fold.circleID) }
            writer.append(ledger)
        }
        try writer.write(
            topic: topic, now: batch.now, settles: target == .live, connection: connection)
        dropLedgersAtRest()
        dropRecentEvents()
        return outcome
    }

    private func decode(_ record: LogRecord) -> Result<Event, EventDecodingError> {
        guard let value = record.value else { return .failure(.malformed) }
        do throws(EventDecodingError) {
            return .success(try EventCodec.decode(value))
        } catch {
            return .failure(error)
        }
    }

    private func erased(
        _ event: Event, _ record: [UInt8]
    ) throws -> (event: Event, record: [UInt8]) {
        try forgotten?.erased(event, record: record) ?? (event, record)
    }

    // MARK: Accepting

    private func take(
        _ event: Event, _ record: [UInt8], _ fillsGaps: Bool, _ writer: inout BatchWriter,
        _ outcome: inout IngestOutcome, _ connection: Connection
    ) throws {
        let ledger = ledgers[event.circleID]!  // loaded for the whole batch
        switch ledger.arrive(event.position) {
        case .duplicate:
            outcome.duplicateCount += 1
            return
        case .accepted: break
        case .acceptedAfterGap(let gap) where !fillsGaps:
            outcome.missingCount += gap.count
        case .acceptedAfterGap(let gap):
            try fill(gap, before: event, ledger, &writer, &outcome, connection)
        }
        outcome.acceptedCount += 1
        writer.append(ledger.accept(event, record: record))
    }

    /// Looks for events that the log skipped where they are kept besides.
    private func fill(
        _ gap: ClosedRange<Int64>, before event: Event, _ ledger: CircleLedger,
        _ writer: inout BatchWriter, _ outcome: inout IngestOutcome, _ connection: Connection
    ) throws {
        var foundCount = 0
        for record in try missingRecords(gap, before: event, connection) {
            guard let found = try? EventCodec.decode(record),  // unreadable: stays missing
                found.circleID == event.circleID, found.position.source == event.position.source,
                ledger.arrive(found.position) != .duplicate
            else { continue }
            foundCount += 1
            let (event, record) = try erased(found, record)
            writer.append(ledger.accept(event, record: record))
        }
        outcome.filledCount += foundCount
        outcome.acceptedCount += foundCount
        outcome.missingCount += gap.count - foundCount
    }

    private func missingRecords(
        _ gap: ClosedRange<Int64>, before event: Event, _ connection: Connection
    ) throws -> [[UInt8]] {
        switch target {
        case .shadow:
            return try connection.query(
                """
                select record
                from public.events
                where circle_id = \(event.circleID) and source = \(event.position.source)
                    and source_epoch = \(event.position.epoch)
                    and source_seq between \(gap.lowerBound) and \(gap.upperBound)
                order by source_seq
                """
            ).map { try $0.get(0, as: Bytes.self).array }
        case .live:
            guard event.position.source == SourcePosition.apiSource else { return [] }
            return try connection.query(
                """
                select record
                from outbox
                where circle_id = \(event.circleID)
                    and source_seq between \(gap.lowerBound) and \(gap.upperBound)
                order by source_seq
                """
            ).map { try $0.get(0, as: Bytes.self).array }
        }
    }

    // MARK: Folding

    private func fold(
        _ ledger: CircleLedger, _ outcome: inout IngestOutcome, _ connection: Connection
    ) throws {
        recentWeight -= ledger.recentWeight
        defer { recentWeight += ledger.recentWeight }
        switch ledger.foldUnfolded() {
        case .appended: return
        case .refolded: outcome.refoldedCount += 1
        case .needsHistory:
            outcome.rebuiltCount += 1
            let circleID = ledger.fold.circleID
            let stored = try history(of: [circleID], connection)[circleID] ?? []
            ledger.rebuild(from: stored.map(\.event))
        }
    }

    // MARK: Loading

    /// Brings the circles' ledgers into memory.
    ///
    /// - Returns: them, in a fixed order.
    private func loadLedgers(
        _ circleIDs: Set<CircleID>, _ connection: Connection
    ) throws -> [CircleLedger] {
        let unknown = circleIDs.filter { ledgers[$0] == nil }.sorted()
        for circleID in unknown { ledgers[circleID] = CircleLedger(circleID: circleID) }
        if !unknown.isEmpty {
            var seen: Set<CircleID> = []
            for row in try connection.query(
                """
                select circle_id, source, source_epoch, last_seq
                from ingest_cursors
                where circle_id = any (\(unknown))
                """
            ).map({ $0 }) {
                let circleID: CircleID = try row.get(0)
                let key = SourceKey(source: try row.get(1), epoch: try row.get(2))
                ledgers[circleID]?.cursors[key] = SourceCursor(last: try row.get(3))
                seen.insert(circleID)
            }
            for chunk in chunks(of: seen.sorted()) { try loadHistory(chunk, connection) }
            if target == .shadow {
                for chunk in chunks(of: unknown) { try loadFormerSequences(chunk, connection) }
            }
        }
        return circleIDs.sorted().compactMap { ledgers[$0] }
    }

    /// History is read for so many circles at once.
    private func chunks(of circleIDs: [CircleID]) -> [[CircleID]] {
        stride(from: 0, to: circleIDs.count, by: 200).map {
            Array(circleIDs[$0..<min($0 + 200, circleIDs.count)])
        }
    }

    private func loadHistory(_ circleIDs: [CircleID], _ connection: Connection) throws {
        for row in try connection.query(
            """
            select circle_id, source, source_epoch, first_seq, last_seq
            from ingest_gaps
            where circle_id = any (\(circleIDs))
            order by circle_id, source, source_epoch, first_seq
            """
        ).map({ $0 }) {
            let circleID: CircleID = try row.get(0)
            let key = SourceKey(source: try row.get(1), epoch: try row.get(2))
            guard let cursor = ledgers[circleID]?.cursors[key] else { continue }
            let (first, last): (Int64, Int64) = (try row.get(3), try row.get(4))
            ledgers[circleID]?.cursors[key] = SourceCursor(
                last: cursor.last, missing: cursor.missing + [first...last])
        }
        for (circleID, stored) in try history(of: circleIDs, connection) {
            guard let ledger = ledgers[circleID] else { continue }
            ledger.lastCircleSequence = stored.last?.circleSequence ?? 0
            ledger.load(stored.map(\.event))
            recentWeight += ledger.recentWeight
        }
    }

    private func loadFormerSequences(_ circleIDs: [CircleID], _ connection: Connection) throws {
        for row in try connection.query(
            """
            select circle_id, source, source_epoch, source_seq, circle_seq
            from public.events
            where circle_id = any (\(circleIDs)) and occurred_at >= \(EventCodec.historyBegin(circleIDs))
            """
        ).map({ $0 }) {
            let circleID: CircleID = try row.get(0)
            let position = SourcePosition(
                source: try row.get(1), epoch: try row.get(2), sequence: try row.get(3))
            let sequence: Int64 = try row.get(4)
            guard let ledger = ledgers[circleID] else { continue }
            ledger.formerSequences[position] = sequence
            ledger.lastCircleSequence = max(sequence, ledger.lastCircleSequence)
        }
    }

    /// The stored events of some circles, by `circle_seq`.
    private func history(
        of circleIDs: [CircleID], _ connection: Connection
    ) throws -> [CircleID: [(event: Event, circleSequence: Int64)]] {
        var history: [CircleID: [(event: Event, circleSequence: Int64)]] = [:]
        for row in try connection.query(
            """
            select circle_id, circle_seq, record
            from events
            where circle_id = any (\(circleIDs)) and occurred_at >= \(EventCodec.historyBegin(circleIDs))
            order by circle_id, circle_seq
            """
        ).map({ $0 }) {
            let circleID: CircleID = try row.get(0)
            let record: Bytes = try row.get(2)
            // Rows of somebody who is being forgotten may not be rewritten yet.
            let event = try erased(EventCodec.decode(record.array), record.array).event
            history[circleID, default: []].append((event, try row.get(1)))
        }
        return history
    }

    // MARK: Upkeep

    private func ensurePartitions(for writer: BatchWriter, _ connection: Connection) throws {
        guard target == .live else { return }
        for day in writer.days.subtracting(knownPartitionDays).sorted() {
            try connection.query(
                "select ensure_history_partition('events', date '1970-01-01' + \(Int32(day)))")
        }
        // Remembered only for as long as the transaction holds; see `reset`.
        knownPartitionDays.formUnion(writer.days)
        if knownPartitionDays.count > 1000 { knownPartitionDays.removeAll() }
    }

    private func dropLedgersAtRest() {
        guard ledgers.count > ledgerCountMax else { return }
        ledgers = ledgers.filter { $0.value.fold.summary.endedAt == nil }
        if ledgers.count > ledgerCountMax { ledgers.removeAll() }
        recentWeight = ledgers.values.reduce(0) { $0 + $1.recentWeight }
    }

    private func dropRecentEvents() {
        guard recentWeight > recentWeightMax else { return }
        for ledger in ledgers.values { ledger.forgetRecent() }
        recentWeight = 0
    }
}
