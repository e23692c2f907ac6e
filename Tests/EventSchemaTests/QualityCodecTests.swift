import Domain
import Foundation
import SwiftProtobuf
import Testing

@testable import EventSchema

@Suite("QualityCodec (quality.proto)")
struct QualityCodecTests {
    private static func sample(_ number: UInt64) -> MemberQuality {
        var uplink = MemberQuality.Uplink()
        uplink.packetsExpected = 250
        uplink.packetsReceived = 245
        uplink.packetsLost = 5
        uplink.packetsDiscarded = 3
        uplink.bytesReceived = 1 << 40
        uplink.jitterMicroseconds = 1200
        uplink.roundTripTimeMicroseconds = 31_000
        uplink.nacksSent = 4
        uplink.retransmissionsReceived = 2
        var downlink = MemberQuality.Downlink()
        downlink.packetsSent = 900
        downlink.bytesSent = 70_000
        downlink.packetsExpected = 880
        downlink.packetsLost = -17
        downlink.fractionLostQ8 = 255
        downlink.roundTripTimeMicroseconds = 30_000
        downlink.jitterMicroseconds = 800
        downlink.nacksReceived = 6
        downlink.retransmissionsSent = 5
        return MemberQuality(
            member: Event.Member(
                uid: "ada", sessionID: SessionID(high: 0x019A_AAAA_AAAA_7AAA, low: number)),
            uplink: uplink, downlink: downlink)
    }

    private static func batch(_ members: [MemberQuality]) -> QualityBatch {
        QualityBatch(
            batchID: BatchID(high: 0x0102_0304_0506_7708, low: 0x890A_0B0C_0D0E_0F10),
            circleID: SampleEvents.circleID(createdAt: 1_795_426_200_123_000),
            position: SourcePosition(source: "sfu-1", epoch: 3, sequence: 7),
            sampledAt: Timestamp(microseconds: 1_795_426_205_123_456),
            intervalMilliseconds: 5000, members: members)
    }

    private static var sound: QualityBatch {
        var onlyUp = sample(2)
        onlyUp.downlink = nil
        var onlyDown = sample(3)
        onlyDown.uplink = nil
        var neither = sample(4)
        neither.uplink = nil
        neither.downlink = nil
        return batch([sample(1), onlyUp, onlyDown, neither])
    }

    @Test("every counter survives the wire, and so does a direction that is not there")
    func roundTrips() throws {
        #expect(try QualityCodec.decode(QualityCodec.encode(Self.sound)) == Self.sound)
    }

    @Test("a batch may have no members, and up to 1000")
    func boundsMembers() throws {
        for count in [0, 1000] {
            let batch = Self.batch((0..<UInt64(count)).map(Self.sample))
            #expect(try QualityCodec.decode(QualityCodec.encode(batch)) == batch)
        }
        let bytes = try Self.changed { message in
            message.members = (0..<1001).map { number in
                .with {
                    $0.member = ProtoMember(
                        Event.Member(uid: "a", sessionID: SessionID(high: 1, low: number)))
                }
            }
        }
        #expect(throws: EventDecodingError.invalid(field: "members")) {
            try QualityCodec.decode(bytes)
        }
    }

    private static func changed(
        _ change: (inout ProtoQualityBatch) -> Void
    ) throws -> [UInt8] {
        var message = try ProtoQualityBatch(serializedBytes: QualityCodec.encode(sound))
        change(&message)
        return try message.serializedBytes()
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let field: String
        let apply: @Sendable (inout ProtoQualityBatch) -> Void

        init(
            _ name: String, _ field: String,
            _ apply: @escaping @Sendable (inout ProtoQualityBatch) -> Void
        ) {
            testDescription = name
            self.field = field
            self.apply = apply
        }
    }

    static let refused: [Change] = [
        .init("no batch id", "batch_id") { $0.batchID = Data() },
        .init("no circle id", "circle_id") { $0.circleID = Data() },
        .init("blank in source", "source") { $0.source = "a b" },
        .init("epoch of 64 bits", "source_epoch") { $0.sourceEpoch = .max },
        .init("seq 0", "source_seq") { $0.sourceSeq = 0 },
        .init("sampled at 0", "sampled_at") { $0.sampledAt = 0 },
        .init("sampled two years after its circle", "sampled_at") {
            $0.sampledAt += 2 * 366 * 86_400_000_000
        },
        .init("no member", "session_id") { $0.members[0].clearMember() },
        .init("empty uid", "uid") { $0.members[0].member.uid = "" },
        .init("a session twice", "members") { $0.members[1] = $0.members[0] },
        .init("expected past 2^48", "packets_expected") {
            $0.members[0].uplink.packetsExpected = 1 << 48 + 1
        },
        .init("received of 64 bits", "packets_received") {
            $0.members[0].uplink.packetsReceived = .max
        },
        .init("lost below −2^48", "packets_lost") { $0.members[0].uplink.packetsLost = .min },
        .init("lost past 2^48", "packets_lost") { $0.members[0].downlink.packetsLost = .max },
        .init("sent of 64 bits", "packets_sent") { $0.members[0].downlink.packetsSent = .max },
        .init("fraction of 256", "fraction_lost_q8") {
            $0.members[0].downlink.fractionLostQ8 = 256
        },
    ]

    @Test("an unsound field is named", arguments: refused)
    func refuses(change: Change) throws {
        let bytes = try Self.changed(change.apply)
        #expect(throws: EventDecodingError.invalid(field: change.field)) {
            try QualityCodec.decode(bytes)
        }
    }

    @Test("times of 32 bits are held to 31")
    func clampsTimes() throws {
        let bytes = try Self.changed { $0.members[0].uplink.jitterUs = .max }
        let read = try QualityCodec.decode(bytes)
        #expect(read.members[0].uplink?.jitterMicroseconds == Int64(Int32.max))
    }

    @Test(
        "a mutated batch is refused or read as one that round trips",
        arguments: [301, 302, 303] as [UInt64])
    func survivesMutation(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let sound = QualityCodec.encode(Self.sound)
        var readCount = 0
        for _ in 0..<5000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<max(bytes.count, 1), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case _ where bytes.isEmpty: break
                case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                case 2: bytes.remove(at: index)
                default: bytes.removeLast(bytes.count - index)
                }
            }
            guard let batch = try? QualityCodec.decode(bytes) else { continue }
            readCount += 1
            guard (try? QualityCodec.decode(QualityCodec.encode(batch))) == batch else {
                Issue.record("seed \(seed): \(bytes) reads as something that does not round trip")
                return
            }
        }
        #expect(readCount > 50 && readCount < 4500, "seed \(seed): \(readCount)")
    }
}
