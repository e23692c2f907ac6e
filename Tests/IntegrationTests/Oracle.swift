import Domain

/// What the ingested tables must say, computed the plain way: from the whole set of events, with
/// a scan for every question. Shares no code with the fold.
struct Oracle {
    private let events: [Event]

    init(_ events: some Sequence<Event>) {
        var seen: Set<SourcePosition> = []
        self.events = events.filter { seen.insert($0.position).inserted }
            .sorted {
                ($0.occurredAt, $0.position.source, $0.position.sequence)
                    < ($1.occurredAt, $1.position.source, $1.position.sequence)
            }
    }

    private struct Stay {
        let member: Event.Member
        let from: Int
        /// Index of the event that ended it; past the last while it is open.
        let to: Int
    }

    private var endIndex: Int? {
        events.firstIndex { if case .circleEnded = $0.payload { true } else { false } }
    }

    private func joined(_ index: Int) -> Event.Member? {
        if case .memberJoined(let member, _) = events[index].payload { return member }
        return nil
    }

    /// A join counts when it is its session's first and comes before the end.
    private var joins: [Int] {
        events.indices.filter { index in
            guard let member = joined(index), index < endIndex ?? .max else { return false }
            return !events[..<index].indices.contains { joined($0)?.sessionID == member.sessionID }
        }
    }

    private var stays: [Stay] {
        let joins = joins
        return joins.map { from in
            let member = joined(from)!  // an index of `joins`
            let to = events.indices.first { index in
                guard index > from else { return false }
                if case .memberLeft(let left, _) = events[index].payload { return left == member }
                if index == endIndex { return true }
                return joins.contains(index) && joined(index)?.uid == member.uid
            }
            return Stay(member: member, from: from, to: to ?? events.count)
        }
    }

    /// The role of a stay at an event that lies within it.
    private func role(_ stay: Stay, at position: Int) -> Role {
        var role = Role.listener
        for index in stay.from...position {
            switch events[index].payload {
            case .memberJoined(let member, let new)
            where index == stay.from && member == stay.member:
                role = new
            case .memberPromoted(let member, _, let new) where member == stay.member: role = new
            case .memberDemoted(let member, _, let new) where member == stay.member: role = new
            default: break
            }
        }
        return role
    }

    private func countWithin(_ stays: [Stay], _ matches: (Event.Payload) -> Bool) -> Int {
        events.indices.count { index in
            matches(events[index].payload)
                && stays.contains {
                    $0.member == events[index].payload.member && index > $0.from && index < $0.to
                }
        }
    }

    /// `peak listeners|peak speakers|participant µs|attendances|members|promotions|kicks`.
    var totals: String {
        let stays = stays
        var peaks = (listeners: 0, speakers: 0)
        for position in events.indices {
            let inside = stays.filter { $0.from <= position && position < $0.to }
            let speakers = inside.count { role($0, at: position).isOnStage }
            peaks.speakers = max(peaks.speakers, speakers)
            peaks.listeners = max(peaks.listeners, inside.count - speakers)
        }
        let microseconds = stays.filter { $0.to < events.count }.reduce(Int64(0)) {
            $0 + events[$1.to].occurredAt.microseconds - events[$1.from].occurredAt.microseconds
        }
        let promotions = countWithin(stays) { if case .memberPromoted = $0 { true } else { false } }
        let kicks = countWithin(stays) { if case .memberKicked = $0 { true } else { false } }
        return "\(peaks.listeners)|\(peaks.speakers)|\(microseconds)|\(stays.count)"
            + "|\(Set(stays.map(\.member.uid)).count)|\(promotions)|\(kicks)"
    }

    /// `session|role|is_muted|is_connected` of those inside at the end, by session.
    var members: String {
        stays.filter { $0.to == events.count }.map { stay in
            var isMuted = false
            var isConnected = false
            for event in events[stay.from...] where event.payload.member == stay.member {
                switch event.payload {
                case .memberMuted: isMuted = true
                case .memberUnmuted, .memberDemoted: isMuted = false
                case .mediaConnected: isConnected = true
                case .mediaDisconnected: isConnected = false
                default: break
                }
            }
            return "\(stay.member.sessionID)|\(role(stay, at: events.count - 1).rawValue)"
                + "|\(isMuted ? "t" : "f")|\(isConnected ? "t" : "f")"
        }.sorted().joined(separator: "\n")
    }

    /// `session|raised µs|lowered µs or ∅` of every raised hand.
    var hands: String {
        stays.flatMap { stay in
            var raised: (at: Int64, line: String)?
            var lines: [String] = []
            func lower(_ index: Int) {
                guard let hand = raised else { return }
                lines.append("\(hand.line)|\(events[index].occurredAt.microseconds)")
                raised = nil
            }
            for index in (stay.from + 1)..<max(stay.to, stay.from + 1)
            where events[index].payload.member == stay.member {
                switch events[index].payload {
                case .handRaised where raised == nil:
                    let at = events[index].occurredAt.microseconds
                    raised = (at, "\(stay.member.sessionID)|\(at)")
                case .handLowered: lower(index)
                case .memberPromoted(_, _, let role) where role.isOnStage: lower(index)
                default: break
                }
            }
            if stay.to < events.count { lower(stay.to) }
            if let hand = raised { lines.append(hand.line + "|∅") }
            return lines
        }.sorted().joined(separator: "\n")
    }
}
