import Domain

// What the media of each member session has counted.

extension MediaEngine {
    /// The cumulative counters of everyone in a circle who has media here, and once more of those
    /// whose media has ended since the last call.
    public func quality(of circleID: CircleID) -> [MemberQuality] {
        quality(of: circleID) { _ in true }
    }

    /// The same of some members only; the others' turn is still to come.
    func quality(
        of circleID: CircleID, _ isWanted: (MediaMember) -> Bool
    ) -> [MemberQuality] {
        guard let place = circles.firstIndex(where: { $0?.circleID == circleID }),
            let circle = circles[place]
        else { return [] }
        return circle.members.indices.compactMap { index in
            let member = circle.members[index]
            guard member.isPresent, member.hasMedia || member.isUnsampled,
                isWanted(member.member)
            else { return nil }
            circles[place]?.members[index].isUnsampled = false
            let uplink = uplinkTotals(of: Int32(index), in: circle)
            let downlink = downlinkTotals(of: Int32(index), in: circle)
            guard uplink != nil || downlink != nil else { return nil }
            return MemberQuality(
                member: member.member.eventMember, uplink: uplink, downlink: downlink)
        }
    }

    /// Adds a transport's counters to those of the member's former ones, before it goes.
    func keepTotals(of index: Int32) {
        let peer = peers + Int(index)
        let (circle, member) = (Int(peer.pointee.circle), Int(peer.pointee.member))
        guard circles[circle] != nil else { return }
        circles[circle]!.members[member].isUnsampled = true  // checked above
        if let uplink = uplinkTotals(of: index) {
            let sum = (circles[circle]!.members[member].formerUplink ?? .init()).adding(uplink)
            circles[circle]!.members[member].formerUplink = sum
        }
        if let downlink = downlinkTotals(of: index) {
            let sum = (circles[circle]!.members[member].formerDownlink ?? .init())
                .adding(downlink)
            circles[circle]!.members[member].formerDownlink = sum
        }
    }

    private func uplinkTotals(of member: Int32, in circle: CircleMedia) -> MemberQuality.Uplink? {
        var sum = circle.members[Int(member)].formerUplink
        for peer in circle.peers where peers[Int(peer)].member == member {
            if let uplink = uplinkTotals(of: peer) { sum = (sum ?? .init()).adding(uplink) }
        }
        return sum
    }

    private func downlinkTotals(
        of member: Int32, in circle: CircleMedia
    ) -> MemberQuality.Downlink? {
        var sum = circle.members[Int(member)].formerDownlink
        for peer in circle.peers where peers[Int(peer)].member == member {
            if let downlink = downlinkTotals(of: peer) { sum = (sum ?? .init()).adding(downlink) }
        }
        return sum
    }

    private func uplinkTotals(of index: Int32) -> MemberQuality.Uplink? {
        let peer = peers + Int(index)
        guard let uplink = peer.pointee.uplink, uplink.pointee.hasReceived else { return nil }
        var totals = MemberQuality.Uplink()
        totals.packetsExpected = uplink.pointee.packetsExpected
        totals.packetsReceived = uplink.pointee.packetsReceived
        totals.packetsLost = uplink.pointee.packetsLost
        totals.packetsDiscarded = Int64(clamping: uplink.pointee.packetsDiscarded)
        totals.bytesReceived = Int64(clamping: uplink.pointee.bytesReceived)
        totals.jitterMicroseconds = Self.microseconds(
            uplink.pointee.statistics.jitterTimestampUnits)
        totals.roundTripTimeMicroseconds = Int64(peer.pointee.roundTripTimeMicroseconds)
        totals.nacksSent = Int64(clamping: uplink.pointee.nacksSent)
        totals.retransmissionsReceived = Int64(clamping: uplink.pointee.retransmissionsReceived)
        return totals
    }

    private func downlinkTotals(of index: Int32) -> MemberQuality.Downlink? {
        let peer = peers + Int(index)
        var totals = MemberQuality.Downlink()
        for slot in 0..<peer.pointee.slotCount {
            let stream = peer.pointee.slots[slot]
            totals.packetsSent &+= Int64(clamping: stream.packetsSent)
            totals.bytesSent &+= Int64(clamping: stream.payloadBytesSent)
            totals.packetsExpected &+= stream.report.packetsExpected
            totals.packetsLost &+= stream.report.packetsLost
            totals.fractionLostQ8 = max(
                totals.fractionLostQ8, Int64(stream.report.fractionLost))
            totals.jitterMicroseconds = max(
                totals.jitterMicroseconds, Self.microseconds(stream.report.jitterTimestampUnits))
        }
        guard totals.packetsSent > 0 else { return nil }
        totals.roundTripTimeMicroseconds = Int64(peer.pointee.roundTripTimeMicroseconds)
        totals.nacksReceived = Int64(clamping: peer.pointee.nacksReceived)
        totals.retransmissionsSent = Int64(clamping: peer.pointee.retransmissionsSent)
        return totals
    }

    private static func microseconds(_ timestampUnits: UInt32) -> Int64 {
        Int64(timestampUnits) * 1_000_000 / Int64(RTPClock.rate)
    }
}

extension MemberQuality.Uplink {
    /// Counters add up; what is measured now is the later transport's.
    func adding(_ later: Self) -> Self {
        var sum = later
        sum.packetsExpected &+= packetsExpected
        sum.packetsReceived &+= packetsReceived
        sum.packetsLost &+= packetsLost
        sum.packetsDiscarded &+= packetsDiscarded
        sum.bytesReceived &+= bytesReceived
        sum.nacksSent &+= nacksSent
        sum.retransmissionsReceived &+= retransmissionsReceived
        return sum
    }
}

extension MemberQuality.Downlink {
    /// Counters add up; what is measured now is the later transport's.
    func adding(_ later: Self) -> Self {
        var sum = later
        sum.packetsSent &+= packetsSent
        sum.bytesSent &+= bytesSent
        sum.packetsExpected &+= packetsExpected
        sum.packetsLost &+= packetsLost
        sum.nacksReceived &+= nacksReceived
        sum.retransmissionsSent &+= retransmissionsSent
        return sum
    }
}
