/// The state and loop of a `UDPRelay`; owned by its thread once that runs.
final class RelayLoop {
    private static let wakeUpToken: UInt32 = 0
    private static let listenerToken: UInt32 = 1
    /// Client *i* has token *i* + this.
    private static let firstClientToken: UInt32 = 2
    private static let delayedMax = 8192

    private enum Direction {
        case toUpstream, toClient
    }

    private struct Client {
        let address: DatagramAddress
        /// Its face toward upstream.
        let socket: DatagramSocket
    }

    /// What waits in the queue, packed into its destination number.
    private struct Destination {
        var client: Int
        var direction: Direction
        var isMedia: Bool
        var isDuplicate: Bool

        var packed: Int {
            client << 3 | (direction == .toUpstream ? 4 : 0) | (isMedia ? 2 : 0)
                | (isDuplicate ? 1 : 0)
        }

        init(client: Int, direction: Direction, isMedia: Bool, isDuplicate: Bool) {
            self.client = client
            self.direction = direction
            self.isMedia = isMedia
            self.isDuplicate = isDuplicate
        }

        init(packed: Int) {
            client = packed >> 3
            direction = packed & 4 != 0 ? .toUpstream : .toClient
            isMedia = packed & 2 != 0
            isDuplicate = packed & 1 != 0
        }
    }

    private let host: String
    private let listener: DatagramSocket
    private let upstream: DatagramAddress
    private let shared: UDPRelay.Shared
    private let poller: Poller
    private let batch = DatagramBatch(capacity: DatagramSocket.receiveMax, stride: 2048)
    private let outgoing = DatagramBatch(capacity: 1, stride: 2048)
    private let delayed = DelayedDatagrams(capacity: delayedMax, slotBytes: 2048)
    private var toUpstream: ImpairedLink
    private var toClients: ImpairedLink
    private var clients: [Client] = []
    /// Changed here, published once per turn of the loop.
    private var counts = UDPRelay.Counts()

    init(
        host: String, socket: DatagramSocket, upstream: DatagramAddress,
        toUpstream: ImpairedLink, toClients: ImpairedLink, shared: UDPRelay.Shared
    ) throws(DatagramError) {
        self.host = host
        listener = socket
        self.upstream = upstream
        self.toUpstream = toUpstream
        self.toClients = toClients
        self.shared = shared
        poller = try Poller()
        try poller.add(shared.wakeUp, token: Self.wakeUpToken)
        try poller.add(listener, token: Self.listenerToken)
    }

    func run() {
        while !shared.isStopping.load(ordering: .acquiring) {
            let now = SystemClock.monotonicNanoseconds()
            let ready = poller.wait(nanoseconds: delayed.nextDueNanoseconds.map { $0 - now })
            for index in 0..<ready.count {
                receive(token: ready[index])
            }
            deliverDue()
            shared.counts.withLock { $0 = counts }
        }
    }

    private func receive(token: UInt32) {
        switch token {
        case Self.wakeUpToken:
            shared.wakeUp.drain()
        case Self.listenerToken:
            listener.receive(into: batch)
            for index in 0..<batch.count {
                guard let client = client(at: batch.address(at: index)) else {
                    counts.refused += 1
                    continue
                }
                relay(
                    UnsafeRawBufferPointer(batch.datagram(at: index)), client: client,
                    direction: .toUpstream)
            }
        default:
            let client = Int(token - Self.firstClientToken)
            clients[client].socket.receive(into: batch)
            for index in 0..<batch.count where batch.address(at: index) == upstream {
                relay(
                    UnsafeRawBufferPointer(batch.datagram(at: index)), client: client,
                    direction: .toClient)
            }
        }
    }

    /// The client with an address, made when there is room for it.
    private func client(at address: DatagramAddress) -> Int? {
        if let known = clients.firstIndex(where: { $0.address == address }) { return known }
        guard clients.count < UDPRelay.clientsMax else { return nil }
        do throws(DatagramError) {
            let socket = try DatagramSocket(host: host)
            let token = Self.firstClientToken + UInt32(clients.count)
            try poller.add(socket, token: token)
            clients.append(Client(address: address, socket: socket))
            return clients.count - 1
        } catch {
            // Out of descriptors or ports: the datagram is counted as refused, and the client's
            // next one tries again.
            return nil
        }
    }

    private func relay(
        _ datagram: UnsafeRawBufferPointer, client: Int, direction: Direction
    ) {
        let kind = DatagramKind(of: datagram)
        let isMedia = kind == .rtp
        if isMedia { count(direction) { $0.mediaReceived += 1 } }
        let verdict =
            switch direction {
            case .toUpstream: toUpstream.judge(kind)
            case .toClient: toClients.judge(kind)
            }
        var destination = Destination(
            client: client, direction: direction, isMedia: isMedia, isDuplicate: false)
        switch verdict {
        case .drop:
            if isMedia { count(direction) { $0.mediaDropped += 1 } }
        case .deliver(let after, let duplicateAfter):
            deliver(datagram, afterMicroseconds: after, destination)
            guard let duplicateAfter else { return }
            destination.isDuplicate = true
            deliver(datagram, afterMicroseconds: duplicateAfter, destination)
        }
    }

    private func deliver(
        _ datagram: UnsafeRawBufferPointer, afterMicroseconds delay: Int64,
        _ destination: Destination
    ) {
        guard delay > 0 else {
            send(datagram, destination)
            return
        }
        let isQueued = delayed.add(
            datagram, dueNanoseconds: SystemClock.monotonicNanoseconds() + delay * 1000,
            destination: destination.packed)
        if !isQueued { count(destination.direction) { $0.lostInRelay += 1 } }
    }

    private func deliverDue() {
        let now = SystemClock.monotonicNanoseconds()
        while delayed.takeDue(
            nanoseconds: now, { send($0, Destination(packed: $1)) })
        {}
    }

    private func send(_ datagram: UnsafeRawBufferPointer, _ destination: Destination) {
        let client = clients[destination.client]
        outgoing.removeAll()
        let sent: Int
        switch destination.direction {
        case .toUpstream:
            outgoing.append(datagram, to: upstream)
            sent = client.socket.send(outgoing).sent
        case .toClient:
            outgoing.append(datagram, to: client.address)
            sent = listener.send(outgoing).sent
        }
        count(destination.direction) { counts in
            switch (sent == 1, destination.isMedia, destination.isDuplicate) {
            case (false, _, _): counts.lostInRelay += 1
            case (true, true, false): counts.mediaDelivered += 1
            case (true, true, true): counts.mediaDuplicated += 1
            case (true, false, _): counts.otherDelivered += 1
            }
        }
    }

    private func count(
        _ direction: Direction, _ change: (inout UDPRelay.DirectionCounts) -> Void
    ) {
        switch direction {
        case .toUpstream: change(&counts.towardUpstream)
        case .toClient: change(&counts.towardClients)
        }
    }
}
