/// Which sequence numbers of one source, epoch and circle have arrived.
struct SourceCursor: Equatable {
    /// The highest that arrived; 0 before the first.
    private(set) var last: Int64 = 0
    /// Numbers below `last` that have not arrived, in rising order.
    private(set) var missing: [ClosedRange<Int64>] = []

    init(last: Int64 = 0, missing: [ClosedRange<Int64>] = []) {
        self.last = last
        self.missing = missing
    }

    enum Arrival: Equatable {
        case duplicate
        /// Takes its place: the next one, or one that was missing.
        case accepted
        /// Takes its place, and those between are missing.
        case acceptedAfterGap(ClosedRange<Int64>)
    }

    mutating func arrive(_ sequence: Int64) -> Arrival {
        if sequence - 1 == last {
            last = sequence
            return .accepted
        }
        if sequence > last {
            let gap = (last + 1)...(sequence - 1)
            missing.append(gap)
            last = sequence
            return .acceptedAfterGap(gap)
        }
        guard let index = missing.firstIndex(where: { $0.contains(sequence) }) else {
            return .duplicate
        }
        let range = missing.remove(at: index)
        if sequence < range.upperBound {
            missing.insert((sequence + 1)...range.upperBound, at: index)
        }
        if sequence > range.lowerBound {
            missing.insert(range.lowerBound...(sequence - 1), at: index)
        }
        return .accepted
    }
}

/// One numbering: a source in one of its epochs.
struct SourceKey: Hashable {
    let source: String
    let epoch: Int64
}
