import Datagram
import MediaCrypto
import RTC

/// The state of a swarm and its thread's loop: sockets, peers and talk; owned by that thread.
final class SwarmLoop {
    private static let wakeToken: UInt32 = 0
    /// Peer *i* has token *i* + this.
    private static let firstPeerToken: UInt32 = 1
    private static let tickNanoseconds: Int64 = 10_000_000
    private static let frameNanoseconds = Int64(Recording.frameMilliseconds) * 1_000_000
    private static let frameSamples: UInt32 = 960
    private static let lateNanoseconds: Int64 = 10_000_000
    /// A talker further behind than this goes on from now.
    private static let behindNanosecondsMax: Int64 = 200_000_000
    private static let delayedMax = 16_384
    private static let connectMilliseconds: Int64 = 15_000

    private let settings: SwarmSettings
    private let certificate: DTLSCertificate
    private let recordings: [Recording]
    private let shared: MediaSwarm.Shared
    private let poller: Poller
    private let incoming = DatagramBatch(capacity: DatagramSocket.receiveMax)
    private let outlet = SwarmOutlet()
    private let outgoing: PacketBatch
    private let packet: UnsafeMutableRawBufferPointer
    /// What is late on its way from the server; destinations are peers.
    private let delayedDown: DelayedDatagrams?

    private var peers: [SwarmPeer] = []
    private var talks: [SwarmTalk] = []
    private var nextTickAt: Int64 = 0
    private var framesLate = 0
    private var lostOnArrival = 0

    init(
        settings: SwarmSettings, certificate: DTLSCertificate, recordings: [Recording],
        shared: MediaSwarm.Shared
    ) throws(DatagramError) {
        self.settings = settings
        self.certificate = certificate
        self.recordings = recordings
        self.shared = shared
        poller = try Poller()
        try poller.add(shared.wakeUp, token: Self.wakeToken)
        let outlet = outlet
        outgoing = PacketBatch(capacity: 64) { outlet.send($0) }
        packet = .allocate(byteCount: PacketBatch.stride, alignment: 16)
        let isJittery = settings.jitterMicrosecondsMax > 0
        delayedDown = isJittery ? DelayedDatagrams(capacity: Self.delayedMax) : nil
        outlet.delayed = isJittery ? DelayedDatagrams(capacity: Self.delayedMax) : nil
    }

    deinit {
        packet.deallocate()
    }

    // MARK: The thread

    @available(*, noasync)
    func run() {
        while !shared.isStopping.load(ordering: .acquiring) {
            let ready = poller.wait(nanoseconds: nextDeadline() - now().nanoseconds)
            for index in 0..<ready.count {
                if ready[index] == Self.wakeToken {
                    shared.wakeUp.drain()
                    runInbox(shared.takeInbox(isLast: false))
                } else {
                    receive(Int(ready[index] - Self.firstPeerToken))
                }
            }
            deliverDue()
            speak()
            tick()
        }
        // Nobody waits for ever for what came in last.
        runInbox(shared.takeInbox(isLast: true))
        for peer in peers { close(peer) }
    }

