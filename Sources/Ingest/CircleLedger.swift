import Domain

/// All that a worker keeps of one circle between batches: a copy of what its rows say.
///
/// Valid only while the worker holds the circle's partition: dropped when it loses it and when a
/// transaction fails.
final class CircleLedger {
    private(set) var fold: CircleFold
    var cursors: [SourceKey: SourceCursor] = [:]
    var lastCircleSequence: Int64 = 0
    /// When tables are rebuilt: the `circle_seq` that events were given before, which readers of
    /// the live stream may hold.
    var formerSequences: [SourcePosition: Int64] = [:]

    /// Events of this batch that the fold has not seen.
    private(set) var unfolded: [Event] = []
    var changedCursors: Set<SourceKey> = []
    var changedGaps: Set<SourceKey> = []
    /// Whether all of the circle's rows must be replaced rather than added to.
    private(set) var isRebuilt = false
    /// Sessions whose rows must be replaced rather than added to.
    private(set) var replacedSessions: Set<SessionID> = []
    /// Users whose RSVP is no longer there.
    private(set) var droppedRSVPs: Set<String> = []
    /// The earliest event since the last write that may have changed who is inside or on stage.
    private(set) var presenceChangedAt: Timestamp?

    /// The fold as it was before `recent`; `nil` where that is not kept.
    private var checkpoint: CircleFold?
    /// The last events in the fold, in canonical order: one that belongs among them is put in
    /// without a look at history.
    private var recent: [Event] = []
    /// What `recent` takes in memory, in events of ordinary size.
    private(set) var recentWeight = 0

    /// So many of the last events are kept at least, and up to twice as many …
    static let recentCountMin = 512
    /// … unless they are heavy.
    static let recentWeightMax = 8192

    init(circleID: CircleID) {
        fold = CircleFold(circleID: circleID)
        checkpoint = fold
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

    // MARK: Folding

    enum Folding: Equatable {
        /// The batch's events came after all before them.
        case appended
        /// Some belonged among the recent ones, which were folded again with them.
        case refolded
        /// One belongs before them: only history can tell; nothing was done.
        case needsHistory
    }

    /// Folds the batch's events, in canonical order whatever theirs is.
    func foldUnfolded() -> Folding {
        sortUnfolded()
        notePresenceChange()
        guard let first = unfolded.first?.canonicalKey else { return .appended }
        if let last = fold.lastKey, first < last {
            return refold(from: first) ? .refolded : .needsHistory
        }
        if checkpoint == nil { checkpoint = fold.copy() }
        for event in unfolded { fold.apply(event) }
        takeUnfolded()
        advanceCheckpoint()
        return .appended
    }

    private func sortUnfolded() {
        let isSorted = zip(unfolded, unfolded.dropFirst()).allSatisfy {
            $0.canonicalKey < $1.canonicalKey
        }
        if !isSorted { unfolded.sort { $0.canonicalKey < $1.canonicalKey } }
    }

    private func notePresenceChange() {
        guard let event = unfolded.first(where: { $0.payload.changesPresence }) else { return }
        presenceChangedAt = min(presenceChangedAt ?? event.occurredAt, event.occurredAt)
    }

    /// Folds the recent events anew with those of the batch among them.
    private func refold(from first: Event.CanonicalKey) -> Bool {
        guard let checkpoint, checkpoint.lastKey.map({ $0 < first }) ?? true else { return false }
        takeUnfolded()
        recent.sort { $0.canonicalKey < $1.canonicalKey }
        var new = checkpoint.copy()
        for event in recent { new.apply(event) }
        replace(with: new)
        advanceCheckpoint()
        return true
    }

    /// Puts another fold in place of the one that the rows show, with what differs as changed.
    private func replace(with new: CircleFold) {
        let old = fold
        fold = new
        fold.changedSessions.removeAll()
        for (sessionID, attendance) in fold.attendances {
            let stored = old.attendances[sessionID]
            attendance.isStored = stored?.isStored ?? false
            if let stored, attendance.hasSameRows(as: stored) { continue }
            fold.changedSessions.insert(sessionID)
            if attendance.isStored {
                attendance.isStored = false
                replacedSessions.insert(sessionID)
            }
        }
        for (sessionID, stored) in old.attendances
        where stored.isStored && fold.attendances[sessionID] == nil {
            replacedSessions.insert(sessionID)
        }
        fold.changedRSVPs = Set(
            fold.rsvps.filter { old.rsvps[$0.key] != $0.value }.keys)
        droppedRSVPs = Set(old.rsvps.keys).subtracting(fold.rsvps.keys)
    }

    private func takeUnfolded() {
        recentWeight += unfolded.reduce(0) { $0 + Self.weight(of: $1) }
        if recent.isEmpty { swap(&recent, &unfolded) } else { recent += unfolded }
        unfolded.removeAll()
    }

    private static func weight(of event: Event) -> Int {
        if case .nodeSnapshot(let members) = event.payload { return 1 + members.count }
        return 1
    }

    /// Keeps `recent` within its bounds.
    private func advanceCheckpoint() {
        var surplus = 0
        if recent.count >= 2 * Self.recentCountMin { surplus = recent.count - Self.recentCountMin }
        var weight = recentWeight
        if surplus > 0 || weight > Self.recentWeightMax {
            for (index, event) in recent.enumerated() {
                guard index < surplus || weight > Self.recentWeightMax / 2 else { break }
                weight -= Self.weight(of: event)
                checkpoint?.apply(event)
                surplus = max(surplus, index + 1)
            }
            recent.removeFirst(surplus)
            recentWeight = weight
            checkpoint?.changedSessions.removeAll()
            checkpoint?.changedRSVPs.removeAll()
        }
    }

    /// Folds the whole history anew, with the batch's events.
    func rebuild(from history: [Event]) {
        fold = CircleFold(circleID: fold.circleID)
        checkpoint = fold
        unfolded += history
        unfolded.sort { $0.canonicalKey < $1.canonicalKey }
        for event in unfolded { fold.apply(event) }
        recent = []
        recentWeight = 0
        takeUnfolded()
        advanceCheckpoint()
        isRebuilt = true
        replacedSessions.removeAll()
    }

    /// Takes over what the tables hold.
    func load(_ history: [Event]) {
        rebuild(from: history)
        for attendance in fold.takeChanges() { attendance.isStored = true }
        markWritten()
    }

    var recentCount: Int { recent.count }

    /// Gives the memory of recent events up; a late one then needs history.
    func forgetRecent() {
        checkpoint = nil
        recent = []
        recentWeight = 0
    }

    // MARK: Rows

    func takeChanges() -> [Attendance] { fold.takeChanges() }

    /// Says that the rows show what the ledger holds.
    func markWritten() {
        changedCursors.removeAll(keepingCapacity: true)
        changedGaps.removeAll(keepingCapacity: true)
        isRebuilt = false
        replacedSessions.removeAll(keepingCapacity: true)
        fold.changedRSVPs.removeAll(keepingCapacity: true)
        droppedRSVPs.removeAll()
        presenceChangedAt = nil
    }
}
