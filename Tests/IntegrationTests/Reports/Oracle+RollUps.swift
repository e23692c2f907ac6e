import Domain

private let minute: Int64 = 60_000_000
private let day: Int64 = 86_400_000_000

/// What the rollups must say, counted minute by minute and day by day.
extension Oracle {
    private func time(_ index: Int) -> Int64 { events[index].occurredAt.microseconds }

    /// `minute|listeners|speakers|joins|leaves|by end` of every minute, by time.
    var circleMinutes: String {
        let stays = stays
        let changes = stays.flatMap { stay in
            let roles = events.indices.filter {
                $0 > stay.from && $0 < stay.to && events[$0].payload.member == stay.member
                    && events[$0].payload.changesRole
            }
            return [stay.from] + roles + (stay.to < events.count ? [stay.to] : [])
        }.map { time($0) / minute }
        guard let first = changes.min(), let last = changes.max() else { return "" }
        return (first...last).map { number in
            let end = (number + 1) * minute
            let position = events.lastIndex { $0.occurredAt.microseconds < end } ?? 0
            let inside = stays.filter { $0.from <= position && position < $0.to }
            let speakers = inside.count { role($0, at: position).isOnStage }
            let gone = stays.filter { $0.to < events.count && time($0.to) / minute == number }
            return "\(number)|\(inside.count - speakers)|\(speakers)"
                + "|\(stays.count { time($0.from) / minute == number })"
                + "|\(gone.count)|\(gone.count { $0.to == endIndex })"
        }.joined(separator: "\n")
    }

    /// `day|uid|stays|µs` of all who were inside, by day and uid.
    var dayMembers: String {
        var sums: [Int64: [String: (stays: Int, inside: Int64)]] = [:]
        for stay in stays {
            let from = time(stay.from)
            let to = stay.to < events.count ? time(stay.to) : from
            for number in (from / day)...(to / day) {
                let inside = min(to, (number + 1) * day) - max(from, number * day)
                guard inside > 0 || number == from / day else { continue }
                sums[number, default: [:]][stay.member.uid, default: (0, 0)].stays += 1
                sums[number]?[stay.member.uid]?.inside += inside
            }
        }
        return sums.flatMap { number, members in
            members.map { "\(number)|\($0.key)|\($0.value.stays)|\($0.value.inside)" }
        }.sorted().joined(separator: "\n")
    }

    /// `session|minute|µs` of all speech, by session and minute.
    var talkMinutes: String {
        stays.flatMap { stay in
            var sums: [Int64: Int64] = [:]
            for span in media(of: stay).spans where !span.isEmpty {
                for number in (span.lowerBound / minute)...(span.upperBound / minute) {
                    let begin = max(span.lowerBound, number * minute)
                    sums[number, default: 0] += min(span.upperBound, (number + 1) * minute) - begin
                }
            }
            return sums.filter { $0.value > 0 }
                .map { "\(stay.member.sessionID)|\($0.key)|\($0.value)" }
        }.sorted().joined(separator: "\n")
    }

    /// `session|asked µs|answered µs|answer|spoke µs` of raised hands or of invitations.
    func requests(isHand: Bool) -> String {
        stays.flatMap { stay in
            let asks = asks(in: stay, isHand: isHand)
            let starts = media(of: stay).starts
            return asks.enumerated().map { number, ask in
                let end = number + 1 < asks.count ? asks[number + 1].at : .max
                let spoke =
                    ask.answer == (isHand ? "promoted" : "accepted")
                    ? starts.first { $0 >= ask.answeredAt ?? .max && $0 < end } : nil
                let times = [ask.answeredAt, spoke].map { $0.map(String.init) ?? "∅" }
                return
                    "\(stay.member.sessionID)|\(ask.at)|\(times[0])|\(ask.answer ?? "∅")|\(times[1])"
            }
        }.sorted().joined(separator: "\n")
    }

    private struct Ask {
        let at: Int64
        var answeredAt: Int64?
        var answer: String?
    }

    private func asks(in stay: Stay, isHand: Bool) -> [Ask] {
        var asks: [Ask] = []
        func answer(_ answer: String, _ index: Int) {
            guard let last = asks.indices.last, asks[last].answer == nil else { return }
            asks[last].answeredAt = time(index)
            asks[last].answer = answer
        }
        for index in events.indices where index > stay.from && index < stay.to {
            guard events[index].payload.member == stay.member else { continue }
            switch events[index].payload {
            case .handRaised where isHand, .stageInvited where !isHand:
                if asks.last?.answer != nil || asks.isEmpty { asks.append(Ask(at: time(index))) }
            case .handLowered(_, let reason) where isHand: answer(reason.rawValue, index)
            case .stageInviteDeclined where !isHand: answer("declined", index)
            case .memberPromoted(_, _, let role) where role.isOnStage,
                .memberRoleChanged(_, _, let role) where role.isOnStage:
                answer(isHand ? "promoted" : "accepted", index)
            default: break
            }
        }
        if stay.to < events.count { answer("left", stay.to) }
        return asks
    }

    /// `uid|made µs|withdrawn µs` of all who meant to come, by uid.
    var rsvps: String {
        var lines: [String: String] = [:]
        for (index, event) in events.enumerated() {
            switch event.payload {
            case .rsvpMade(let uid) where !(lines[uid]?.hasSuffix("∅") ?? false):
                lines[uid] = "\(uid)|\(time(index))|∅"
            case .rsvpWithdrawn(let uid):
                guard let line = lines[uid], line.hasSuffix("∅") else { continue }
                lines[uid] = line.dropLast() + "\(time(index))"
            default: break
            }
        }
        return lines.values.sorted().joined(separator: "\n")
    }
}

extension Event.Payload {
    fileprivate var changesRole: Bool {
        switch self {
        case .memberPromoted, .memberDemoted, .memberRoleChanged: true
        default: false
        }
    }
}
