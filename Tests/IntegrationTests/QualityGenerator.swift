import Domain
import TestKit

/// Makes the quality batches of one circle on a node that starts anew now and then: counters that
/// rise, loss that sinks now and then, members that come and go.
struct QualityGenerator {
    private var random: SeededGenerator
    private let circleID: CircleID
    private var now: Timestamp
    private var epoch: Int64 = 1
    private var sequence: Int64 = 0
    private var members: [MemberQuality] = []

    init(seed: UInt64, begin: Timestamp) {
        random = SeededGenerator(seed: seed)
        circleID = CircleID(now: begin, random: &random)
        // Around a minute's end, and for some seeds around a day's.
        now = begin.adding(seconds: seed.isMultiple(of: 3) ? 6 * 3600 - 90 : 0)
    }

    mutating func generate(batchCount: Int) -> [QualityBatch] {
        (0..<batchCount).map { _ in next() }
    }

    private mutating func next() -> QualityBatch {
        if Int.random(in: 0..<25, using: &random) == 0 {
            epoch += 1
            sequence = 0
            for index in members.indices {
                members[index].uplink = members[index].uplink.map { _ in .init() }
                members[index].downlink = members[index].downlink.map { _ in .init() }
            }
        }
        if members.count < 2 || Int.random(in: 0..<8, using: &random) == 0 {
            let member = Event.Member(
                uid: "member-\(Int.random(in: 0..<5, using: &random))",
                sessionID: SessionID(now: now, random: &random))
            members.append(
                MemberQuality(
                    member: member, uplink: Bool.random(using: &random) ? .init() : nil,
                    downlink: .init()))
        } else if members.count > 6 {
            members.removeFirst()
        }
        members = members.map { advanced($0) }
        sequence += 1
        now = now.adding(microseconds: Int64.random(in: 4_000_000...12_000_000, using: &random))
        return QualityBatch(
            batchID: BatchID(now: now, random: &random), circleID: circleID,
            position: SourcePosition(source: "sfu-1", epoch: epoch, sequence: sequence),
            sampledAt: now, intervalMilliseconds: 5000, members: members)
    }

    private mutating func advanced(_ former: MemberQuality) -> MemberQuality {
        var member = former
        if var uplink = member.uplink {
            uplink.packetsExpected += Int64.random(in: 0...250, using: &random)
            uplink.packetsLost += Int64.random(in: -2...9, using: &random)
            uplink.packetsReceived = uplink.packetsExpected - uplink.packetsLost
            uplink.packetsDiscarded += Int64.random(in: 0...2, using: &random)
            uplink.jitterMicroseconds = Int64.random(in: 0...30_000, using: &random)
            uplink.roundTripTimeMicroseconds = Int64.random(in: 0...2, using: &random) * 9_001
            uplink.packetsReceived = max(uplink.packetsReceived, 0)
            member.uplink = uplink
        }
        if var downlink = member.downlink {
            downlink.packetsSent += Int64.random(in: 0...2000, using: &random)
            downlink.packetsExpected = downlink.packetsSent * 9 / 10
            downlink.packetsLost += Int64.random(in: -2...20, using: &random)
            downlink.jitterMicroseconds = Int64.random(in: 0...30_000, using: &random)
            downlink.roundTripTimeMicroseconds = Int64.random(in: 0...2, using: &random) * 8_009
            member.downlink = downlink
        }
        return member
    }
}
