import Domain

/// The events of a circle of ordinary size: some forty members, of whom a few raise a hand and
/// speak.
enum SyntheticCircle {
    static func events(
        begin: Timestamp, countMax: Int, random: inout some RandomNumberGenerator
    ) -> [Event] {
        let circleID = CircleID(now: begin, random: &random)
        var events: [Event] = []
        var now = begin
        func add(_ payload: Event.Payload) {
            now = now.adding(microseconds: 250_000)
            events.append(
                Event(
                    eventID: EventID(now: now, random: &random), circleID: circleID,
                    position: SourcePosition(
                        source: SourcePosition.apiSource, epoch: SourcePosition.apiEpoch,
                        sequence: Int64(events.count + 1)),
                    occurredAt: now, payload: payload))
        }
        add(
            .circleCreated(
                CircleDetails(
                    title: "Vinyl night", category: "music", privacy: .public, hostUID: "host",
                    coHostUIDs: [], coverURL: "", startAt: begin, durationMinutes: 60,
                    maxSpeakers: 8, maxListeners: 100, micPolicy: .handRaise)))
        add(.circleStarted(actorUID: "host"))
        let members = (0..<40).map { index in
            Event.Member(uid: "member-\(index)", sessionID: SessionID(now: now, random: &random))
        }
        for (index, member) in members.enumerated() {
            add(.memberJoined(member, .listener))
            if index.isMultiple(of: 4) { add(.handRaised(member)) }
            if index.isMultiple(of: 8) {
                add(.handLowered(member, .promoted))
                add(.memberPromoted(member, actorUID: "host", .speaker))
            }
        }
        for member in members { add(.memberLeft(member, .left)) }
        add(.circleEnded(actorUID: "host", .host))
        return Array(events.prefix(countMax))
    }
}
