import MediaCrypto

// The path of a speaker's packet to everyone who hears them: decrypted once, encrypted once per
// subscriber. Nothing here allocates, counts references, locks or looks at a clock.

extension MediaEngine {
    /// Takes an RTP packet from a microphone and sends it on.
    func receiveRTP(
        _ datagram: UnsafeMutableRawBufferPointer, from address: TransportAddress,
        now: MonotonicTime, into batch: PacketBatch
    ) {
        guard let (index, srtp) = keyedPeer(at: address), let start = datagram.baseAddress else {
            return
        }
        let bytes = start.assumingMemoryBound(to: UInt8.self)
        let header: RTPHeader
        do {
            header = try RTPHeader(parsing: UnsafeRawBufferPointer(datagram))
        } catch {
            counters.pointee.reject(.malformedRTP)
            return
        }
        let result = srtp.pointee.unprotector.unprotectRTP(
            bytes, headerLength: header.length, length: datagram.count)
        switch result {
        case .rejected(let reason):
            counters.pointee.reject(
                reason == .replayed || reason == .tooOld ? .srtpReplayed : .srtpAuthentication)
        case .ok(let length, let sequence):
            peers[Int(index)].lastHeardAt = now
            take(
                UnsafeRawBufferPointer(start: bytes, count: length), header, sequence: sequence,
                from: index, now: now, into: batch)
        }
    }

    /// The transport at an address, if its keys are agreed; otherwise what came is counted as
    /// rejected.
    @inline(__always)
    func keyedPeer(
        at address: TransportAddress
    ) -> (index: Int32, srtp: UnsafeMutablePointer<SRTPContext>)? {
        let index = addresses.peer(at: address)
        guard index >= 0 else {
            counters.pointee.reject(.unknownAddress)
            return nil
        }
        guard let srtp = peers[Int(index)].srtp else {
            counters.pointee.reject(.notConnected)
            return nil
        }
        return (index, srtp)
    }

    /// An authentic packet, decrypted.
    @inline(__always)
    private func take(
        _ packet: UnsafeRawBufferPointer, _ header: RTPHeader, sequence: UInt64, from index: Int32,
        now: MonotonicTime, into batch: PacketBatch
    ) {
        guard let uplink = peers[Int(index)].uplink else {
            counters.pointee.reject(.noMicrophone)
            return
        }
        let configuration = uplink.pointee.configuration
        let isRED =
            configuration.redPayloadType != 0
            && header.payloadType == configuration.redPayloadType
        guard header.payloadType == configuration.opusPayloadType || isRED else {
            counters.pointee.reject(.unknownPayloadType)
            return
        }
        guard let paddingLength = try? header.paddingLength(in: packet),
            packet.count - header.length - paddingLength > 0
        else {
            counters.pointee.reject(.malformedRTP)
            return
        }
        let payloadLength = packet.count - header.length - paddingLength
        guard payloadLength <= Self.payloadByteCountMax else {
            counters.pointee.reject(.oversized)
            return
        }
        noteFirstPacket(index, now: now)
        uplink.pointee.count(header, sequence: sequence, byteCount: payloadLength, now: now)
        guard uplink.pointee.isOpen else {
            uplink.pointee.packetsDiscarded &+= 1
            counters.pointee.packetsDiscarded &+= 1
            return
        }
        let level =
            header.audioLevel(id: configuration.audioLevelExtensionID, in: packet)?
            .decibelsBelowOverload ?? Self.assumedLevel(payloadByteCount: payloadLength)
        uplink.pointee.activity.hear(level, now: now)
        guard let start = packet.baseAddress else { return }
        let payload = (start + header.length).assumingMemoryBound(to: UInt8.self)
        uplink.pointee.history?.pointee.store(
            sequence: sequence, header: header, payload: payload, length: payloadLength, now: now)
        let source = SourcePacket(
            isMarked: header.marker, timestamp: header.timestamp, sequence: sequence, isRED: isRED,
            payload: payload, payloadLength: payloadLength)
        forward(source, from: uplink, now: now, into: batch)
    }

    /// What fits into a datagram of ours, with a header and SRTP's overhead.
    private static let payloadByteCountMax =
        PacketBatch.datagramByteCountMax - RTPHeader.fixedByteCount - SRTPProtector.overheadMax

    /// The level of a packet from a client that sends none (RFC 6464 was not agreed): Opus in
    /// silence needs few bytes, speech at any usable rate more.
    private static func assumedLevel(payloadByteCount: Int) -> UInt8 {
        payloadByteCount >= 30 ? 30 : SpeakerActivity.silence
    }

    /// What is sent on: the payload, and the numbers of its source.
    struct SourcePacket {
        let isMarked: Bool
        let timestamp: UInt32
        /// Rollover counter and sequence number of the source.
        let sequence: UInt64
        let isRED: Bool
        let payload: UnsafePointer<UInt8>
        let payloadLength: Int
    }

