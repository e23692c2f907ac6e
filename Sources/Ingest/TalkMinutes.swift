import Domain

/// A session's speech by minutes.
struct TalkMinutes {
    /// Microseconds of speech in minutes since 1970-01-01T00:00:00Z.
    private(set) var microseconds: [Int64: Int64] = [:]
    /// The earliest minute whose row does not show what is here.
    private(set) var firstChanged: Int64?

    /// So many minutes are kept; the last of them takes in what comes after it, so that a span
    /// without end takes neither time nor memory.
    static let countMax = 2880
    private static let minute: Int64 = 60_000_000

    mutating func add(from: Timestamp, to: Timestamp) {
        var begin = from.microseconds
        while begin < to.microseconds {
            let minute = begin.flooredDivision(by: Self.minute)
            let isLast = microseconds.count + (microseconds[minute] == nil ? 1 : 0) >= Self.countMax
            let end = isLast ? to.microseconds : min((minute + 1) * Self.minute, to.microseconds)
            microseconds[minute, default: 0] += end - begin
            firstChanged = min(firstChanged ?? minute, minute)
            begin = end
            if microseconds.count > Self.countMax { merge(minute) }
        }
    }

    /// Gives one minute too many to the one before it.
    private mutating func merge(_ minute: Int64) {
        guard let surplus = microseconds.removeValue(forKey: minute),
            let last = microseconds.keys.max()
        else { return }
        microseconds[last, default: 0] += surplus
        firstChanged = min(firstChanged ?? last, last)
    }

    mutating func markStored() { firstChanged = nil }

    func hasSameRows(as other: TalkMinutes) -> Bool { microseconds == other.microseconds }

    /// The minutes to write: those that changed, or all.
    func rows(all: Bool) -> [(minuteAt: Timestamp, microseconds: Int64)] {
        guard all || firstChanged != nil else { return [] }
        return microseconds.filter { all || $0.key >= firstChanged ?? .max }.sorted { $0 < $1 }
            .map { (Timestamp(microseconds: $0.key * Self.minute), $0.value) }
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
