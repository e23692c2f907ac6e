import Domain

/// What the ingested tables must say, computed the plain way: from the whole set of events, with
/// a scan for every question. Shares no code with the fold.
struct Oracle {
    let events: [Event]

    init(_ events: some Sequence<Event>) {
        var seen: Set<SourcePosition> = []
        self.events = events.filter { seen.insert($0.position).inserted }
            .sorted {
                let (left, right) = ($0.position, $1.position)
                return ($0.occurredAt, left.source, left.epoch, left.sequence)
                    < ($1.occurredAt, right.source, right.epoch, right.sequence)
            }
    }

    struct Stay {
        let member: Event.Member
        let from: Int
        /// Index of the event that ended it; past the last while it is open.
        let to: Int
    }

    var endIndex: Int? {
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

    var stays: [Stay] {
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
    func role(_ stay: Stay, at position: Int) -> Role {
        var role = Role.listener
        for index in stay.from...position {
            switch events[index].payload {
            case .memberJoined(let member, let new)
            where index == stay.from && member == stay.member:
                role = new
            case .memberPromoted(let member, _, let new) where member == stay.member: role = new
            case .memberDemoted(let member, _, let new) where member == stay.member: role = new
            case .memberRoleChanged(let member, _, let new) where member == stay.member:
                role = new
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

    /// `session|role|is_muted|is_connected|is_speaking` of those inside at the end, by session.
    var members: String {
        stays.filter { $0.to == events.count }.map { stay in
            var isMuted = false
            for event in events[stay.from...] where event.payload.member == stay.member {
                switch event.payload {
                case .memberMuted: isMuted = true
                case .memberUnmuted, .memberDemoted: isMuted = false
                default: break
                }
            }
            let media = media(of: stay)
            return "\(stay.member.sessionID)|\(role(stay, at: events.count - 1).rawValue)"
                + "|\(isMuted ? "t" : "f")|\(media.owner != nil ? "t" : "f")"
                + "|\(media.speakingSince != nil ? "t" : "f")"
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
                case .memberRoleChanged(_, _, let role) where role.isOnStage: lower(index)
                default: break
                }
            }
            if stay.to < events.count { lower(stay.to) }
            if let hand = raised { lines.append(hand.line + "|∅") }
            return lines
        }.sorted().joined(separator: "\n")
    }

    // MARK: Media

    struct Media {
        /// The node that has it, and the node's epoch.
        var owner: (source: String, epoch: Int64)?
        var speakingSince: Int64?
        var talk: Int64 = 0
        /// The spans of speech that are over.
        var spans: [ClosedRange<Int64>] = []
        /// When speech began.
        var starts: [Int64] = []
        var times: (ice: Int, firstPacket: Int)?

        mutating func silence(at time: Int64) {
            if let since = speakingSince {
                talk += time - since
                spans.append(since...time)
            }
            speakingSince = nil
        }

        mutating func speak(at time: Int64) {
            if speakingSince == nil { starts.append(time) }
            speakingSince = speakingSince ?? time
        }

        mutating func lose(at time: Int64) {
            silence(at: time)
            owner = nil
        }
    }

    /// Whether a node has spoken in a later epoch before this event.
    private func isOfFormerEpoch(_ index: Int) -> Bool {
        let position = events[index].position
        return events[..<index].contains {
            $0.position.source == position.source && $0.position.epoch > position.epoch
        }
    }

    func media(of stay: Stay) -> Media {
        var media = Media()
        for index in (stay.from + 1)..<max(stay.to, stay.from + 1) {
            let (event, node) = (events[index], events[index].position)
            let at = event.occurredAt.microseconds
            if let owner = media.owner, owner.source == node.source, owner.epoch < node.epoch {
                media.lose(at: at)
            }
            if case .memberDemoted(stay.member, _, _) = event.payload { media.silence(at: at) }
            if node.source != "api", !isOfFormerEpoch(index) {
                apply(event.payload, of: (node.source, node.epoch), to: &media, stay.member, at)
            }
        }
        if stay.to < events.count { media.lose(at: events[stay.to].occurredAt.microseconds) }
        return media
    }

    private func apply(
        _ payload: Event.Payload, of node: (source: String, epoch: Int64),
        to media: inout Media, _ member: Event.Member, _ at: Int64
    ) {
        let isTheirs = media.owner.map { $0 == node } ?? true
        switch payload {
        case .mediaConnected(member, let ice, _, let firstPacket):
            if !isTheirs { media.lose(at: at) }
            media.owner = node
            let isIncomplete = media.times?.firstPacket == 0 && firstPacket > 0
            if media.times == nil || isIncomplete { media.times = (ice, firstPacket) }
        case .mediaDisconnected(member) where isTheirs: media.lose(at: at)
        case .speakingStarted(member) where isTheirs:
            media.owner = node
            media.speak(at: at)
        case .speakingStopped(member) where isTheirs: media.silence(at: at)
        case .nodeSnapshot(let members) where isTheirs:
            // The same session is listed once; which is why the first counts.
            guard let listed = members.first(where: { $0.member == member }) else {
                media.lose(at: at)
                return
            }
            media.owner = node
            if listed.isSpeaking {
                media.speak(at: at)
            } else {
                media.silence(at: at)
            }
        default: break
        }
    }

    /// `session|talk µs|ICE ms or ∅|first packet ms or ∅` of every stay.
    var talks: String {
        stays.map { stay in
            let media = media(of: stay)
            let firstPacket = media.times.flatMap { $0.firstPacket == 0 ? nil : $0.firstPacket }
            return "\(stay.member.sessionID)|\(media.talk)"
                + "|\(media.times.map { "\($0.ice)" } ?? "∅")|\(firstPacket.map { "\($0)" } ?? "∅")"
        }.sorted().joined(separator: "\n")
    }
}
