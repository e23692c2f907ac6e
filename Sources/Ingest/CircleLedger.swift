import Domain

/// All that a worker keeps of one circle between batches: a copy of what its rows say.
///
/// Valid only while the worker holds the circle's partition: dropped when it loses it and when a
/// transaction fails.
final class CircleLedger {
    var fold: CircleFold
    var cursors: [SourceKey: SourceCursor] = [:]
    var lastCircleSequence: Int64 = 0
    /// When tables are rebuilt: the `circle_seq` that events were given before, which readers of
    /// the live stream may hold.
    var formerSequences: [SourcePosition: Int64] = [:]

    /// Events of this batch that the fold has not seen.
    var unfolded: [Event] = []
    var changedCursors: Set<SourceKey> = []
    var changedGaps: Set<SourceKey> = []
    /// Whether the circle's rows must be replaced rather than added to.
    var isRebuilt = false

    init(circleID: CircleID) {
        fold = CircleFold(circleID: circleID)
    }

    /// An event and its original bytes, with its place in the circle.
    struct Accepted {
        let event: Event
        let record: [UInt8]
        let circleSequence: Int64
    }

    func arrive(_ position: SourcePosition) -> SourceCursor.Arrival {
        let key = SourceKey(source: position.source, epoch: position.epoch)
        let before = cursors[key, default: SourceCursor()]
        var cursor = before
        let arrival = cursor.arrive(position.sequence)
        guard arrival != .duplicate else { return arrival }
        cursors[key] = cursor
        changedCursors.insert(key)
        if cursor.missing != before.missing { changedGaps.insert(key) }
        return arrival
    }

    func accept(_ event: Event, record: [UInt8]) -> Accepted {
        unfolded.append(event)
        if let former = formerSequences[event.position] {
            return Accepted(event: event, record: record, circleSequence: former)
        }
        lastCircleSequence += 1
        return Accepted(event: event, record: record, circleSequence: lastCircleSequence)
    }

    /// Whether this batch's events can be added to the fold as they are; otherwise one of them
    /// belongs before an event that is already in it.
    var isInCanonicalOrder: Bool {
        var last = fold.lastKey
        for event in unfolded {
            let key = event.canonicalKey
            if let last, key < last { return false }
            last = key
        }
        return true
    }

    func foldInOrder() {
        for event in unfolded { fold.apply(event) }
        unfolded.removeAll()
    }

    /// Folds the whole history anew.
    func rebuild(from history: [Event]) {
        fold = CircleFold(circleID: fold.circleID)
        for event in history.sorted(by: { $0.canonicalKey < $1.canonicalKey }) {
            fold.apply(event)
        }
        unfolded.removeAll()
        isRebuilt = true
    }

    func markWritten() {
        changedCursors.removeAll(keepingCapacity: true)
        changedGaps.removeAll(keepingCapacity: true)
        isRebuilt = false
    }
}
