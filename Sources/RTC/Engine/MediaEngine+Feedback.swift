import MediaCrypto

// RTCP, both ways: reports about what we send and receive, and requests to send again.

extension MediaEngine {
    func receiveRTCP(
        _ datagram: UnsafeMutableRawBufferPointer, from address: TransportAddress,
        now: MonotonicTime, into batch: PacketBatch
    ) {
        guard let (index, srtp) = keyedPeer(at: address), let start = datagram.baseAddress else {
            return
        }
        let result = srtp.pointee.unprotector.unprotectRTCP(
            start.assumingMemoryBound(to: UInt8.self), length: datagram.count)
        guard case .ok(let length, _) = result else {
            counters.pointee.reject(.srtpAuthentication)
            return
        }
        peers[Int(index)].lastHeardAt = now
        var reader = RTCPReader(UnsafeRawBufferPointer(start: start, count: length))
        do {
            while let packet = try reader.next() {
                take(packet, from: index, now: now, into: batch)
            }
        } catch {
            counters.pointee.reject(.malformedRTCP)
        }
    }

    private func take(
        _ packet: RTCPPacket, from index: Int32, now: MonotonicTime, into batch: PacketBatch
    ) {
        let peer = peers + Int(index)
        switch packet {
        case .senderReport(let report, let blocks):
            if let uplink = peer.pointee.uplink, uplink.pointee.ssrc == report.ssrc {
                uplink.pointee.lastSenderReport = report.compactNTPTime
                uplink.pointee.lastSenderReportAt = now
            }
            for block in blocks { take(block, from: index, now: now) }
        case .receiverReport(_, let blocks):
            for block in blocks { take(block, from: index, now: now) }
        case .genericNACK(let request):
            answer(request, from: index, now: now, into: batch)
        // Descriptions name what signalling has named; a goodbye is followed by silence or by
        // DTLS's close; congestion feedback is for senders that adapt, which we are not.
        case .sourceDescription, .goodbye, .transportFeedback, .payloadFeedback,
            .applicationDefined, .extendedReport, .unknown:
            break
        }
    }

    /// What a receiver says of one of our streams. Source: RFC 3550 §6.4.1.
    private func take(_ block: ReportBlock, from index: Int32, now: MonotonicTime) {
        let peer = peers + Int(index)
        for slot in 0..<peer.pointee.slotCount where peer.pointee.slots[slot].ssrc == block.ssrc {
            let last = peer.pointee.slots[slot].lastSequence
            let behind =
                UInt16(truncatingIfNeeded: last)
                &- UInt16(truncatingIfNeeded: block.extendedHighestSequence)
            // A number ahead of what was sent makes no sense.
            guard behind < 1 << 15, UInt64(behind) <= last else { return }
            let highest = last &- UInt64(behind)
            let unsent = peer.pointee.slots[slot].gaps.count(upTo: highest)
            let expected =
                Int64(highest) &- Int64(peer.pointee.slots[slot].report.baseSequence) &+ 1
                &- unsent
            guard expected >= peer.pointee.slots[slot].report.packetsExpected else { return }
            peer.pointee.slots[slot].report.packetsExpected = expected
            peer.pointee.slots[slot].report.packetsLost = Int64(block.packetsLost) &- unsent
            peer.pointee.slots[slot].report.fractionLost = block.fractionLost
            peer.pointee.slots[slot].report.jitterTimestampUnits = block.jitter
            let report = peer.pointee.slots[slot].report
            guard block.lastSenderReport != 0, block.lastSenderReport == report.lastSenderReport
            else { return }
            // Both in 1/65 536 s.
            let held = (Int64(block.delaySinceLastSenderReport) &* 1_000_000) >> 16
            let elapsed = now.since(report.lastSenderReportAt) / 1000
            peer.pointee.roundTripTimeMicroseconds = UInt32(clamping: max(1, elapsed - held))
            return
        }
    }

    /// Sends again what can still be played: not past the round trip at which it would come too
    /// late, and not without bound.
    private func answer(
        _ request: GenericNACK, from index: Int32, now: MonotonicTime, into batch: PacketBatch
    ) {
        let peer = peers + Int(index)
        guard
            let position = (0..<peer.pointee.slotCount).first(where: {
                peer.pointee.slots[$0].ssrc == request.mediaSSRC
            }), peer.pointee.slots[position].isNACKEnabled
        else { return }
        let slot = peer.pointee.slots + position
        let isTooFar =
            Int64(peer.pointee.roundTripTimeMicroseconds)
            > configuration.retransmissionMillisecondsMax * 1000 / 2
        request.forEachSequence { number in
            peer.pointee.nacksReceived &+= 1
            guard !isTooFar, peer.pointee.retransmissionBudget > 0 else { return }
            let behind = UInt16(truncatingIfNeeded: slot.pointee.lastSequence) &- number
            guard behind < UInt16(PacketHistory.packetCount) else { return }
            let sequence = slot.pointee.lastSequence &- UInt64(behind)
            if resend(sequence, on: slot, to: index, now: now, into: batch) {
                peer.pointee.retransmissionBudget -= 1
                peer.pointee.retransmissionsSent &+= 1
                counters.pointee.retransmissionsSent &+= 1
            }
        }
    }

    // MARK: What we report

