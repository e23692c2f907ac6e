import Domain

private let day: Int64 = 86_400_000_000

/// Reports of sums and percentiles over circles.
extension ReportOracle {
    /// `day|outcome|cause|stays|share|p50, p95, p99 of seat, ICE, DTLS and first packet`.
    var joinFunnel: [String] {
        struct Join {
            let key: [String]
            let times: [Double?]
        }
        let joins = lives.flatMap { life in
            life.stays.map { stay in
                let (from, media) = (life.time(of: stay.from), life.connection(stay))
                let outcome =
                    media == nil ? "unconnected" : media?.firstPacket == nil ? "silent" : "heard"
                return Join(
                    key: ["\(from / day)", outcome, life.cause(stay)],
                    times: [
                        media.map { Double($0.at - from) / 1000 }, media.map { Double($0.ice) },
                        media.map { Double($0.dtls) },
                        media.flatMap { $0.firstPacket.map { Double($0) } },
                    ])
            }
        }
        return Dictionary(grouping: joins, by: \.key).sorted {
            $0.key.joined(separator: "|") < $1.key.joined(separator: "|")
        }.map { key, group in
            let share = Double(group.count) / Double(joins.count { $0.key[0] == key[0] })
            let times = (0..<4).flatMap { step in
                [0.5, 0.95, 0.99].map { place in
                    Self.percentile(place, group.compactMap { $0.times[step] })
                        .map { "\(Int($0.rounded(.toNearestOrEven)))" } ?? "∅"
                }
            }
            return (key + ["\(group.count)", "\(share)"] + times).joined(separator: "|")
        }
    }

    /// `day|kind|p50|p95|p99` of the seconds from asking to the stage.
    var waits: [String] {
        ["hand", "invitation"].flatMap { kind -> [String] in
            let asks = lives.flatMap { Self.fields($0.requests(isHand: kind == "hand")) }
            return Dictionary(grouping: asks) { (Int64($0[1]) ?? 0) / day }.map { number, lines in
                let waits = lines.filter { ["promoted", "accepted"].contains($0[3]) }
                    .map { Double((Int64($0[2]) ?? 0) - (Int64($0[1]) ?? 0)) / 1e6 }
                return "\(number)|\(kind)|"
                    + [0.5, 0.95, 0.99].map { Self.text(Self.percentile($0, waits)) }
                    .joined(separator: "|")
            }
        }.sorted()
    }

    private func sum(_ lives: [Oracle], _ column: Int) -> Int {
        lives.reduce(0) { $0 + (Int(Self.fields($1.totals)[0][column]) ?? 0) }
    }

    private func peak(_ lives: [Oracle]) -> Int {
        lives.map { Int(Self.fields($0.totals)[0][0]) ?? 0 }.max() ?? 0
    }

    private func thousandths(_ lives: [Oracle]) -> Int64 {
        lives.reduce(0) { $0 + $1.minuteThousandths }
    }

    /// `host|circles|first|last|days|stays|members|peaks|peak|minutes|promotions|kicks|lost`.
    var hosts: [String] {
        Dictionary(grouping: lives) { $0.details?.hostUID ?? "" }.sorted { $0.key < $1.key }
            .map { host, lives in
                let (starts, count) = (lives.map(\.startedAt), Double(lives.count))
                return [
                    host, "\(lives.count)", "\(starts.min() ?? 0)", "\(starts.max() ?? 0)",
                    "\(Set(starts.map { $0 / day }).count)", "\(sum(lives, 3))",
                    "\(Double(sum(lives, 4)) / count)", "\(Double(sum(lives, 0)) / count)",
                    "\(peak(lives))", "\(Double(thousandths(lives)) / 1000)", "\(sum(lives, 5))",
                    "\(sum(lives, 6))", "0",
                ].joined(separator: "|")
            }
    }

    /// `week's day|category|circles|hosts|stays|minutes|peak|share|place|change`.
    var trends: [String] {
        // 1970-01-05 was a Monday.
        let weeks = Dictionary(grouping: lives) { ($0.startedAt / day - 4) / 7 }
            .mapValues { Dictionary(grouping: $0) { $0.details?.category ?? "" } }
        return weeks.sorted { $0.key < $1.key }.flatMap { week, categories in
            let all = categories.values.reduce(0) { $0 + thousandths($1) }
            return categories.sorted { $0.key < $1.key }.map { category, lives in
                let minutes = thousandths(lives)
                let former = weeks[week - 1]?[category].map { thousandths($0) } ?? 0
                return [
                    "\(week * 7 + 4)", category, "\(lives.count)",
                    "\(Set(lives.map { $0.details?.hostUID }).count)", "\(sum(lives, 3))",
                    "\(Double(minutes) / 1000)", "\(peak(lives))",
                    Self.text(all == 0 ? nil : Double(minutes) / Double(all)),
                    "\(1 + categories.values.count { thousandths($0) > minutes })",
                    Self.text(former == 0 ? nil : Double(minutes) / Double(former) - 1),
                ].joined(separator: "|")
            }
        }
    }
}
