import Domain
import TestKit

/// Makes a random life of one circle, told by the API and by two SFU nodes that start anew now and
/// then: every source's events are in its own order, but not all of them make sense.
struct EventGenerator {
    private var random: SeededGenerator
    private let circleID: CircleID
    private var now: Timestamp
    private var sequences: [String: Int64] = [:]
    private var epochs = ["api": SourcePosition.apiEpoch, "sfu-1": 1, "sfu-2": 4]
    private(set) var events: [Event] = []

    private static let uids = ["host", "ada", "bob", "cyd", "dan", "eve"]

    /// The longest time from one event to the next.
    private let stepMicrosecondsMax: Int64

    /// What every uid begins with.
    private let prefix: String

    init(
        seed: UInt64, begin: Timestamp, stepMicrosecondsMax: Int64 = 2_000_000, prefix: String = ""
    ) {
        self.stepMicrosecondsMax = stepMicrosecondsMax
        self.prefix = prefix
        random = SeededGenerator(seed: seed)
        circleID = CircleID(now: begin, random: &random)
        now = begin
    }

    mutating func generate(eventCount: Int) -> [Event] {
        let details = CircleDetails(
            title: "Circle", category: "", privacy: .public, hostUID: prefix + "host",
            coHostUIDs: [],
            coverURL: "", startAt: now, durationMinutes: 60, maxSpeakers: 8, maxListeners: 100,
            micPolicy: .open)
        add("api", .circleCreated(details))
        add("api", .circleStarted(actorUID: prefix + "host"))
        var sessions: [Event.Member] = []
        for _ in 0..<eventCount {
            step(&sessions)
        }
        if Bool.random(using: &random) {
            add("api", .circleEnded(actorUID: prefix + "host", .host))
        }
        return events
    }

    private mutating func step(_ sessions: inout [Event.Member]) {
        if sessions.isEmpty || Int.random(in: 0..<4, using: &random) == 0 {
            let member = Event.Member(
                uid: prefix + Self.uids.randomElement(using: &random)!,  // never empty
                sessionID: SessionID(now: now, random: &random))
            sessions.append(member)
            let role = Role.allCases.randomElement(using: &random)!  // never empty
            add("api", .memberJoined(member, role))
            return
        }
        let member = sessions.randomElement(using: &random)!  // not empty, see above
        let node = Bool.random(using: &random) ? "sfu-1" : "sfu-2"
        switch Int.random(in: 0..<21, using: &random) {
        case 0: add("api", .memberLeft(member, .left))
        case 1: add(node, .memberLeft(member, .timeout))
        case 2: add("api", .memberPromoted(member, actorUID: prefix + "host", .speaker))
        case 3: add("api", .memberDemoted(member, actorUID: prefix + "host", .listener))
        case 4: add("api", .memberMuted(member, actorUID: prefix + "host"))
        case 5: add("api", .memberUnmuted(member, actorUID: prefix + "host"))
        case 6:
            add("api", .memberKicked(member, actorUID: prefix + "host", reason: ""))
            add("api", .memberLeft(member, .kicked))
        case 7, 8: add("api", .handRaised(member))
        case 9: add("api", .handLowered(member, .withdrawn))
        case 10, 11:
            add(
                node,
                .mediaConnected(
                    member, iceMilliseconds: Int.random(in: 1...50, using: &random),
                    dtlsMilliseconds: 50,
                    firstPacketMilliseconds: [0, 90].randomElement(using: &random)!))  // two
        case 12: add(node, .mediaDisconnected(member))
        case 13, 14: add(node, .speakingStarted(member))
        case 15:
            let listed = sessions.shuffled(using: &random)
                .prefix(Int.random(in: 0...sessions.count, using: &random))
            add(
                node,
                .nodeSnapshot(
                    listed.map {
                        .init(member: $0, isSpeaking: Bool.random(using: &random))
                    }))
        case 18:
            let role = [Role.speaker, .coHost, .host].randomElement(using: &random)!  // three
            add("api", .memberRoleChanged(member, actorUID: prefix + "host", role))
        case 19:
            add(
                "api",
                [
                    .stageInvited(member, actorUID: prefix + "host"), .stageInviteDeclined(member),
                    .unmuteRequested(member, actorUID: prefix + "host"),
                    .rsvpMade(uid: prefix + "fay"),
                    .rsvpWithdrawn(uid: prefix + "fay"),
                    .memberReported(uid: prefix + "ada", actorUID: prefix + "bob", .spam),
                ].randomElement(using: &random)!)  // six
        case 16 where Int.random(in: 0..<4, using: &random) == 0: epochs[node, default: 1] += 1
        default: add(node, .speakingStopped(member))
        }
    }

    private mutating func add(_ source: String, _ payload: Event.Payload) {
        // Two sources may see the same microsecond.
        now = now.adding(microseconds: Int64.random(in: 0...stepMicrosecondsMax, using: &random))
        if events.last(where: { $0.position.source == source })?.occurredAt == now {
            now = now.adding(microseconds: 1)
        }
        var epoch = epochs[source, default: 1]
        // A process that does not know yet that another has taken its name.
        if source != "api", Int.random(in: 0..<12, using: &random) == 0 { epoch -= 1 }
        let sequence = sequences["\(source)/\(epoch)", default: 0] + 1
        sequences["\(source)/\(epoch)"] = sequence
        events.append(
            Event(
                eventID: EventID(now: now, random: &random), circleID: circleID,
                position: SourcePosition(source: source, epoch: epoch, sequence: sequence),
                occurredAt: now, payload: payload))
    }

    /// The same events as a log may deliver them: sources interleaved anew, each in its own
    /// order, some twice.
    mutating func shuffled(_ events: [Event]) -> [Event] {
        var queues = Dictionary(grouping: events, by: \.position.source).mapValues { Array($0) }
        var delivered: [Event] = []
        while let source = queues.filter({ !$0.value.isEmpty }).keys.sorted()
            .randomElement(using: &random)
        {
            let event = queues[source]!.removeFirst()  // not empty, see the filter
            delivered.append(event)
            if Int.random(in: 0..<6, using: &random) == 0 {
                delivered.append(delivered.randomElement(using: &random)!)  // not empty
            }
        }
        return delivered
    }
}
