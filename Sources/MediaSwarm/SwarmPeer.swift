import Datagram
import RTC

/// One client of a swarm with a port of its own; owned by the swarm's thread.
final class SwarmPeer {
    /// Beyond a circle's stage.
    private static let talkersHeardMax = 64

    let number: Int
    let socket: DatagramSocket
    let remoteAddress: DatagramAddress
    let client: MediaClient
    var uplink: ImpairedLink
    /// When the uplink's loss ends; `nil` when it does not.
    var lossEndsAt: MonotonicTime?
    var downlink: ImpairedLink
    var isTalker = false
    var payloadBytesSent = 0
    private(set) var firstAudioAt: MonotonicTime?
    private(set) var delays = DelayHistogram()
    private var talkersHeard: [Int] = []
    /// Who waits for the connection, until when.
    private var waiter: (until: MonotonicTime, tell: (Bool) -> Void)?

    init(
        number: Int, socket: DatagramSocket, remoteAddress: TransportAddress,
        client: MediaClient, uplink: ImpairedLink, downlink: ImpairedLink,
        connectUntil: MonotonicTime,
        tell: @escaping (Bool) -> Void
    ) {
        self.number = number
        self.socket = socket
        self.remoteAddress = DatagramAddress(remoteAddress)
        self.client = client
        self.uplink = uplink
        self.downlink = downlink
        waiter = (connectUntil, tell)
    }

    /// Takes a packet's arrival down.
    func note(_ stamp: PacketStamp, now: MonotonicTime) {
        if firstAudioAt == nil { firstAudioAt = now }
        delays.record(microseconds: now.nanoseconds / 1000 - stamp.sentMicroseconds)
        if !talkersHeard.contains(stamp.talker), talkersHeard.count < Self.talkersHeardMax {
            talkersHeard.append(stamp.talker)
        }
    }

    /// Tells the one that waits, once it is connected, closed or late.
    func answerWaiter(now: MonotonicTime) {
        guard let waiter else { return }
        switch client.state {
        case .connected: break
        case .checking, .handshaking: guard waiter.until <= now else { return }
        case .closed: break
        }
        self.waiter = nil
        waiter.tell(client.state == .connected)
    }

    var statistics: SwarmStatistics.Peer {
        SwarmStatistics.Peer(
            number: number, state: client.state, isTalker: isTalker,
            connectedAt: client.connectedAt, firstAudioAt: firstAudioAt,
            packetsSent: Int(clamping: client.packetsSent), payloadBytesSent: payloadBytesSent,
            packetsReceived: Int(client.packetsReceived), packetsLost: Int(client.packetsLost),
            uplinkDropped: uplink.counts(of: .rtp).dropped,
            downlinkDropped: downlink.counts(of: .rtp).dropped,
            datagramsRejected: client.rejectedCount, talkersHeard: talkersHeard)
    }
}
