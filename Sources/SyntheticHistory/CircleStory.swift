import Domain

/// Makes up the life of one circle: who hosts it, who comes, how long they stay, who raises a hand,
/// who speaks and how well it is heard.
///
/// Times are microseconds since 1970-01-01 UTC; spans are seconds.
struct CircleStory {
    let people: People
    let place: Int
    var random: SplitMix64

    let hostRank: Int
    let circleID: CircleID
    var details: CircleDetails
    let createdAt: Int64
    let startedAt: Int64
    let endedAt: Int64
    /// 0 for the first node.
    let node: Int

    var api: [Told] = []
    var media: [Told] = []
    var visits: [Visit] = []
    /// Who spoke when, one after the other.
    var turns: [Turn] = []

    /// Something that a source says, before it has a number.
    struct Told {
        let at: Int64
        let payload: Event.Payload
    }

    /// One stay.
    struct Visit {
        let person: Int
        let member: Event.Member
        let joinedAt: Int64
        var leftAt: Int64
        /// `nil`: the circle's end sent them home.
        var leaveReason: LeaveReason?
        /// While the node has their media.
        var connectedAt: Int64?
        /// When they came onto the stage and when they left it.
        var stage: ClosedRange<Int64>?
    }

    struct Turn {
        let visit: Int
        let span: ClosedRange<Int64>
    }

    static let nodeCount = 4
    static let second: Int64 = 1_000_000
    static let audienceMax = 100
    private static let day: Int64 = 86_400 * second
    /// By hour, UTC: the evenings of Europe and of the Americas.
    private static let hourWeights: [Double] = [
        9, 8, 6, 4, 2, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 7, 9, 12, 15, 16, 14, 12, 10,
    ]

    init(plan: HistoryPlan, place: Int, seed: UInt64) {
        people = People(plan: plan)
        self.place = place
        var random = SplitMix64(seed: seed)
        hostRank = random.rank(of: plan.hostCount)
        let hour =
            random.chance(0.6)
            ? people.favouriteHour(ofHost: hostRank) : random.weighted(Self.hourWeights)
        let begin = (plan.firstDay + Int64(place)) * Self.day
        let scheduledAt =
            begin + Int64(hour) * 3600 * Self.second
            + Int64(random.weighted([6, 1, 3, 1])) * 900 * Self.second
        startedAt = scheduledAt + Self.span(random.exponential(mean: 60))
        let minutes = min(max(random.logNormal(median: 22, sigma: 0.7), 2), 170)
        endedAt = startedAt + Self.span(minutes * 60)
        // Made on the spot, or up to a week before.
        let ahead = random.chance(0.4) ? 60 : random.exponential(mean: 86_400)
        createdAt = scheduledAt - Self.span(min(ahead, 6 * 86_400) + 20)
        circleID = CircleID(now: Timestamp(microseconds: createdAt), random: &random)
        node = Int(circleID.low % UInt64(Self.nodeCount))
        details = Self.describe(
            hostUID: people.uid(people.host(hostRank)), startAt: scheduledAt, minutes: minutes,
            random: &random)
        self.random = random
    }

    static func span(_ seconds: Double) -> Int64 { Int64(seconds * Double(second)) }

    private static func describe(
        hostUID: String, startAt: Int64, minutes: Double, random: inout SplitMix64
    ) -> CircleDetails {
        let privacy: [Privacy] = [.public, .private, .secret]
        return CircleDetails(
            title: "\(random.pick(Self.adjectives)) \(random.pick(Self.nouns))",
            category: random.pick(Self.categories), privacy: privacy[random.weighted([85, 12, 3])],
            hostUID: hostUID, coHostUIDs: [], coverURL: "",
            startAt: Timestamp(microseconds: startAt), durationMinutes: max(Int(minutes), 15),
            maxSpeakers: 8, maxListeners: audienceMax,
            micPolicy: random.pick(MicPolicy.allCases))
    }

    private static let adjectives = [
        "Late night", "Morning", "Open", "Slow", "Loud", "Honest", "Weekly", "Unplugged", "Midweek",
    ]
    private static let nouns = [
        "mixes", "vinyl", "questions", "stories", "beats", "listening", "coffee", "debate",
        "session",
    ]
    private static let categories = ["music", "talk", "learning", "comedy", "wellness", "news"]

    /// Lives the circle once.
    mutating func tell() -> CircleHistory {
        api.append(Told(at: createdAt, payload: .circleCreated(details)))
        tellRSVPs()
        api.append(Told(at: startedAt, payload: .circleStarted(actorUID: details.hostUID)))
        tellVisits()
        tellStage()
        tellModeration()
        tellTalk()
        tellLeaves()
        tellSnapshots()
        let reasons: [EndReason] = [.host, .empty, .overrun, .hostLost]
        api.append(
            Told(
                at: endedAt,
                payload: .circleEnded(
                    actorUID: details.hostUID, reasons[random.weighted([85, 8, 5, 2])])))
        return CircleHistory(events: numberedEvents(), quality: measure())
    }

    // MARK: Numbers

    /// The source of media events; a node starts anew each Monday.
    var nodePosition: (source: String, epoch: Int64) {
        ("sfu-\(node + 1)", (people.plan.firstDay + Int64(place) + 3) / 7)
    }

    private mutating func numberedEvents() -> [Event] {
        let afterEnd = endedAt
        api.removeAll { $0.at > afterEnd }
        media.removeAll { $0.at > afterEnd }
        let node = nodePosition
        let events =
            numbered(api, source: SourcePosition.apiSource, epoch: SourcePosition.apiEpoch)
            + numbered(media, source: node.source, epoch: node.epoch)
        return events.sorted { $0.canonicalKey < $1.canonicalKey }
    }

    private mutating func numbered(_ told: [Told], source: String, epoch: Int64) -> [Event] {
        var latest: Int64 = .min
        // Sorting may change the order of what happens at one time, and so numbers and ids.
        return told.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .enumerated().map { index, entry in
                latest = max(entry.element.at, latest + 1)
                let at = Timestamp(microseconds: latest)
                return Event(
                    eventID: EventID(now: at, random: &random), circleID: circleID,
                    position: SourcePosition(
                        source: source, epoch: epoch, sequence: Int64(index + 1)),
                    occurredAt: at, payload: entry.element.payload)
            }
    }
}
