import MediaCrypto

// What happens because time passes.

extension MediaEngine {
    private static let tickMilliseconds: Int64 = 10
    private static let reportMilliseconds: Int64 = 1000

    /// When `advance` is to be called next.
    public var nextDeadline: MonotonicTime {
        activePeers.isEmpty ? .distantFuture : nextTickAt
    }

    /// Does what is due: handshake timers, reports, requests for missing packets, peers that have
    /// gone silent, who speaks.
    public func advance(now: MonotonicTime, into batch: PacketBatch) {
        refillTokens(now: now)
        guard now >= nextTickAt else { return }
        nextTickAt = now.adding(milliseconds: Self.tickMilliseconds)
        updateActivity(now: now)
        // From the end: a peer that ends moves those behind it, which have been looked at.
        for position in activePeers.indices.reversed() where position < activePeers.count {
            advance(activePeers[position], now: now, into: batch)
        }
    }

    private func refillTokens(now: MonotonicTime) {
        guard now >= nextTokensAt else { return }
        nextTokensAt = now.adding(milliseconds: 100)
        handshakeTokens = min(
            handshakeTokens + max(1, configuration.handshakesPerSecond / 10),
            configuration.handshakesPerSecond * 2)
    }

    private func advance(_ index: Int32, now: MonotonicTime, into batch: PacketBatch) {
        let peer = peers + Int(index)
        if peer.pointee.dtlsDeadline <= now, let dtls = peer.pointee.dtls {
            dtls.handleTimeout()
            follow(dtls, of: index, now: now, into: batch)
            guard generations[Int(index)] != 0 else { return }
        }
        guard peer.pointee.phase == .connected else {
            if now.since(peer.pointee.lastHeardAt)
                > configuration.connectMillisecondsMax * 1_000_000
            {
                end(peer: index, .silent, now: now, into: batch)
            }
            return
        }
        if now.since(peer.pointee.lastHeardAt) > configuration.silentMillisecondsMax * 1_000_000 {
            end(peer: index, .silent, now: now, into: batch)
            return
        }
        requestMissing(from: index, now: now, into: batch)
        if peer.pointee.nextReportAt <= now {
            // Spread out, so that the reports of many do not fall together (RFC 3550 §6.2).
            let spread = Int64(truncatingIfNeeded: secureRandomUInt64() % 400) - 200
            peer.pointee.nextReportAt = now.adding(milliseconds: Self.reportMilliseconds + spread)
            peer.pointee.retransmissionBudget = configuration.retransmissionsPerSecond
            report(to: index, now: now, into: batch)
        }
    }
}
