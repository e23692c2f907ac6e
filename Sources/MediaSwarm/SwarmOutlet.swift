import Datagram
import RTC

/// The way from a swarm's peers to the server: each sends from its own socket, through its own
/// network. Owned by the swarm's thread.
final class SwarmOutlet {
    /// Whose datagrams a full batch holds.
    var peer: SwarmPeer?
    /// What is late on its way; destinations are peers. `nil` without jitter.
    var delayed: DelayedDatagrams?
    private(set) var lostCount = 0
    private let kept = DatagramBatch(capacity: 64, stride: PacketBatch.stride)

    /// Sends a batch of `peer`, less what its network takes, and empties it.
    func send(_ batch: PacketBatch) {
        defer { batch.count = 0 }
        guard let peer else { return }
        let now = SystemClock.monotonicNanoseconds()
        if let end = peer.lossEndsAt, now >= end.nanoseconds {
            peer.uplink.settings.lossProbability = 0
            peer.lossEndsAt = nil
        }
        kept.removeAll()
        for index in 0..<batch.count {
            let datagram = UnsafeRawBufferPointer(batch.datagram(at: index))
            let address = DatagramAddress(batch.addresses[index])
            switch peer.uplink.judge(datagram) {
            case .drop: break
            case .deliver(let after, _):
                guard after > 0, let delayed else {
                    kept.append(datagram, to: address)
                    break
                }
                let isQueued = delayed.add(
                    datagram, dueNanoseconds: now + after * 1000, destination: peer.number)
                if !isQueued { lostCount += 1 }
            }
        }
        send(from: peer)
    }

    /// Sends what was late and is due.
    func sendDue(now: MonotonicTime, peers: [SwarmPeer]) {
        guard let delayed else { return }
        while delayed.takeDue(
            nanoseconds: now.nanoseconds,
            { datagram, number in
                kept.removeAll()
                kept.append(datagram, to: peers[number].remoteAddress)
                send(from: peers[number])
            })
        {}
    }

    private func send(from peer: SwarmPeer) {
        guard kept.count > 0 else { return }
        let outcome = peer.socket.send(kept)
        lostCount += outcome.dropped + outcome.failed
    }
}

extension DatagramAddress {
    init(_ address: TransportAddress) {
        self.init(high: address.high, low: address.low, port: address.port)
    }
}
