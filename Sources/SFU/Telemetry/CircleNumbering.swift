import Domain

/// A node's numbering of what it says of one circle: gap-free, with times that never go back
/// whatever the machine's clock does.
struct CircleNumbering {
    let source: String
    let epoch: Int64
    private var eventSequence: Int64 = 0
    private var qualitySequence: Int64 = 0
    private var lastEventAt = Timestamp(microseconds: 0)

    init(source: String, epoch: Int64) {
        self.source = source
        self.epoch = epoch
    }

    /// - Parameter earliest: what it follows, such as the member's join.
    mutating func event(
        _ payload: Event.Payload, in circleID: CircleID, now: Timestamp,
        notBefore earliest: Timestamp
    ) -> Event {
        eventSequence += 1
        lastEventAt = max(
            now, lastEventAt.adding(microseconds: 1), earliest.adding(microseconds: 1))
        return Event(
            eventID: EventID(now: lastEventAt), circleID: circleID,
            position: SourcePosition(source: source, epoch: epoch, sequence: eventSequence),
            occurredAt: lastEventAt, payload: payload)
    }

    mutating func batch(
        _ members: [MemberQuality], in circleID: CircleID, now: Timestamp, intervalMilliseconds: Int
    ) -> QualityBatch {
        qualitySequence += 1
        return QualityBatch(
            batchID: BatchID(now: now), circleID: circleID,
            position: SourcePosition(source: source, epoch: epoch, sequence: qualitySequence),
            sampledAt: now, intervalMilliseconds: intervalMilliseconds, members: members)
    }
}