    /// Cost: per subscriber a copy of the payload, one encryption and some twenty stores.
    private func forward(
        _ source: SourcePacket, from uplink: UnsafeMutablePointer<Uplink>, now: MonotonicTime,
        into batch: PacketBatch
    ) {
        let targets = uplink.pointee.targets
        let targetCount = uplink.pointee.targetCount
        let generation = uplink.pointee.generation
        var forwardedCount: UInt64 = 0
        for position in 0..<targetCount {
            let target = targets[position]
            let peer = peers + Int(target.peer)
            guard let srtp = peer.pointee.srtp else { continue }
            let slot = peer.pointee.slots + Int(target.slot)
            if slot.pointee.sourceGeneration != generation {
                slot.pointee.rebase(
                    onto: generation, sequence: source.sequence,
                    timestamp: source.timestamp, now: now)
            }
            guard source.sequence >= slot.pointee.firstSourceSequence else { continue }
            let sequence = source.sequence &+ slot.pointee.sequenceOffset
            let timestamp = source.timestamp &+ slot.pointee.timestampOffset
            let isFirst = sequence == slot.pointee.firstSequence
            guard
                let payloadLength = send(
                    source, as: sequence, timestamp: timestamp,
                    isMarked: source.isMarked || isFirst, on: slot, with: srtp,
                    to: peer.pointee.remoteAddress, into: batch)
            else { continue }
            slot.pointee.packetsSent &+= 1
            slot.pointee.payloadBytesSent &+= UInt64(payloadLength)
            slot.pointee.sent(sequence, timestamp: timestamp, now: now)
            forwardedCount &+= 1
            noteFirstPacket(target.peer, now: now)
        }
        counters.pointee.packetsForwarded &+= forwardedCount
    }

    /// Writes, encrypts and queues one packet.
    ///
    /// - Returns: the payload's bytes; `nil` when it could not be made.
    @inline(__always)
    private func send(
        _ source: SourcePacket, as sequence: UInt64, timestamp: UInt32, isMarked: Bool,
        on slot: UnsafeMutablePointer<Downlink>, with srtp: UnsafeMutablePointer<SRTPContext>,
        to address: TransportAddress, into batch: PacketBatch
    ) -> Int? {
        var payload = source.payload
        var payloadLength = source.payloadLength
        var payloadType = slot.pointee.opusPayloadType
        if source.isRED {
            if slot.pointee.redPayloadType != 0 {
                payloadType = slot.pointee.redPayloadType
            } else {
                // Older frames are left out for who did not agree to RED.
                guard
                    let primary = try? REDPayload.primary(
                        in: UnsafeRawBufferPointer(start: payload, count: payloadLength))
                else { return nil }
                payload += primary.range.lowerBound
                payloadLength = primary.range.count
            }
        }
        let packet = batch.reserve()
        RTPHeader.write(
            into: packet, marker: isMarked, payloadType: payloadType,
            sequenceNumber: UInt16(truncatingIfNeeded: sequence), timestamp: timestamp,
            ssrc: slot.pointee.ssrc)
        (packet + RTPHeader.fixedByteCount).update(from: payload, count: payloadLength)
        let length = srtp.pointee.protector.protectRTP(
            packet, headerLength: RTPHeader.fixedByteCount,
            length: RTPHeader.fixedByteCount + payloadLength,
            rolloverCounter: UInt32(truncatingIfNeeded: sequence >> 16))
        guard length > 0 else { return nil }
        batch.commit(length: length, to: address)
        return payloadLength
    }

    /// Sends a packet again, byte for byte as it was.
    ///
    /// - Returns: whether it was still there and not too old.
    func resend(
        _ sequence: UInt64, on slot: UnsafeMutablePointer<Downlink>, to index: Int32,
        now: MonotonicTime, into batch: PacketBatch
    ) -> Bool {
        guard slot.pointee.source >= 0, sequence >= slot.pointee.firstSequence,
            sequence <= slot.pointee.lastSequence
        else { return false }
        let sourceSequence = sequence &- slot.pointee.sequenceOffset
        guard let uplink = peers[Int(slot.pointee.source)].uplink,
            uplink.pointee.isOpen, let history = uplink.pointee.history,
            let srtp = peers[Int(index)].srtp,
            uplink.pointee.generation == slot.pointee.sourceGeneration,
            let (entry, payload) = history.pointee.packet(sourceSequence),
            now.since(entry.receivedAt)
                <= configuration.retransmissionMillisecondsMax * 1_000_000
        else { return false }
        let microphone = uplink.pointee.configuration
        let source = SourcePacket(
            isMarked: entry.isMarked, timestamp: entry.timestamp, sequence: sourceSequence,
            isRED: entry.payloadType == microphone.redPayloadType, payload: payload,
            payloadLength: Int(entry.payloadLength))
        return send(
            source, as: sequence, timestamp: entry.timestamp &+ slot.pointee.timestampOffset,
            isMarked: entry.isMarked || sequence == slot.pointee.firstSequence, on: slot,
            with: srtp, to: peers[Int(index)].remoteAddress, into: batch) != nil
    }
}
