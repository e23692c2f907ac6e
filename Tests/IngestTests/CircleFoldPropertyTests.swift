import Domain
import Testing

@testable import Ingest

/// Any events, however odd, leave a fold whose totals can be counted from its attendances.
@Suite("CircleFold on random events")
struct CircleFoldPropertyTests {
    /// A circle after random events at distinct times.
    private func randomCircle(seed: UInt64) -> FoldedCircle {
        var random = SeededGenerator(seed: seed)
        var circle = FoldedCircle()
        var time = FoldedCircle.start
        circle.at(time, .circleCreated(FoldedCircle.details))
        for _ in 0..<300 {
            time = time.adding(microseconds: Int64.random(in: 1...5_000_000, using: &random))
            let payload = payload(using: &random)
            if isMedia(payload) {
                let node = ["sfu-1", "sfu-2"].randomElement(using: &random)!  // two
                circle.at(time, payload, node: (node, Int64.random(in: 1...3, using: &random)))
            } else {
                circle.at(time, payload)
            }
        }
        if Bool.random(using: &random) {
            circle.at(time.adding(microseconds: 1), .circleEnded(actorUID: "", .empty))
        }
        return circle
    }

    private func isMedia(_ payload: Event.Payload) -> Bool {
        switch payload {
        case .mediaConnected, .mediaDisconnected, .speakingStarted, .speakingStopped,
            .nodeSnapshot:
            true
        default: false
        }
    }

    private func payload(using random: inout SeededGenerator) -> Event.Payload {
        let uid = ["ada", "bob", "cleo", "dan", "eve"].randomElement(using: &random)!  // five
        let member = FoldedCircle.member(uid, session: UInt64.random(in: 1...9, using: &random))
        let role = Role.allCases.randomElement(using: &random)!  // four
        switch Int.random(in: 0..<22, using: &random) {
        case 0...5: return .memberJoined(member, role)
        case 6, 7: return .memberLeft(member, .left)
        case 8: return .memberPromoted(member, actorUID: "host", role)
        case 9: return .memberDemoted(member, actorUID: "host", role)
        case 10: return .memberMuted(member, actorUID: "host")
        case 11: return .memberKicked(member, actorUID: "host", reason: "")
        case 12, 13: return .handRaised(member)
        case 14: return .handLowered(member, .withdrawn)
        case 15, 16: return .speakingStarted(member)
        case 17: return .speakingStopped(member)
        case 18: return .mediaDisconnected(member)
        case 19, 20:
            return .nodeSnapshot([.init(member: member, isSpeaking: Bool.random(using: &random))])
        default:
            return .mediaConnected(
                member, iceMilliseconds: 1, dtlsMilliseconds: 2, firstPacketMilliseconds: 3)
        }
    }

