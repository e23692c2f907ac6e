import Domain
import Testing

@testable import SyntheticHistory

@Suite("Made-up histories")
struct HistoryPlanTests {
    /// 2026-11-23, a Monday.
    private static let endDay: Int64 = 20_780

    private static func circles(_ plan: HistoryPlan) -> [CircleHistory] {
        (0..<plan.dayCount).flatMap { Array(plan.circles(ofDay: $0)) }
    }

    private static let plan = HistoryPlan(seed: 7, eventCount: 60_000, endDay: endDay)
    private static let circles = circles(plan)

    @Test("the same seed gives the same events, another one others")
    func repeats() {
        let small = HistoryPlan(seed: 3, eventCount: 4000, dayCount: 4, endDay: Self.endDay)
        let other = HistoryPlan(seed: 4, eventCount: 4000, dayCount: 4, endDay: Self.endDay)
        let (first, again) = (Self.circles(small), Self.circles(small))
        #expect(first.flatMap(\.events) == again.flatMap(\.events))
        #expect(first.flatMap(\.quality) == again.flatMap(\.quality))
        #expect(first.flatMap(\.events) != Self.circles(other).flatMap(\.events))
    }

    @Test("there are about as many events as asked for, on the days asked for")
    func counts() {
        let events = Self.circles.flatMap(\.events)
        #expect((60_000...90_000).contains(events.count))
        #expect(Self.plan.dayCount == 28)
        let days = Set(
            Self.circles.flatMap(\.events).compactMap { event -> Int64? in
                guard case .circleStarted = event.payload else { return nil }
                return event.occurredAt.microseconds / 86_400_000_000
            })
        #expect(days == Set((Self.endDay - 28)..<Self.endDay))
        #expect(
            HistoryPlan(seed: 1, eventCount: 100_000_000, endDay: Self.endDay).dayCount == 400)
    }

    @Test("each source numbers its events and batches without a gap, in order of time")
    func numbering() {
        for circle in Self.circles {
            for events in Dictionary(grouping: circle.events, by: \.position.source).values {
                #expect(events.map(\.position.sequence) == Array(1...Int64(events.count)))
                #expect(Set(events.map(\.occurredAt)).count == events.count)
            }
            #expect(Set(circle.events.map(\.circleID)).count == 1)
            #expect(
                circle.quality.map(\.position.sequence)
                    == (0..<circle.quality.count).map { Int64($0 + 1) })
        }
    }

    @Test("nobody is in a circle twice at a time, and never more than it holds")
    func presence() {
        for circle in Self.circles {
            var inside: [String: SessionID] = [:]
            for event in circle.events {
                switch event.payload {
                case .memberJoined(let member, _):
                    #expect(inside.updateValue(member.sessionID, forKey: member.uid) == nil)
                    #expect(inside.count <= 101)
                case .memberLeft(let member, _):
                    #expect(inside.removeValue(forKey: member.uid) == member.sessionID)
                default: break
                }
            }
        }
    }

    @Test("counters of a session never sink")
    func counters() {
        for circle in Self.circles {
            var last: [SessionID: Int64] = [:]
            for member in circle.quality.flatMap(\.members) {
                let expected = member.downlink?.packetsExpected ?? 0
                #expect(expected >= last[member.member.sessionID] ?? 0)
                #expect(member.downlink.map { $0.packetsLost <= $0.packetsExpected } ?? true)
                last[member.member.sessionID] = expected
            }
        }
    }

    @Test("evenings and weekends are fuller, sizes have a heavy tail, and people come back")
    func looksLived() {
        var hours = [Int](repeating: 0, count: 24)
        var days: [String: Set<Int64>] = [:]
        var sizes: [Int] = []
        for circle in Self.circles {
            var uids: Set<String> = []
            for event in circle.events {
                let time = event.occurredAt.microseconds / 3_600_000_000
                if case .circleStarted = event.payload { hours[Int(time % 24)] += 1 }
                if case .memberJoined(let member, _) = event.payload {
                    uids.insert(member.uid)
                    days[member.uid, default: []].insert(time / 24)
                }
            }
            sizes.append(uids.count)
        }
        sizes.sort()
        #expect(hours[17...22].reduce(0, +) > 2 * hours[3...8].reduce(0, +))
        #expect(sizes[sizes.count - 1] > 4 * sizes[sizes.count / 2])
        let back = days.values.count { $0.count > 1 }
        #expect(back * 5 > days.count, "\(back) of \(days.count) came back")
        #expect(back < days.count)
        let shares = Self.plan.dayShares
        // The plan's first day is a Monday: its sixth is a Saturday.
        #expect(shares[5] > shares[0])
    }
}
