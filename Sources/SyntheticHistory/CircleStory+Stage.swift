import Domain

extension CircleStory {
    private static let stageMax = 8

    /// Who raises a hand or is asked, and what becomes of it.
    mutating func tellStage() {
        for index in visits.indices.dropFirst() {
            let visit = visits[index]
            let length = visit.leftAt - visit.joinedAt
            guard length > 120 * Self.second, visit.connectedAt != nil else { continue }
            let at = visit.joinedAt + Int64(Double(length) * (0.1 + 0.6 * random.nextUnit()))
            if random.chance(0.22) {
                raiseHand(index, at: at)
            } else if random.chance(0.05) {
                invite(index, at: at)
            }
        }
    }

    private mutating func raiseHand(_ index: Int, at: Int64) {
        let visit = visits[index]
        api.append(Told(at: at, payload: .handRaised(visit.member)))
        let answeredAt = at + Self.span(random.logNormal(median: 35, sigma: 1))
        guard answeredAt < visit.leftAt - 30 * Self.second else { return }
        if random.chance(0.62), hasRoom(from: answeredAt, to: visit.leftAt) {
            api.append(Told(at: answeredAt, payload: .handLowered(visit.member, .promoted)))
            promote(index, at: answeredAt + 1)
        } else if random.chance(0.7) {
            api.append(Told(at: answeredAt, payload: .handLowered(visit.member, .withdrawn)))
        }
    }

    private mutating func invite(_ index: Int, at: Int64) {
        let visit = visits[index]
        api.append(
            Told(at: at, payload: .stageInvited(visit.member, actorUID: details.hostUID)))
        let answeredAt = at + Self.span(random.logNormal(median: 8, sigma: 0.7))
        guard answeredAt < visit.leftAt - 30 * Self.second else { return }
        if random.chance(0.6), hasRoom(from: answeredAt, to: visit.leftAt) {
            promote(index, at: answeredAt)
        } else if random.chance(0.8) {
            api.append(Told(at: answeredAt, payload: .stageInviteDeclined(visit.member)))
        }
    }

    private func hasRoom(from: Int64, to: Int64) -> Bool {
        visits.count { $0.stage.map { $0.overlaps(from...to) } ?? false } < Self.stageMax
    }

    private mutating func promote(_ index: Int, at: Int64) {
        let visit = visits[index]
        api.append(
            Told(
                at: at,
                payload: .memberPromoted(visit.member, actorUID: details.hostUID, .speaker)))
        var end = visit.leftAt
        if random.chance(0.3) {
            end = at + Int64(Double(visit.leftAt - at) * (0.3 + 0.6 * random.nextUnit()))
            api.append(
                Told(
                    at: end,
                    payload: .memberDemoted(visit.member, actorUID: details.hostUID, .listener)))
        }
        visits[index].stage = at...end
    }

    /// Mutes on stage; kicks, bans and reports everywhere.
    mutating func tellModeration() {
        for index in visits.indices.dropFirst() {
            let visit = visits[index]
            if let stage = visit.stage, random.chance(0.06) {
                let at = stage.lowerBound + (stage.upperBound - stage.lowerBound) / 2
                let host = details.hostUID
                api.append(Told(at: at, payload: .memberMuted(visit.member, actorUID: host)))
                let back = at + Self.span(20)
                if back < stage.upperBound {
                    api.append(
                        Told(at: back, payload: .memberUnmuted(visit.member, actorUID: host)))
                }
            }
            if random.chance(0.004) { kick(index) }
            if random.chance(0.003) {
                let at = visit.joinedAt + (visit.leftAt - visit.joinedAt) / 2
                api.append(
                    Told(
                        at: at,
                        payload: .memberReported(
                            uid: visits[0].member.uid, actorUID: visit.member.uid,
                            random.pick(ReportCategory.allCases))))
            }
        }
    }

    private mutating func kick(_ index: Int) {
        // Of those who are asked onto the stage nobody is.
        guard visits[index].stage == nil, let reason = visits[index].leaveReason, reason == .left
        else { return }
        let visit = visits[index]
        visits[index].leaveReason = .kicked
        let host = details.hostUID
        api.append(
            Told(
                at: visit.leftAt,
                payload: .memberKicked(visit.member, actorUID: host, reason: "off topic")))
        if random.chance(0.3) {
            api.append(
                Told(
                    at: visit.leftAt,
                    payload: .memberBanned(uid: visit.member.uid, actorUID: host, reason: "spam")))
        }
    }

    /// One speaks after the other, those on stage in turn, the host the most.
    mutating func tellTalk() {
        var at = startedAt + Self.span(3)
        let speakers = visits.indices.filter { visits[$0].stage != nil }
        while at < endedAt {
            let present = speakers.filter { index in
                visits[index].stage!.contains(at)  // has one, see above
                    && (visits[index].connectedAt ?? .max) < at
            }
            guard !present.isEmpty else {
                at += 5 * Self.second
                continue
            }
            let visit = present[random.weighted(present.map { $0 == 0 ? 2 : 1 })]
            let span = Self.span(min(max(random.logNormal(median: 6, sigma: 0.9), 0.4), 90))
            // The last word is over before its speaker leaves the stage.
            let end = min(at + span, visits[visit].stage!.upperBound - 2, endedAt - 2)
            if end > at {
                let member = visits[visit].member
                turns.append(Turn(visit: visit, span: at...end))
                media.append(Told(at: at, payload: .speakingStarted(member)))
                media.append(Told(at: end, payload: .speakingStopped(member)))
            }
            at = max(at + span, end) + Self.span(0.2 + random.exponential(mean: 1))
        }
    }
}
