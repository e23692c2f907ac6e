import MediaCrypto

// Datagrams in: RFC 7983 tells what each is.

extension MediaEngine {
    /// Takes one datagram, which is decrypted in place. Whatever its bytes are, it does no more
    /// than be counted as rejected.
    public func receive(
        _ datagram: UnsafeMutableRawBufferPointer, from address: TransportAddress,
        now: MonotonicTime, into batch: PacketBatch
    ) {
        counters.pointee.datagramsReceived &+= 1
        let bytes = UnsafeRawBufferPointer(datagram)
        switch PacketKind(bytes) {
        case .rtp: receiveRTP(datagram, from: address, now: now, into: batch)
        case .rtcp: receiveRTCP(datagram, from: address, now: now, into: batch)
        case .stun: receiveSTUN(bytes, from: address, now: now, into: batch)
        case .dtls: receiveDTLS(bytes, from: address, now: now, into: batch)
        case .turnChannel, .zrtp, .unknown: counters.pointee.reject(.unknownKind)
        }
    }

    // MARK: ICE-lite (RFC 8445 §2.5)

    /// Answers a connectivity check. Whoever does not know the password costs one HMAC and gets
    /// no answer, so that nothing is reflected or kept for a stranger.
    private func receiveSTUN(
        _ bytes: UnsafeRawBufferPointer, from address: TransportAddress, now: MonotonicTime,
        into batch: PacketBatch
    ) {
        let message: STUNMessage
        do {
            message = try STUNMessage(parsing: bytes)
        } catch {
            counters.pointee.reject(.malformedSTUN)
            return
        }
        // Every check has a fingerprint (RFC 8445 §7.1.2); it costs less to look at than an HMAC.
        guard message.fingerprint == .valid else {
            counters.pointee.reject(.malformedSTUN)
            return
        }
        guard message.messageClass == .request, message.method == STUNMessage.bindingMethod else {
            counters.pointee.reject(.notARequest)
            return
        }
        guard let username = message.username, username.count > ICECredentials.ufragLength,
            bytes[username.lowerBound + ICECredentials.ufragLength] == UInt8(ascii: ":"),
            let key = ICECredentials.key(
                bytes[username.lowerBound..<username.lowerBound + ICECredentials.ufragLength]),
            let index = ufrags[key]
        else {
            counters.pointee.reject(.unknownUfrag)
            return
        }
        guard var password = password(of: index, ufrag: key, now: now) else {
            counters.pointee.reject(.unknownUfrag)
            return
        }
        let length: Int? = password.withUTF8 { password in
            let secret = UnsafeRawBufferPointer(password)
            guard message.hasValidIntegrity(in: bytes, key: secret) else { return nil }
            return answer(message, to: address, secret: secret, in: batch)
        }
        guard let length else {
            counters.pointee.reject(.stunIntegrity)
            return
        }
        batch.commit(length: length, to: address)
        guard message.unknownRequiredAttribute == nil else { return }
        counters.pointee.stunRequests &+= 1
        checkSucceeded(index, at: address, nominates: message.useCandidate, now: now)
    }

    private func password(of index: Int32, ufrag: UInt64, now: MonotonicTime) -> String? {
        let peer = peers + Int(index)
        if ICECredentials.key(peer.pointee.credentials.ufrag.utf8) == ufrag {
            return peer.pointee.credentials.password
        }
        guard let former = peer.pointee.formerCredentials, former.until > now else { return nil }
        return former.credentials.password
    }

    /// Writes the answer into the batch's next place: never longer than 20 + 12 + 24 + 8 bytes of
    /// a request that is longer, so nothing is amplified.
    private func answer(
        _ message: STUNMessage, to address: TransportAddress, secret: UnsafeRawBufferPointer,
        in batch: PacketBatch
    ) -> Int {
        let buffer = UnsafeMutableRawBufferPointer(
            start: batch.reserve(), count: PacketBatch.stride)
        if let attribute = message.unknownRequiredAttribute {
            var writer = STUNWriter(buffer, class: .error, transactionID: message.transactionID)
            writer.addErrorCode(420, reason: "Unknown Attribute")
            writer.addUnknownAttribute(attribute)
            return writer.finish(integrityKey: secret)
        }
        var writer = STUNWriter(buffer, class: .success, transactionID: message.transactionID)
        writer.addXORMappedAddress(address)
        return writer.finish(integrityKey: secret)
    }

