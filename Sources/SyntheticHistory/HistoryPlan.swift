import Domain

/// How much history is made, over which days, and from which seed: the same plan gives the same
/// events, byte by byte.
public struct HistoryPlan: Sendable, Hashable {
    public let seed: UInt64
    /// Events of all circles together; the last circle of a day may exceed its share.
    public let eventCount: Int
    public let dayCount: Int
    /// The first day, counted from 1970-01-01 UTC.
    public let firstDay: Int64

    /// What a day of a middling service brings: history that is as old as retention lets it become
    /// (400 days) holds a hundred million events.
    public static let eventCountPerDay = 250_000
    /// Shorter histories have no cohort that could return after a month.
    public static let dayCountMin = 28

    /// - Parameters:
    ///   - dayCount: `nil`: so many that a day has `eventCountPerDay` events, at least
    ///     `dayCountMin`.
    ///   - endDay: the day after the last, counted from 1970-01-01 UTC.
    public init(seed: UInt64, eventCount: Int, dayCount: Int? = nil, endDay: Int64) {
        self.seed = seed
        self.eventCount = max(eventCount, 0)
        self.dayCount = max(
            dayCount ?? max(Self.dayCountMin, eventCount / Self.eventCountPerDay), 1)
        firstDay = endDay - Int64(self.dayCount)
    }

    /// Its days counted from 1970-01-01 UTC, and the one that the last circles reach into.
    public var days: Range<Int64> { firstDay..<firstDay + Int64(dayCount) + 1 }

    /// The events that fall on each day: more at weekends, and a little more from week to week.
    public var dayShares: [Int] {
        let weights = (0..<dayCount).map { place in
            // 1970-01-01 was a Thursday.
            let weekday = Int((firstDay + Int64(place) + 3) % 7)
            let growth = 0.8 + 0.4 * Double(place) / Double(dayCount)
            return Self.weekdayWeights[weekday] * growth
        }
        let sum = weights.reduce(0, +)
        return weights.map { Int(Double(eventCount) * $0 / sum) }
    }

    /// From Monday on.
    private static let weekdayWeights = [0.85, 0.85, 0.9, 0.95, 1.15, 1.25, 1.05]

    /// The circles that go live on one of the plan's days, 0 for the first.
    public func circles(ofDay place: Int) -> DayOfCircles {
        DayOfCircles(plan: self, place: place, eventCount: dayShares[place])
    }

    /// About how many people there are to meet; a person is known by a number below it.
    var populationCount: Int { max(eventCount / dayCount / 5, 50) }

    /// Of them, how many ever host.
    var hostCount: Int { max(populationCount / 12, 8) }
}

/// The circles of one day, one after the other.
public struct DayOfCircles: Sequence, IteratorProtocol {
    private let plan: HistoryPlan
    private let place: Int
    private var remaining: Int
    private var random: SplitMix64

    init(plan: HistoryPlan, place: Int, eventCount: Int) {
        self.plan = plan
        self.place = place
        remaining = eventCount
        var seeds = SplitMix64(seed: plan.seed &+ UInt64(place) &* 0x9E37_79B9)
        random = SplitMix64(seed: seeds.next())
    }

    public mutating func next() -> CircleHistory? {
        guard remaining > 0 else { return nil }
        var story = CircleStory(plan: plan, place: place, seed: random.next())
        let circle = story.tell()
        remaining -= circle.events.count
        return circle
    }
}

/// All that one circle sent.
public struct CircleHistory: Sendable {
    /// In canonical order; each source's numbers are 1, 2, 3 ….
    public let events: [Event]
    /// In order of time.
    public let quality: [QualityBatch]
}
