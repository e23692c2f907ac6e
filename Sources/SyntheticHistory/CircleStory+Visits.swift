import Domain

extension CircleStory {
    mutating func tellRSVPs() {
        let ahead = startedAt - createdAt
        guard ahead > 3600 * Self.second else { return }
        var seen: Set<Int> = []
        for _ in 0..<Int(random.logNormal(median: 4, sigma: 1)) {
            let person = people.follower(ofHost: hostRank, onDay: place, random: &random)
            guard person != people.host(hostRank), seen.insert(person).inserted else { continue }
            let at = createdAt + Int64(Double(ahead) * 0.9 * random.nextUnit())
            let uid = people.uid(person)
            api.append(Told(at: at, payload: .rsvpMade(uid: uid)))
            if random.chance(0.12) {
                api.append(Told(at: at + ahead / 20, payload: .rsvpWithdrawn(uid: uid)))
            } else if random.chance(0.55) {
                visit(person, at: startedAt + Self.span(random.exponential(mean: 120)))
            }
        }
    }

    mutating func tellVisits() {
        // The host comes first and stays to the end.
        let host = Visit(
            person: people.host(hostRank),
            member: newMember(people.host(hostRank), at: startedAt + 1),
            joinedAt: startedAt + 1, leftAt: endedAt, connectedAt: nil,
            stage: (startedAt + 1)...endedAt)
        visits.insert(connected(host), at: 0)
        let length = Double(endedAt - startedAt)
        for _ in 0..<min(Int(random.logNormal(median: 8, sigma: 1.1)), 400) {
            let person = people.follower(ofHost: hostRank, onDay: place, random: &random)
            guard person != people.host(hostRank) else { continue }
            // Most come early.
            let unit = random.nextUnit()
            visit(person, at: startedAt + 2 + Int64(length * unit * unit))
        }
        admit()
        for visit in visits {
            let role: Role = visit.person == visits[0].person ? .host : .listener
            api.append(Told(at: visit.joinedAt, payload: .memberJoined(visit.member, role)))
        }
    }

    private mutating func newMember(_ person: Int, at time: Int64) -> Event.Member {
        Event.Member(
            uid: people.uid(person),
            sessionID: SessionID(now: Timestamp(microseconds: time), random: &random))
    }

    /// Somebody comes, and may come back.
    private mutating func visit(_ person: Int, at time: Int64) {
        var joinedAt = time
        while joinedAt < endedAt - Self.second {
            let (leftAt, reason) = leave(joinedAt)
            let visit = Visit(
                person: person, member: newMember(person, at: joinedAt), joinedAt: joinedAt,
                leftAt: leftAt, leaveReason: reason)
            visits.append(connected(visit))
            guard reason != nil, random.chance(0.08) else { return }
            joinedAt = leftAt + Self.span(5 + random.exponential(mean: 180))
        }
    }

    /// Some only look in, some stay to the end.
    private mutating func leave(_ joinedAt: Int64) -> (Int64, LeaveReason?) {
        let rest = Double(endedAt - joinedAt) / Double(Self.second)
        let stay: Double? =
            switch random.weighted([18, 40, 42]) {
            case 0: random.exponential(mean: 30)
            case 1: random.exponential(mean: rest * 0.5)
            default: nil
            }
        guard let stay, stay + 1 < rest else { return (endedAt, nil) }
        let reasons: [LeaveReason] = [.left, .timeout, .leaseExpired]
        return (joinedAt + Self.span(stay + 1), reasons[random.weighted([88, 10, 2])])
    }

    private mutating func connected(_ visit: Visit) -> Visit {
        var visit = visit
        // Behind some firewalls nothing gets through.
        guard !random.chance(0.015) else { return visit }
        let ice = random.logNormal(median: 45, sigma: 0.6)
        let dtls = ice + random.logNormal(median: 60, sigma: 0.4)
        let first = dtls + random.logNormal(median: 40, sigma: 0.8)
        let at =
            visit.joinedAt + Self.span(random.logNormal(median: 0.25, sigma: 0.7) + first / 1000)
        guard at < visit.leftAt else { return visit }
        visit.connectedAt = at
        media.append(
            Told(
                at: at,
                payload: .mediaConnected(
                    visit.member, iceMilliseconds: Int(ice), dtlsMilliseconds: Int(dtls),
                    firstPacketMilliseconds: random.chance(0.007) ? 0 : Int(first))))
        return visit
    }

    /// Takes only those whom the circle has room for, and nobody twice at a time.
    private mutating func admit() {
        var inside: [(leftAt: Int64, person: Int)] = []
        var admitted: [Visit] = []
        for visit in visits.enumerated()
            .sorted(by: { ($0.element.joinedAt, $0.offset) < ($1.element.joinedAt, $1.offset) })
            .map(\.element)
        {
            inside.removeAll { $0.leftAt < visit.joinedAt }
            guard inside.count < Self.audienceMax,
                !inside.contains(where: { $0.person == visit.person })
            else { continue }
            inside.append((visit.leftAt, visit.person))
            admitted.append(visit)
        }
        visits = admitted
        let members = Set(visits.map(\.member))
        media.removeAll { told in told.payload.member.map { !members.contains($0) } ?? false }
    }

    mutating func tellLeaves() {
        for visit in visits {
            if let reason = visit.leaveReason {
                let isMedias = reason == .timeout
                let told = Told(at: visit.leftAt, payload: .memberLeft(visit.member, reason))
                if isMedias { media.append(told) } else { api.append(told) }
                if visit.connectedAt != nil, !isMedias {
                    media.append(
                        Told(at: visit.leftAt + 9000, payload: .mediaDisconnected(visit.member)))
                }
            }
        }
    }
}