    @Test("totals are those of the attendances", arguments: 401...440 as ClosedRange<UInt64>)
    func totalsAgree(seed: UInt64) {
        let circle = randomCircle(seed: seed)
        let (summary, all) = (circle.summary, Array(circle.fold.attendances.values))
        #expect(all.count > 5, "seed \(seed)")
        #expect(summary.attendanceCount == all.count, "seed \(seed)")
        #expect(summary.memberCount == Set(all.map(\.uid)).count, "seed \(seed)")
        #expect(summary.handRaiseCount == all.map(\.hands.count).reduce(0, +), "seed \(seed)")
        #expect(summary.promotionCount == all.map(\.promotionCount).reduce(0, +), "seed \(seed)")
        let stays = all.compactMap { stay in
            stay.leftAt.map { $0.microseconds - stay.joinedAt.microseconds }
        }
        #expect(summary.participantMicroseconds == stays.reduce(0, +), "seed \(seed)")
        let open = all.filter(\.isOpen)
        #expect(Set(open.map(\.uid)).count == open.count, "one open session each; seed \(seed)")
        if summary.endedAt != nil { #expect(open.isEmpty, "seed \(seed)") }
    }

    @Test("peaks are those of a sweep over the stays", arguments: 401...440 as ClosedRange<UInt64>)
    func peaksAgree(seed: UInt64) {
        let circle = randomCircle(seed: seed)
        // All that happens at one time is one event, so a peak is looked for after all of it.
        var changes: [Timestamp: (listeners: Int, speakers: Int)] = [:]
        func count(_ role: Role, _ change: Int, at time: Timestamp) {
            if role.isOnStage {
                changes[time, default: (0, 0)].speakers += change
            } else {
                changes[time, default: (0, 0)].listeners += change
            }
        }
        for stay in circle.fold.attendances.values {
            for (index, entry) in stay.roles.enumerated() {
                if index > 0 { count(stay.roles[index - 1].role, -1, at: entry.at) }
                count(entry.role, 1, at: entry.at)
            }
            if let leftAt = stay.leftAt { count(stay.role, -1, at: leftAt) }
        }
        var (listeners, speakers, peakListeners, peakSpeakers) = (0, 0, 0, 0)
        for (_, change) in changes.sorted(by: { $0.key < $1.key }) {
            listeners += change.listeners
            speakers += change.speakers
            peakListeners = max(peakListeners, listeners)
            peakSpeakers = max(peakSpeakers, speakers)
        }
        #expect(circle.summary.peakListeners == peakListeners, "seed \(seed)")
        #expect(circle.summary.peakSpeakers == peakSpeakers, "seed \(seed)")
    }

    @Test("each stay is sound", arguments: 401...440 as ClosedRange<UInt64>)
    func staysAreSound(seed: UInt64) {
        for stay in randomCircle(seed: seed).fold.attendances.values {
            guard let leftAt = stay.leftAt else {
                #expect(stay.leaveReason == nil, "seed \(seed)")
                continue
            }
            let length = leftAt.microseconds - stay.joinedAt.microseconds
            #expect((0...length).contains(stay.talkMicroseconds), "seed \(seed)")
            #expect(stay.stageMicroseconds == stageTime(stay, until: leftAt), "seed \(seed)")
            #expect(stay.hands.allSatisfy { $0.loweredAt != nil }, "seed \(seed)")
            #expect(stay.hands.allSatisfy { $0.reason != nil }, "seed \(seed)")
            #expect(stay.leaveReason != nil && !stay.isConnected, "seed \(seed)")
        }
    }

    private func stageTime(_ stay: Attendance, until end: Timestamp) -> Int64 {
        var total: Int64 = 0
        for (index, entry) in stay.roles.enumerated() where entry.role.isOnStage {
            let next = index + 1 < stay.roles.count ? stay.roles[index + 1].at : end
            total += next.microseconds - entry.at.microseconds
        }
        return total
    }

    @Test(
        "who is not connected does not speak, and who speaks is connected",
        arguments: 401...440 as ClosedRange<UInt64>)
    func speechNeedsMedia(seed: UInt64) {
        let all = randomCircle(seed: seed).fold.attendances.values
        #expect(all.allSatisfy { $0.isConnected || !$0.isSpeaking }, "seed \(seed)")
        #expect(all.allSatisfy { $0.isOpen || !$0.isConnected }, "seed \(seed)")
    }

    @Test("the fold depends on the events alone", arguments: 401...410 as ClosedRange<UInt64>)
    func isAFunctionOfTheSet(seed: UInt64) {
        let circle = randomCircle(seed: seed)
        var random = SeededGenerator(seed: seed)
        let ledger = CircleLedger(circleID: circle.fold.circleID)
        ledger.rebuild(from: circle.events.shuffled(using: &random))
        #expect(isSame(ledger.fold, circle.fold), "seed \(seed)")
    }

    @Test(
        "a ledger that gets its events late and in batches folds them all the same",
        arguments: 401...460 as ClosedRange<UInt64>)
    func batchesDoNotMatter(seed: UInt64) {
        let circle = randomCircle(seed: seed)
        var random = SeededGenerator(seed: seed)
        let ledger = CircleLedger(circleID: circle.fold.circleID)
        var rest = circle.events.shuffled(using: &random)[...]
        var shown: [SessionID: Attendance] = [:]
        while !rest.isEmpty {
            let batch = rest.prefix(Int.random(in: 1...40, using: &random))
            rest = rest.dropFirst(batch.count)
            for event in batch { _ = ledger.accept(event, record: []) }
            #expect(ledger.foldUnfolded() != .needsHistory, "seed \(seed)")
            // What the tables would show after the batch.
            for sessionID in ledger.replacedSessions { shown[sessionID] = nil }
            for attendance in ledger.takeChanges() {
                #expect(
                    attendance.isStored == (shown[attendance.sessionID] != nil), "seed \(seed)")
                shown[attendance.sessionID] = attendance.copy()
                attendance.isStored = true
            }
            ledger.markWritten()
        }
        #expect(isSame(ledger.fold, circle.fold), "seed \(seed)")
        #expect(Set(shown.keys) == Set(circle.fold.attendances.keys), "seed \(seed)")
        for (sessionID, attendance) in circle.fold.attendances {
            #expect(shown[sessionID]?.hasSameRows(as: attendance) == true, "seed \(seed)")
        }
    }

    private func isSame(_ left: CircleFold, _ right: CircleFold) -> Bool {
        left.summary == right.summary
            && Set(left.attendances.keys) == Set(right.attendances.keys)
            && left.attendances.allSatisfy { sessionID, attendance in
                right.attendances[sessionID]?.hasSameRows(as: attendance) == true
            }
    }
}
