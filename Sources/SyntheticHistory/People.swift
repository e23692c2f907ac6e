import Domain

/// Who there is, and whom they know. A person is a number, and everything about them follows from
/// it, so that days can be made in any order.
struct People {
    let plan: HistoryPlan

    func uid(_ person: Int) -> String { "person-\(person)" }

    private func person(_ parts: UInt64...) -> Int {
        var mixed = plan.seed
        for part in parts { mixed = trait(mixed, part) }
        return Int(mixed % UInt64(plan.populationCount))
    }

    /// A host by rank: the first hosts the most circles.
    func host(_ rank: Int) -> Int { person(1, UInt64(rank)) }

    /// The hour, UTC, at which a host likes to begin.
    func favouriteHour(ofHost rank: Int) -> Int {
        17 + Int(trait(plan.seed, 2, UInt64(rank)) % 6)
    }

    /// How many follow a host.
    func followerCount(ofHost rank: Int) -> Int {
        20 + plan.populationCount / (rank + 4)
    }

    /// Somebody who follows a host: those that come first come back the most. A host's following
    /// grows over the plan's days, so that each day also brings new faces.
    func follower(ofHost rank: Int, onDay place: Int, random: inout SplitMix64) -> Int {
        let share = 0.3 + 0.7 * Double(place + 1) / Double(plan.dayCount)
        let known = max(Int(Double(followerCount(ofHost: rank)) * share), 5)
        return person(3, UInt64(rank), UInt64(random.rank(of: known)))
    }

    /// What a person's line loses, as a ratio, when nothing is the matter.
    func ordinaryLoss(of person: Int) -> Double {
        switch unitTrait(plan.seed, 4, UInt64(person)) {
        case ..<0.88: 0.001
        case ..<0.97: 0.01
        default: 0.05
        }
    }

    /// Milliseconds to the node and back.
    func roundTripTime(of person: Int) -> Double {
        18 + 180 * unitTrait(plan.seed, 5, UInt64(person)) * unitTrait(plan.seed, 6, UInt64(person))
    }

    /// What a node loses in an hour, on top: now and then one has a bad hour.
    func loss(ofNode node: Int, inHour hour: Int64) -> Double {
        trait(plan.seed, 7, UInt64(node), UInt64(hour)) % 700 == 0 ? 0.07 : 0
    }
}
