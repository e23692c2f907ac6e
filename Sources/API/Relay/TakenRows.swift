/// Rows of the outbox that a broker has taken and that are not marked there.
///
/// A mark costs as much as the row did, and Ingest has stored most rows before it would be of use:
/// they are deleted unmarked. A relay that dies forgets them; they are published again, and fall
/// as duplicates.
struct TakenRows {
    struct Row {
        let outboxID: Int64
        let partition: Int32
        let offset: Int64
        let logGeneration: Int64
        let byteCount: Int
        /// On the monotonic clock.
        let takenAtNanoseconds: UInt64
    }

    /// How far Ingest has read a partition.
    struct Place {
        let logGeneration: Int64
        let nextOffset: Int64
    }

    /// Past this age a row is marked: Ingest is behind, or not there.
    static let ageMaxNanoseconds: UInt64 = 1_000_000_000
    /// Past this number the oldest are marked: the table is asked for the others by exclusion.
    static let countMax = 4_096

    /// In the order of publishing.
    private(set) var rows: [Row] = []

    mutating func append(_ row: Row) { rows.append(row) }

    mutating func remove(_ outboxIDs: Set<Int64>) {
        guard !outboxIDs.isEmpty else { return }
        rows.removeAll { outboxIDs.contains($0.outboxID) }
    }

    /// Takes out the rows that should be marked: old ones, those past the number, and those that
    /// Ingest has read past (the table decides what is to become of these).
    mutating func removeDue(
        nowNanoseconds: UInt64, places: [Int32: Place]
    ) -> [Row] {
        var due: [Row] = []
        var kept: [Row] = []
        let surplus = rows.count - Self.countMax
        for (index, row) in rows.enumerated() {
            let isPassed =
                places[row.partition].map {
                    $0.logGeneration > row.logGeneration || $0.nextOffset > row.offset
                } ?? false
            let isOld = nowNanoseconds >= row.takenAtNanoseconds + Self.ageMaxNanoseconds
            if index < surplus || isOld || isPassed { due.append(row) } else { kept.append(row) }
        }
        rows = kept
        return due
    }

    /// For the end of a relay: whatever is left.
    mutating func removeAll() -> [Row] {
        defer { rows = [] }
        return rows
    }
}
