import Domain
import Foundation
import SwiftProtobuf

/// Between `QualityBatch` and its bytes on the wire (`proto/circles/quality/v1/quality.proto`).
public enum QualityCodec {
    /// The version in the `schema_version` header.
    public static let schemaVersion = 1
    /// No counter of one session gets there; sums of such counters fit into 64 bits.
    static let counterMax: Int64 = 1 << 48

    /// - Parameter batch: at most `Limits.nodeMemberCountMax` members.
    public static func encode(_ batch: QualityBatch) -> [UInt8] {
        precondition(
            batch.members.count <= Limits.nodeMemberCountMax, "a reader would refuse the batch")
        var message = ProtoQualityBatch()
        message.batchID = Data(batch.batchID.bytes)
        message.circleID = Data(batch.circleID.bytes)
        message.source = batch.position.source
        message.sourceEpoch = UInt64(clamping: batch.position.epoch)
        message.sourceSeq = UInt64(clamping: batch.position.sequence)
        message.sampledAt = batch.sampledAt.microseconds
        message.intervalMs = UInt32(clamping: batch.intervalMilliseconds)
        message.members = batch.members.map(ProtoMemberQuality.init)
        do {
            return try message.serializedBytes()
        } catch {
            // proto3 without required fields or Any: SwiftProtobuf has nothing to throw.
            preconditionFailure("a proto3 message always serializes: \(error)")
        }
    }

    public static func decode(_ bytes: [UInt8]) throws(EventDecodingError) -> QualityBatch {
        let message: ProtoQualityBatch
        do {
            message = try ProtoQualityBatch(serializedBytes: bytes)
        } catch {
            throw .malformed
        }
        guard let batchID = BatchID(data: message.batchID) else {
            throw .invalid(field: "batch_id")
        }
        let circleID = try readCircle(message.circleID)
        guard message.members.count <= Limits.nodeMemberCountMax else {
            throw .invalid(field: "members")
        }
        var members: [MemberQuality] = []
        members.reserveCapacity(message.members.count)
        var sessions: Set<SessionID> = []
        for sample in message.members {
            let member = try readMember(sample.member)
            guard sessions.insert(member.sessionID).inserted else {
                throw .invalid(field: "members")
            }
            members.append(
                MemberQuality(
                    member: member,
                    uplink: sample.hasUplink ? try .init(sample.uplink) : nil,
                    downlink: sample.hasDownlink ? try .init(sample.downlink) : nil))
        }
        return QualityBatch(
            batchID: batchID, circleID: circleID,
            position: try readPosition(
                message.source, epoch: message.sourceEpoch, sequence: message.sourceSeq),
            sampledAt: try readTime(message.sampledAt, in: circleID, "sampled_at"),
            intervalMilliseconds: bounded(message.intervalMs), members: members)
    }
}

private func readCounter(_ value: UInt64, _ field: String) throws(EventDecodingError) -> Int64 {
    guard value <= UInt64(QualityCodec.counterMax) else { throw .invalid(field: field) }
    return Int64(value)
}

private func readLoss(_ value: Int64) throws(EventDecodingError) -> Int64 {
    guard (-QualityCodec.counterMax...QualityCodec.counterMax).contains(value) else {
        throw .invalid(field: "packets_lost")
    }
    return value
}

extension MemberQuality.Uplink {
    fileprivate init(_ uplink: ProtoUplink) throws(EventDecodingError) {
        self.init()
        packetsExpected = try readCounter(uplink.packetsExpected, "packets_expected")
        packetsReceived = try readCounter(uplink.packetsReceived, "packets_received")
        packetsLost = try readLoss(uplink.packetsLost)
        packetsDiscarded = try readCounter(uplink.packetsDiscarded, "packets_discarded")
        bytesReceived = try readCounter(uplink.bytesReceived, "bytes_received")
        jitterMicroseconds = Int64(bounded(uplink.jitterUs))
        roundTripTimeMicroseconds = Int64(bounded(uplink.roundTripTimeUs))
        nacksSent = try readCounter(uplink.nacksSent, "nacks_sent")
        retransmissionsReceived = try readCounter(
            uplink.retransmissionsReceived, "retransmissions_received")
    }
}

extension MemberQuality.Downlink {
    fileprivate init(_ downlink: ProtoDownlink) throws(EventDecodingError) {
        self.init()
        packetsSent = try readCounter(downlink.packetsSent, "packets_sent")
        bytesSent = try readCounter(downlink.bytesSent, "bytes_sent")
        packetsExpected = try readCounter(downlink.packetsExpected, "packets_expected")
        packetsLost = try readLoss(downlink.packetsLost)
        guard downlink.fractionLostQ8 <= 255 else { throw .invalid(field: "fraction_lost_q8") }
        fractionLostQ8 = Int64(downlink.fractionLostQ8)
        roundTripTimeMicroseconds = Int64(bounded(downlink.roundTripTimeUs))
        jitterMicroseconds = Int64(bounded(downlink.jitterUs))
        nacksReceived = try readCounter(downlink.nacksReceived, "nacks_received")
        retransmissionsSent = try readCounter(
            downlink.retransmissionsSent, "retransmissions_sent")
    }
}

extension ProtoMemberQuality {
    fileprivate init(_ sample: MemberQuality) {
        self.init()
        member = ProtoMember(sample.member)
        if let uplink = sample.uplink { self.uplink = ProtoUplink(uplink) }
        if let downlink = sample.downlink { self.downlink = ProtoDownlink(downlink) }
    }
}

extension ProtoUplink {
    fileprivate init(_ uplink: MemberQuality.Uplink) {
        self = .with {
            $0.packetsExpected = UInt64(clamping: uplink.packetsExpected)
            $0.packetsReceived = UInt64(clamping: uplink.packetsReceived)
            $0.packetsLost = uplink.packetsLost
            $0.packetsDiscarded = UInt64(clamping: uplink.packetsDiscarded)
            $0.bytesReceived = UInt64(clamping: uplink.bytesReceived)
            $0.jitterUs = UInt32(clamping: uplink.jitterMicroseconds)
            $0.roundTripTimeUs = UInt32(clamping: uplink.roundTripTimeMicroseconds)
            $0.nacksSent = UInt64(clamping: uplink.nacksSent)
            $0.retransmissionsReceived = UInt64(clamping: uplink.retransmissionsReceived)
        }
    }
}

extension ProtoDownlink {
    fileprivate init(_ downlink: MemberQuality.Downlink) {
        self = .with {
            $0.packetsSent = UInt64(clamping: downlink.packetsSent)
            $0.bytesSent = UInt64(clamping: downlink.bytesSent)
            $0.packetsExpected = UInt64(clamping: downlink.packetsExpected)
            $0.packetsLost = downlink.packetsLost
            $0.fractionLostQ8 = UInt32(clamping: downlink.fractionLostQ8)
            $0.roundTripTimeUs = UInt32(clamping: downlink.roundTripTimeMicroseconds)
            $0.jitterUs = UInt32(clamping: downlink.jitterMicroseconds)
            $0.nacksReceived = UInt64(clamping: downlink.nacksReceived)
            $0.retransmissionsSent = UInt64(clamping: downlink.retransmissionsSent)
        }
    }
}
