import Domain

@testable import Ingest

/// A circle's fold and the script of events that made it; times are seconds from its start.
struct FoldedCircle {
    static let start = Timestamp(seconds: 1_795_426_200)

    private(set) var fold = CircleFold(
        circleID: CircleID(high: 0x019A_0000_0000_7000, low: 0x8000_0000_0000_0001))
    private(set) var events: [Event] = []

    var summary: CircleFold.Summary { fold.summary }

    mutating func at(_ seconds: Int64, _ payload: Event.Payload) {
        at(Self.time(seconds), payload)
    }

    /// - Parameter node: the SFU node that says so, and its epoch.
    mutating func at(
        _ seconds: Int64, _ node: (source: String, epoch: Int64), _ payload: Event.Payload
    ) {
        at(Self.time(seconds), payload, node: node)
    }

    mutating func at(
        _ time: Timestamp, _ payload: Event.Payload,
        node: (source: String, epoch: Int64) = (SourcePosition.apiSource, SourcePosition.apiEpoch)
    ) {
        let number = Int64(events.count) + 1
        let event = Event(
            eventID: EventID(high: 0x7000, low: UInt64(number)), circleID: fold.circleID,
            position: SourcePosition(source: node.source, epoch: node.epoch, sequence: number),
            occurredAt: time, payload: payload)
        events.append(event)
        fold.apply(event)
    }

    func attendance(_ member: Event.Member) -> Attendance? {
        fold.attendances[member.sessionID]
    }

    /// What changed since the last call, by session.
    mutating func takeChanges() -> Set<SessionID> {
        Set(fold.takeChanges().map(\.sessionID))
    }

    static func time(_ seconds: Int64) -> Timestamp { start.adding(seconds: seconds) }

    /// A member's session; `uid` has at most 7 ASCII characters.
    static func member(_ uid: String, session: UInt64 = 1) -> Event.Member {
        let low = uid.utf8.reduce(0) { $0 << 8 | UInt64($1) }
        return Event.Member(uid: uid, sessionID: SessionID(high: session, low: low))
    }

    static let details = CircleDetails(
        title: "Title", category: "music", privacy: .public, hostUID: "host", coHostUIDs: [],
        coverURL: "", startAt: start, durationMinutes: 60, maxSpeakers: 8, maxListeners: 100,
        micPolicy: .open)
}
