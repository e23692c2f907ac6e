import Domain

/// What reports must say of whole circles, computed from their events by scans. Fractions are left
/// exact: `differences` knows how a report rounds.
struct ReportOracle {
    let lives: [Oracle]

    /// One line of an oracle, cut.
    static func fields(_ text: String) -> [[String]] {
        text.split(separator: "\n").map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        }
    }

    /// The definition of `percentile_cont`: between the two values next to the place.
    static func percentile(_ share: Double, _ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let place = share * Double(sorted.count - 1)
        let (low, high) = (sorted[Int(place.rounded(.down))], sorted[Int(place.rounded(.up))])
        return low + (place - place.rounded(.down)) * (high - low)
    }

    static func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "∅" }

    /// The lines in which a report and an oracle differ. A number with decimals may be off by what
    /// rounding to them takes away, and by `slack`.
    static func differences(_ stored: String, _ expected: [String], slack: Double = 0) -> [String] {
        let rows = stored.split(separator: "\n").map(String.init)
        guard rows.count == expected.count else {
            return ["\(rows.count) rows for \(expected.count): \(stored)\noracle \(expected)"]
        }
        return zip(rows, expected).compactMap { row, line in
            let (left, right) = (fields(row).first ?? [], fields(line).first ?? [])
            let isSame =
                left.count == right.count
                && zip(left, right).allSatisfy { isRounded($0, $1, slack: slack) }
            return isSame ? nil : "report \(row)\noracle \(line)"
        }
    }

    private static func isRounded(_ stored: String, _ exact: String, slack: Double) -> Bool {
        guard stored != exact else { return true }
        let parts = stored.split(separator: ".")
        guard parts.count == 2, let left = Double(stored), let right = Double(exact) else {
            return false
        }
        let unit = parts[1].reduce(1.0) { value, _ in value / 10 }
        return abs(left - right) <= unit * 0.500_001 + slack
    }
}

extension Oracle {
    var details: CircleDetails? {
        events.lazy.compactMap { event in
            if case .circleCreated(let details) = event.payload { details } else { nil }
        }.first
    }

    var startedAt: Int64 {
        events.first { if case .circleStarted = $0.payload { true } else { false } }?
            .occurredAt.microseconds ?? 0
    }

    func time(of index: Int) -> Int64 { events[index].occurredAt.microseconds }

    /// Thousandths of participant-minutes of the stays that are over.
    var minuteThousandths: Int64 {
        (stays.filter { $0.to < events.count }
            .reduce(0) { $0 + time(of: $1.to) - time(of: $1.from) } + 30_000) / 60_000
    }

    /// Time on stage in spells that are over.
    func stageTime(_ stay: Stay) -> Int64 {
        var (sum, since) = (Int64(0), Int64?.none)
        for index in stay.from..<stay.to {
            let isOnStage = role(stay, at: index).isOnStage
            if isOnStage, since == nil { since = time(of: index) }
            if !isOnStage, let begin = since {
                sum += time(of: index) - begin
                since = nil
            }
        }
        if let begin = since, stay.to < events.count { sum += time(of: stay.to) - begin }
        return sum
    }

    /// When the first node that may speak said that media is up, and what it measured.
    func connection(_ stay: Stay) -> (at: Int64, ice: Int, dtls: Int, firstPacket: Int?)? {
        var found: (at: Int64, ice: Int, dtls: Int, firstPacket: Int?)?
        for index in (stay.from + 1)..<max(stay.to, stay.from + 1) {
            let position = events[index].position
            guard
                case .mediaConnected(stay.member, let ice, let dtls, let first) =
                    events[index].payload,
                !events[..<index].contains(where: {
                    $0.position.source == position.source && $0.position.epoch > position.epoch
                })
            else { continue }
            let packet = first > 0 ? first : nil
            guard let former = found else {
                found = (time(of: index), ice, dtls, packet)
                continue
            }
            if former.firstPacket == nil, packet != nil { found = (former.at, ice, dtls, packet) }
        }
        return found
    }

    /// Why a stay ended.
    func cause(_ stay: Stay) -> String {
        guard stay.to < events.count else { return "inside" }
        switch events[stay.to].payload {
        case .memberLeft(_, let reason): return reason.rawValue
        case .circleEnded: return "circleEnded"
        // A newer stay of the same member: nobody said why the older one ended.
        default: return LeaveReason.left.rawValue
        }
    }
}