    /// Sends a sender report for each stream in use, and a receiver report about the microphone.
    /// Source: RFC 3550 §6.4.
    func report(to index: Int32, now: MonotonicTime, into batch: PacketBatch) {
        let peer = peers + Int(index)
        guard peer.pointee.srtp != nil, peer.pointee.remoteAddress.port != 0 else { return }
        let ntpTime = self.ntpTime(now)
        let packet = batch.reserve()
        var writer = RTCPWriter(
            UnsafeMutableRawBufferPointer(
                start: packet,
                count: PacketBatch.datagramByteCountMax - SRTPProtector.overheadMax))
        var block = receptionBlock(of: index, now: now)
        for slot in 0..<peer.pointee.slotCount where peer.pointee.slots[slot].packetsSent > 0 {
            let stream = peer.pointee.slots[slot]
            let report = SenderReport(
                ssrc: stream.ssrc, ntpTime: ntpTime, rtpTimestamp: stream.timestamp(at: now),
                packetCount: UInt32(truncatingIfNeeded: stream.packetsSent),
                octetCount: UInt32(truncatingIfNeeded: stream.payloadBytesSent))
            withBlocks(&block) { writer.senderReport(report, blocks: $0) }
            peer.pointee.slots[slot].report.lastSenderReport = report.compactNTPTime
            peer.pointee.slots[slot].report.lastSenderReportAt = now
        }
        if writer.length == 0 {
            withBlocks(&block) { writer.receiverReport(ssrc: peer.pointee.rtcpSSRC, blocks: $0) }
        }
        var name: StaticString { "circles" }
        writer.cname(
            ssrc: peer.pointee.rtcpSSRC,
            UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        protectAndCommit(packet, length: writer.length, to: index, in: batch)
    }

    /// The block goes into the first report and is gone then.
    private func withBlocks(
        _ block: inout ReportBlock?, _ body: (UnsafeBufferPointer<ReportBlock>) -> Void
    ) {
        guard let it = block else {
            body(UnsafeBufferPointer(start: nil, count: 0))
            return
        }
        block = nil
        withUnsafePointer(to: it) { body(UnsafeBufferPointer(start: $0, count: 1)) }
    }

    private func receptionBlock(of index: Int32, now: MonotonicTime) -> ReportBlock? {
        guard let uplink = peers[Int(index)].uplink, uplink.pointee.hasReceived else { return nil }
        let lastReport = uplink.pointee.lastSenderReport
        let delay =
            lastReport == 0
            ? 0 : now.since(uplink.pointee.lastSenderReportAt) / 1000 &* 65_536 / 1_000_000
        return uplink.pointee.statistics.reportBlock(
            ssrc: uplink.pointee.ssrc, lastSenderReport: lastReport,
            delaySinceLastSenderReport: UInt32(clamping: delay))
    }

    /// Asks a microphone for what it skipped.
    func requestMissing(from index: Int32, now: MonotonicTime, into batch: PacketBatch) {
        let peer = peers + Int(index)
        guard let uplink = peer.pointee.uplink, uplink.pointee.missing.count > 0,
            peer.pointee.srtp != nil
        else { return }
        var numbers: InlineArray<16, UInt16> = InlineArray(repeating: 0)
        var count = 0
        uplink.pointee.missing.takeDue(now: now) { sequence in
            numbers[count] = UInt16(truncatingIfNeeded: sequence)
            count += 1
        }
        guard count > 0 else { return }
        uplink.pointee.nacksSent &+= UInt64(count)
        let packet = batch.reserve()
        var writer = RTCPWriter(
            UnsafeMutableRawBufferPointer(
                start: packet,
                count: PacketBatch.datagramByteCountMax - SRTPProtector.overheadMax))
        writer.receiverReport(ssrc: peer.pointee.rtcpSSRC)
        let mediaSSRC = uplink.pointee.ssrc
        withUnsafePointer(to: numbers) { pointer in
            pointer.withMemoryRebound(to: UInt16.self, capacity: 16) {
                writer.genericNACK(
                    senderSSRC: peer.pointee.rtcpSSRC, mediaSSRC: mediaSSRC,
                    UnsafeBufferPointer(start: $0, count: count))
            }
        }
        protectAndCommit(packet, length: writer.length, to: index, in: batch)
    }

    private func protectAndCommit(
        _ packet: UnsafeMutablePointer<UInt8>, length: Int, to index: Int32, in batch: PacketBatch
    ) {
        let peer = peers + Int(index)
        guard let srtp = peer.pointee.srtp else { return }
        let protectedLength = srtp.pointee.protector.protectRTCP(packet, length: length)
        guard protectedLength > 0 else { return }
        batch.commit(length: protectedLength, to: peer.pointee.remoteAddress)
    }

    /// Seconds since 1900 in the upper half, 1/2³² s in the lower. Source: RFC 3550 §4.
    private func ntpTime(_ now: MonotonicTime) -> UInt64 {
        let microseconds = now.nanoseconds / 1000 &+ wallClockOffsetMicroseconds
        let (seconds, rest) = max(0, microseconds).quotientAndRemainder(dividingBy: 1_000_000)
        return UInt64(seconds &+ 2_208_988_800) << 32 | (UInt64(rest) << 32) / 1_000_000
    }
}
