import Domain

private let minute: Int64 = 60_000_000

/// Reports of one row a circle, a circle's minute or a circle's member.
extension ReportOracle {
    private var byID: [Oracle] {
        lives.sorted { $0.events[0].circleID.description < $1.events[0].circleID.description }
    }

    private func endOf(_ life: Oracle) -> Int64? { life.endIndex.map { life.time(of: $0) } }

    /// `circle|host|category|started|ended|reason|minutes|members|stays|peaks|minutes|hands|…`
    var sessions: [String] {
        byID.map { life in
            let (end, totals) = (endOf(life), Self.fields(life.totals)[0])
            let length = end.map { Double($0 - life.startedAt) / Double(minute) }
            return [
                life.events[0].circleID.description, life.details?.hostUID ?? "",
                life.details?.category ?? "", "\(life.startedAt)", end.map { "\($0)" } ?? "∅",
                end == nil ? "∅" : "host", Self.text(length), totals[4], totals[3], totals[0],
                totals[1], "\(Double(life.minuteThousandths) / 1000)",
                "\(Self.fields(life.requests(isHand: true)).count)", totals[5], totals[6],
            ].joined(separator: "|")
        }
    }

    /// `circle|listeners|on stage|connected|speaking|peak` of the circles that have not ended.
    var liveNow: [String] {
        byID.filter { $0.endIndex == nil }.map { life in
            let members = Self.fields(life.members)
            let uids = Dictionary(
                life.stays.map { ($0.member.sessionID.description, $0.member.uid) },
                uniquingKeysWith: { first, _ in first })
            let speaking = members.filter { $0[4] == "t" }.compactMap { uids[$0[0]] }.sorted()
            let listeners = members.count { $0[1] == "listener" }
            return [
                life.events[0].circleID.description, "\(listeners)",
                "\(members.count - listeners)", "\(members.count { $0[3] == "t" })",
                speaking.isEmpty ? "∅" : "{\(speaking.joined(separator: ","))}",
                Self.fields(life.totals)[0][0],
            ].joined(separator: "|")
        }
    }

    /// `minute|circles|listeners|speakers|joins|leaves`; who is inside at last stays for two days.
    var concurrency: [String] {
        var sums: [Int64: [Int]] = [:]
        for life in lives {
            let lines = Self.fields(life.circleMinutes).map { $0.compactMap { Int64($0) } }
            var counts = lines.map { (minute: $0[0], counts: $0[1...4].map { Int($0) }) }
            if let last = counts.last, !life.members.isEmpty {
                for later in Int64(1)...2880 {
                    counts.append((last.minute + later, Array(last.counts[..<2]) + [0, 0]))
                }
            }
            for (number, values) in counts {
                let circle = values[0] + values[1] > 0 ? 1 : 0
                sums[number] = zip(sums[number] ?? [0, 0, 0, 0, 0], [circle] + values).map(+)
            }
        }
        return sums.sorted { $0.key < $1.key }.map { number, values in
            "\(number)|" + values.map { "\($0)" }.joined(separator: "|")
        }
    }

    /// `circle|minute|listeners|joins|at risk|dropped|survival|speakers`.
    var dropOff: [String] {
        byID.flatMap { life -> [String] in
            var talk: [Int64: [String: Int64]] = [:]
            let uids = Dictionary(
                life.stays.map { ($0.member.sessionID.description, $0.member.uid) },
                uniquingKeysWith: { first, _ in first })
            for line in Self.fields(life.talkMinutes) {
                talk[Int64(line[1]) ?? 0, default: [:]][uids[line[0]] ?? "", default: 0] +=
                    Int64(line[2]) ?? 0
            }
            var (inside, survival) = (Int64(0), 1.0)
            return Self.fields(life.circleMinutes).map { line in
                let values = line.compactMap { Int64($0) }
                let (atRisk, dropped) = (inside + values[3], values[4] - values[5])
                if dropped > 0 { survival *= 1 - Double(dropped) / Double(atRisk) }
                inside = values[1] + values[2]
                let speakers = (talk[values[0]] ?? [:]).sorted {
                    ($1.value, $0.key) < ($0.value, $1.key)
                }.map(\.key)
                return "\(life.events[0].circleID)|\(values[0])|\(values[1])|\(values[3])"
                    + "|\(atRisk)|\(dropped)|\(survival)"
                    + "|\(speakers.isEmpty ? "∅" : "{\(speakers.joined(separator: ","))}")"
            }
        }
    }

    /// `circle|uid|is creator|talk s|stage s|share|place` of who spoke or was on stage.
    var talkTime: [String] {
        byID.flatMap { life -> [String] in
            var sums: [String: (talk: Int64, stage: Int64)] = [:]
            for stay in life.stays {
                sums[stay.member.uid, default: (0, 0)].talk += life.media(of: stay).talk
                sums[stay.member.uid]?.stage += life.stageTime(stay)
            }
            sums = sums.filter { $0.value.talk > 0 || $0.value.stage > 0 }
            let all = sums.values.reduce(0) { $0 + $1.talk }
            return sums.sorted { $0.key < $1.key }.map { uid, sum in
                let share = all == 0 ? nil : Double(sum.talk) / Double(all)
                return "\(life.events[0].circleID)|\(uid)"
                    + "|\(uid == life.details?.hostUID ? "t" : "f")|\(Double(sum.talk) / 1e6)"
                    + "|\(Double(sum.stage) / 1e6)|\(Self.text(share))"
                    + "|\(1 + sums.values.count { $0.talk > sum.talk })"
            }
        }
    }

    /// `circle|starts µs|rsvps|withdrawn|expected|attended|stayed|shares` of circles with RSVPs.
    var conversion: [String] {
        byID.compactMap { life in
            let answers = Self.fields(life.rsvps)
            guard !answers.isEmpty else { return nil }
            let expected = answers.filter { $0[2] == "∅" }
            var inside: [String: Int64] = [:]
            for line in Self.fields(life.dayMembers) {
                inside[line[1], default: 0] += Int64(line[3]) ?? 0
            }
            let attended = expected.count { inside[$0[0]] != nil }
            let stayed = expected.count { inside[$0[0]] ?? 0 >= 10 * minute }
            let shares = [attended, stayed].map {
                expected.isEmpty ? "∅" : "\(Double($0) / Double(expected.count))"
            }
            return "\(life.events[0].circleID)|\(life.details?.startAt.microseconds ?? 0)"
                + "|\(answers.count)|\(answers.count - expected.count)|\(expected.count)"
                + "|\(attended)|\(stayed)|\(shares[0])|\(shares[1])"
        }
    }
}
