import Domain
import Testing

@testable import Jobs

@Suite("Who is reminded, and in which words")
struct ReminderRuleTests {
    private let rule = ReminderRule(leadSeconds: 600)
    private static let startAt = Timestamp(rfc3339: "2026-11-23T18:10:00Z")!  // well-formed
    private var dueAt: Timestamp { rule.dueAt(Self.startAt) }

    private func facts(_ change: (inout ReminderRule.Facts) -> Void = { _ in })
        -> ReminderRule.Facts
    {
        var facts = ReminderRule.Facts(
            startAt: Self.startAt, circleStartAt: Self.startAt, status: .scheduled,
            madeAt: Self.startAt.adding(seconds: -86_400))
        change(&facts)
        return facts
    }

    @Test("it goes out from ten minutes before the start until five minutes after")
    func sends() {
        #expect(dueAt == Timestamp(rfc3339: "2026-11-23T18:00:00Z"))
        for seconds: Int64 in [-600, -1, 0, 300] {
            let now = Self.startAt.adding(seconds: seconds)
            #expect(rule.verdict(on: facts(), at: now) == .send, "\(seconds)")
        }
        let late = Self.startAt.adding(seconds: 301)
        #expect(rule.verdict(on: facts(), at: late) == .skip(.tooLate))
    }

    @Test("a circle that is live already is told as such, an RSVP of the last minutes at once")
    func sendsInTheSameWay() {
        #expect(rule.verdict(on: facts { $0.status = .live }, at: dueAt) == .send)
        let late = facts { $0.madeAt = Self.startAt.adding(seconds: -5) }
        #expect(rule.verdict(on: late, at: Self.startAt) == .send)
    }

    @Test("each reason not to send is told")
    func skips() {
        let changes: [(ReminderRule.Skip, (inout ReminderRule.Facts) -> Void)] = [
            (.circleEnded, { $0.status = .ended }),
            (.rescheduled, { $0.circleStartAt = Self.startAt.adding(seconds: 1) }),
            (.rsvpWithdrawn, { $0.madeAt = nil }),
            (.banned, { $0.isBanned = true }),
            (.notInvited, { $0.mayEnter = false }),
            (.alreadyInside, { $0.isInside = true }),
            (.deviceGone, { $0.hasDevice = false }),
            (.alreadyReminded, { $0.wasReminded = true }),
            (.tooLate, { $0.madeAt = Self.startAt.adding(seconds: 1) }),
        ]
        for (reason, change) in changes {
            let verdict = rule.verdict(on: facts(change), at: dueAt)
            #expect(verdict == .skip(reason))
        }
        let retried = facts { $0.attemptCount = 1 }
        #expect(rule.verdict(on: retried, at: Self.startAt) == .send)
        #expect(
            rule.verdict(on: retried, at: Self.startAt.adding(microseconds: 1))
                == .skip(.retriedUntilStart))
        #expect(
            Set(changes.map(\.0)).union([.retriedUntilStart])
                == Set(ReminderRule.Skip.allCases))
    }

    @Test(
        "the words count whole minutes, rounded up",
        arguments: [
            (-600_000_000, "Starts in 10 minutes"), (-599_000_000, "Starts in 10 minutes"),
            (-540_000_000, "Starts in 9 minutes"), (-60_000_000, "Starts in 1 minute"),
            (-1, "Starts in 1 minute"), (0, "Is about to start"), (1, "Is about to start"),
        ] as [(Int64, String)])
    func words(microseconds: Int64, expected: String) {
        let now = Self.startAt.adding(microseconds: microseconds)
        #expect(rule.words(status: .scheduled, startAt: Self.startAt, at: now) == expected)
        #expect(rule.words(status: .live, startAt: Self.startAt, at: now) == "Is live now")
    }
}