    private func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: SystemClock.monotonicNanoseconds())
    }

    private func nextDeadline() -> Int64 {
        var deadline = nextTickAt
        for talk in talks { deadline = min(deadline, talk.nextNanoseconds) }
        if let due = delayedDown?.nextDueNanoseconds { deadline = min(deadline, due) }
        if let due = outlet.delayed?.nextDueNanoseconds { deadline = min(deadline, due) }
        return deadline
    }

    private func runInbox(_ work: [MediaSwarm.Work]) {
        for item in work { item(self) }
    }

    /// Every 10 ms: what peers do because time passes.
    private func tick() {
        let now = now()
        guard now.nanoseconds >= nextTickAt else { return }
        nextTickAt = now.nanoseconds + Self.tickNanoseconds
        for peer in peers {
            if peer.client.nextDeadline <= now {
                sending(from: peer) { peer.client.advance(now: now, into: outgoing) }
            }
            peer.answerWaiter(now: now)
        }
    }

    // MARK: Datagrams

    private func receive(_ number: Int) {
        let peer = peers[number]
        peer.socket.receive(into: incoming)
        let now = now()
        sending(from: peer) {
            for index in 0..<incoming.count {
                arrive(incoming.datagram(at: index), at: peer, now: now)
            }
        }
    }

    /// What the peer's network makes of a datagram.
    private func arrive(
        _ datagram: UnsafeMutableRawBufferPointer, at peer: SwarmPeer, now: MonotonicTime
    ) {
        switch peer.downlink.judge(UnsafeRawBufferPointer(datagram)) {
        case .drop: break
        case .deliver(let after, _):
            guard after > 0, let delayedDown else {
                take(datagram, at: peer, now: now)
                break
            }
            let isQueued = delayedDown.add(
                UnsafeRawBufferPointer(datagram),
                dueNanoseconds: now.adding(microseconds: after).nanoseconds,
                destination: peer.number)
            if !isQueued { lostOnArrival += 1 }
        }
    }

    private func take(
        _ datagram: UnsafeMutableRawBufferPointer, at peer: SwarmPeer, now: MonotonicTime
    ) {
        guard let media = peer.client.receive(datagram, now: now, into: outgoing),
            let stamp = media.stamp
        else { return }
        peer.note(stamp, now: now)
    }

    private func deliverDue() {
        let now = now()
        if let delayedDown {
            while delayedDown.takeDue(
                nanoseconds: now.nanoseconds,
                { datagram, number in
                    let peer = peers[number]
                    // Decrypting changes the queue's memory, where nobody looks again.
                    let bytes = UnsafeMutableRawBufferPointer(mutating: datagram)
                    sending(from: peer) { take(bytes, at: peer, now: now) }
                })
            {}
        }
        outlet.sendDue(now: now, peers: peers)
    }

    /// Sends what `body` writes from the peer's socket.
    private func sending<Result>(from peer: SwarmPeer, _ body: () -> Result) -> Result {
        outlet.peer = peer
        defer { if outgoing.count > 0 { outlet.send(outgoing) } }
        return body()
    }

    // MARK: Talk

    private func speak() {
        for index in talks.indices {
            while talks[index].nextNanoseconds <= now().nanoseconds { say(&talks[index]) }
        }
    }

    /// Says a talker's next frame.
    private func say(_ talk: inout SwarmTalk) {
        let now = now()
        let late = now.nanoseconds - talk.nextNanoseconds
        if late > Self.lateNanoseconds { framesLate += 1 }
        if late > Self.behindNanosecondsMax { talk.nextNanoseconds = now.nanoseconds }
        defer {
            talk.nextNanoseconds += Self.frameNanoseconds
            talk.timestamp &+= Self.frameSamples
            talk.frame = (talk.frame + 1) % recordings[talk.recording].frameCount
        }
        guard let level = recordings[talk.recording].level(ofFrame: talk.frame) else {
            talk.isAfterSilence = true
            return
        }
        let stamp = PacketStamp(talker: talk.peer, sentMicroseconds: now.nanoseconds / 1000)
        let length = recordings[talk.recording].write(
            frame: talk.frame, stamp: stamp.number, into: packet)
        let peer = peers[talk.peer]
        let isSent = sending(from: peer) {
            peer.client.send(
                UnsafeRawBufferPointer(rebasing: packet[..<length]), timestamp: talk.timestamp,
                marker: talk.isAfterSilence, level: level, into: outgoing)
        }
        guard isSent else { return }
        talk.isAfterSilence = false
        peer.payloadBytesSent += length
    }

    // MARK: What the owner asks

    /// - Parameter tell: called once: whether it is connected.
    func connect(
        _ agreement: PeerOffer.Agreement, credentials: ICECredentials, socket: DatagramSocket,
        tell: @escaping (Result<Int, SwarmError>) -> Void
    ) {
        guard peers.count < MediaSwarm.peerCountMax else { return tell(.failure(.full)) }
        let number = peers.count
        do throws(DatagramError) {
            try poller.add(socket, token: Self.firstPeerToken + UInt32(number))
        } catch {
            return tell(.failure(.system(error)))
        }
        peers.append(
            SwarmPeer(
                number: number, socket: socket, remoteAddress: agreement.remote.address,
                client: MediaClient(
                    credentials: credentials, certificate: certificate, remote: agreement.remote,
                    microphone: agreement.microphone),
                uplink: settings.link(lossProbability: 0, peer: number, isUplink: true),
                downlink: settings.link(
                    lossProbability: settings.downlinkLossProbability, peer: number,
                    isUplink: false),
                connectUntil: now().adding(milliseconds: Self.connectMilliseconds),
                tell: { tell($0 ? .success(number) : .failure(.notConnected)) }))
        nextTickAt = 0
    }

    /// Lets a peer talk from the moment `phase`, 0..<1, of the next 20 ms.
    func talk(_ number: Int, voice: Int, phase: Double, hasUplinkLoss: Bool) {
        hush(number)
        guard peers.indices.contains(number) else { return }
        peers[number].isTalker = true
        peers[number].uplink = settings.link(
            lossProbability: hasUplinkLoss ? settings.uplinkLossProbability : 0, peer: number,
            isUplink: true)
        peers[number].lossEndsAt =
            hasUplinkLoss
            ? settings.uplinkLossSeconds.map { now().adding(milliseconds: Int64($0) * 1000) } : nil
        let recording = voice % recordings.count
        let frame = Self.frameNanoseconds
        let begin = (now().nanoseconds / frame + 1) * frame + Int64(phase * Double(frame))
        talks.append(
            SwarmTalk(
                peer: number, recording: recording,
                // Those that share a voice do not say the same.
                frame: number * 97 % recordings[recording].frameCount, nextNanoseconds: begin,
                timestamp: UInt32(truncatingIfNeeded: secureRandomUInt64())))
    }

    func hush(_ number: Int) {
        talks.removeAll { $0.peer == number }
    }

    func close(_ number: Int) {
        guard peers.indices.contains(number) else { return }
        close(peers[number])
    }

    private func close(_ peer: SwarmPeer) {
        hush(peer.number)
        guard peer.client.state != .closed else { return }
        sending(from: peer) { peer.client.close(into: outgoing) }
        peer.answerWaiter(now: now())
    }

    var statistics: SwarmStatistics {
        var statistics = SwarmStatistics()
        statistics.framesLate = framesLate
        statistics.datagramsLostInSwarm = lostOnArrival + outlet.lostCount
        for peer in peers {
            statistics.peers.append(peer.statistics)
            statistics.delays.merge(peer.delays)
        }
        return statistics
    }
}
