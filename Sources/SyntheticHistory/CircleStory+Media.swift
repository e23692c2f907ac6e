import Domain

extension CircleStory {
    private static let snapshotSeconds: Int64 = 60
    private static let sampleSeconds: Int64 = 60

    /// What the node says of everybody, once a minute.
    mutating func tellSnapshots() {
        var turn = 0
        var at = startedAt + Self.snapshotSeconds * Self.second
        while at < endedAt {
            while turn < turns.count, turns[turn].span.upperBound < at { turn += 1 }
            let speaking =
                turn < turns.count && turns[turn].span.contains(at) ? turns[turn].visit : nil
            // Of those who come and go in this moment the node may say either.
            let settled = turns.indices.contains(turn) && turns[turn].span.lowerBound == at
            let listed = visits.indices.filter { index in
                (visits[index].connectedAt ?? .max) < at && visits[index].leftAt > at
            }
            if !settled, !listed.isEmpty {
                media.append(
                    Told(
                        at: at,
                        payload: .nodeSnapshot(
                            listed.map {
                                .init(member: visits[$0].member, isSpeaking: $0 == speaking)
                            })))
            }
            at += Self.snapshotSeconds * Self.second
        }
    }

    /// The node's counters, once a minute while somebody has media.
    mutating func measure() -> [QualityBatch] {
        var counters = [Counters](repeating: Counters(), count: visits.count)
        var batches: [QualityBatch] = []
        let node = nodePosition
        var at = startedAt + Self.sampleSeconds * Self.second
        while at < endedAt + Self.sampleSeconds * Self.second {
            let time = min(at, endedAt)
            let begin = at - Self.sampleSeconds * Self.second
            let present = visits.indices.filter { index in
                (visits[index].connectedAt ?? .max) < time && visits[index].leftAt > begin
            }
            let nodeLoss = people.loss(ofNode: self.node, inHour: time / (3600 * Self.second))
            let members = present.map { index in
                counters[index].minute(
                    visits[index], from: begin, to: time, nodeLoss: nodeLoss, people: people,
                    random: &random)
            }
            if !members.isEmpty {
                batches.append(
                    QualityBatch(
                        batchID: BatchID(now: Timestamp(microseconds: time), random: &random),
                        circleID: circleID,
                        position: SourcePosition(
                            source: node.source, epoch: node.epoch,
                            sequence: Int64(batches.count + 1)),
                        sampledAt: Timestamp(microseconds: time),
                        intervalMilliseconds: Int(Self.sampleSeconds * 1000), members: members))
            }
            at += Self.sampleSeconds * Self.second
        }
        return batches
    }

    /// What a node has counted of one session.
    struct Counters {
        private var uplink = MemberQuality.Uplink()
        private var downlink = MemberQuality.Downlink()

        /// Opus: a packet each 20 ms, of about so many bytes.
        private static let packetsPerSecond = 50.0
        private static let packetBytes: Int64 = 80

        mutating func minute(
            _ visit: Visit, from: Int64, to: Int64, nodeLoss: Double, people: People,
            random: inout SplitMix64
        ) -> MemberQuality {
            let loss = min(
                people.ordinaryLoss(of: visit.person) * random.logNormal(median: 1, sigma: 0.5)
                    + nodeLoss + (random.chance(0.01) ? 0.05 + 0.15 * random.nextUnit() : 0), 0.6)
            let jitter = random.logNormal(median: 5 + 200 * loss, sigma: 0.4)
            let roundTrip =
                people.roundTripTime(of: visit.person) * random.logNormal(median: 1, sigma: 0.15)
            let begin = max(from, visit.connectedAt ?? from)
            let end = min(to, visit.leftAt)
            let seconds = Double(max(end - begin, 0)) / Double(CircleStory.second)
            let sent = Int64(seconds * Self.packetsPerSecond * 0.85)
            let lost = Int64(Double(sent) * loss)
            downlink.packetsSent += sent
            downlink.bytesSent += sent * Self.packetBytes
            downlink.packetsExpected += sent
            downlink.packetsLost += lost
            downlink.fractionLostQ8 = Int64(loss * 256)
            downlink.roundTripTimeMicroseconds = Int64(roundTrip * 1000)
            downlink.jitterMicroseconds = Int64(jitter * 1000)
            downlink.nacksReceived += lost / 2
            downlink.retransmissionsSent += lost / 2
            guard let stage = visit.stage, stage.overlaps(from...to) else {
                return MemberQuality(
                    member: visit.member, uplink: uplink.packetsExpected > 0 ? uplink : nil,
                    downlink: downlink)
            }
            let onStage = Double(min(stage.upperBound, to) - max(stage.lowerBound, begin))
            let expected = Int64(max(onStage, 0) / Double(CircleStory.second) * 20)
            let missing = Int64(Double(expected) * loss * 0.8)
            uplink.packetsExpected += expected
            uplink.packetsReceived += expected - missing
            uplink.packetsLost += missing
            uplink.bytesReceived += (expected - missing) * Self.packetBytes
            uplink.jitterMicroseconds = Int64(jitter * 800)
            uplink.roundTripTimeMicroseconds = Int64(roundTrip * 1000)
            uplink.nacksSent += missing / 2
            uplink.retransmissionsReceived += missing / 3
            return MemberQuality(member: visit.member, uplink: uplink, downlink: downlink)
        }
    }
}