    private func checkSucceeded(
        _ index: Int32, at address: TransportAddress, nominates: Bool, now: MonotonicTime
    ) {
        let peer = peers + Int(index)
        if addresses.peer(at: address) != index {
            guard addresses.insert(address, peer: index) else {
                counters.pointee.reject(.addressTableFull)
                return
            }
            if let former = peer.pointee.remember(address) {
                addresses.remove(former, peer: index)
            }
        }
        peer.pointee.lastHeardAt = now
        // Clients may send media before they nominate: the first pair that works is used until
        // a nomination says otherwise, and the latest nomination counts.
        if nominates || peer.pointee.phase == .connecting { peer.pointee.remoteAddress = address }
        if peer.pointee.phase == .connecting {
            peer.pointee.phase = .handshaking
            peer.pointee.connectedAfterMilliseconds.ice = milliseconds(index, now)
        }
    }

    func milliseconds(_ index: Int32, _ now: MonotonicTime) -> Int {
        Int(max(0, now.since(peers[Int(index)].configuration.signalledAt)) / 1_000_000)
    }

    // MARK: DTLS (RFC 5764)

    private func receiveDTLS(
        _ bytes: UnsafeRawBufferPointer, from address: TransportAddress, now: MonotonicTime,
        into batch: PacketBatch
    ) {
        let index = addresses.peer(at: address)
        guard index >= 0 else {
            counters.pointee.reject(.unknownAddress)
            return
        }
        let peer = peers + Int(index)
        if peer.pointee.dtls == nil {
            guard handshakeTokens > 0, let session = makeSession(for: index) else {
                counters.pointee.reject(.dtlsRateLimited)
                return
            }
            handshakeTokens -= 1
            peer.pointee.dtls = session
        }
        guard let dtls = peer.pointee.dtls else { return }
        dtls.receive(bytes)
        follow(dtls, of: index, now: now, into: batch)
    }

    private func makeSession(for index: Int32) -> DTLSSession? {
        // Fails only when OpenSSL has no memory; the client tries again.
        try? DTLSSession(
            role: .server, certificate: certificate,
            peerFingerprint: peers[Int(index)].configuration.remoteFingerprint)
    }

    /// Sends what a DTLS session has to say, and takes note of where it stands.
    func follow(
        _ dtls: DTLSSession, of index: Int32, now: MonotonicTime, into batch: PacketBatch
    ) {
        let peer = peers + Int(index)
        let address = peer.pointee.remoteAddress
        dtls.drain { batch.append($0, to: address) }
        switch dtls.state {
        case .handshaking: break
        case .connected:
            guard peer.pointee.srtp == nil else { break }
            guard let material = dtls.keyingMaterial else {
                end(peer: index, .handshakeFailed, now: now, into: batch)
                return
            }
            do {
                peer.pointee.agreeOnKeys(try SRTPContext.make(material))
            } catch {
                end(peer: index, .handshakeFailed, now: now, into: batch)
                return
            }
            connected(index, now: now)
        case .closed(let reason):
            end(peer: index, TransportEnd(reason), now: now, into: batch)
            return
        }
        peer.pointee.dtlsDeadline =
            dtls.timeoutMicroseconds.map { now.adding(microseconds: $0) } ?? .distantFuture
    }

    private func connected(_ index: Int32, now: MonotonicTime) {
        let peer = peers + Int(index)
        peer.pointee.phase = .connected
        peer.pointee.lastHeardAt = now
        peer.pointee.connectedAfterMilliseconds.dtls = milliseconds(index, now)
        counters.pointee.handshakesCompleted &+= 1
        events.append(
            .connected(
                transportID(index), circleID(of: index), eventMember(of: index),
                iceMilliseconds: peer.pointee.connectedAfterMilliseconds.ice,
                dtlsMilliseconds: peer.pointee.connectedAfterMilliseconds.dtls))
    }

    /// Tells once that media flows.
    @inline(__always)
    func noteFirstPacket(_ index: Int32, now: MonotonicTime) {
        let peer = peers + Int(index)
        guard !peer.pointee.hasFirstPacket else { return }
        peer.pointee.hasFirstPacket = true
        tellFirstPacket(index, now: now)
    }

    @inline(never)
    private func tellFirstPacket(_ index: Int32, now: MonotonicTime) {
        let times = peers[Int(index)].connectedAfterMilliseconds
        events.append(
            .firstPacket(
                transportID(index), circleID(of: index), eventMember(of: index),
                iceMilliseconds: times.ice, dtlsMilliseconds: times.dtls,
                firstPacketMilliseconds: max(1, milliseconds(index, now))))
    }
}

extension TransportEnd {
    fileprivate init(_ reason: DTLSCloseReason) {
        switch reason {
        case .closeNotify: self = .closedByPeer
        case .fingerprintMismatch: self = .fingerprintMismatch
        default: self = .handshakeFailed
        }
    }
}
