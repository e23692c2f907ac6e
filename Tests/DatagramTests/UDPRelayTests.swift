import Datagram
import Testing

@Suite("UDP relay")
struct UDPRelayTests {
    private func media(_ number: Int) -> [UInt8] {
        [0x80, 111, UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 7, count: 80)
    }

    private func relay(
        to server: DatagramSocket, up: ImpairedLink.Settings = .clean,
        down: ImpairedLink.Settings = .clean
    ) throws -> UDPRelay {
        try UDPRelay(
            upstream: .loopback(server.localPort), toUpstream: up, toClients: down, seed: 11)
    }

    private func send(_ datagrams: [[UInt8]], from socket: DatagramSocket, to port: UInt16) {
        let batch = DatagramBatch(capacity: datagrams.count)
        for datagram in datagrams {
            #expect(batch.append(datagram, to: .loopback(port)))
        }
        #expect(socket.send(batch).sent == datagrams.count)
    }

    @Test("Each client has its own port upstream, and gets its own answers")
    func answers() throws {
        let server = try DatagramSocket(host: "127.0.0.1")
        let relay = try relay(to: server)
        let clients = try (0..<3).map { _ in try DatagramSocket(host: "127.0.0.1") }
        let poller = try Poller()
        try poller.add(server, token: 0)
        let batch = DatagramBatch(capacity: 8)
        var ports: Set<UInt16> = []
        for (index, client) in clients.enumerated() {
            send([[0, UInt8(index)]], from: client, to: relay.port)
            #expect(poller.wait(nanoseconds: 5_000_000_000).count == 1)
            #expect(server.receive(into: batch) == 1)
            ports.insert(batch.address(at: 0).port)
            // The same bytes, back to where they came from.
            #expect(server.send(batch).sent == 1)
            #expect(try receive(1, from: client) == [[0, UInt8(index)]])
        }
        #expect(ports.count == 3)
        relay.stop()
        #expect(relay.counts.towardUpstream.otherDelivered == 3)
        #expect(relay.counts.towardClients.otherDelivered == 3)
        #expect(relay.counts.towardUpstream.mediaReceived == 0)
    }

    /// What a link of these settings does to the first `count` media datagrams.
    private func predicted(
        _ settings: ImpairedLink.Settings, seed: UInt64, count: Int
    ) -> ImpairedLink.Counts {
        var link = ImpairedLink(settings, seed: seed)
        for _ in 0..<count {
            _ = link.judge(.rtp)
        }
        return link.counts(of: .rtp)
    }

    private func check(_ counts: UDPRelay.DirectionCounts, against link: ImpairedLink.Counts) {
        #expect(counts.mediaReceived == link.received)
        #expect(counts.mediaDropped == link.dropped)
        #expect(counts.mediaDelivered == link.delivered)
        #expect(counts.mediaDuplicated == link.duplicated)
        #expect(counts.lostInRelay == 0)
    }

    @Test("Each direction loses, delays and doubles what its seed says, and counts it exactly")
    func impaired() throws {
        let up = ImpairedLink.Settings(
            lossProbability: 0.05, jitterMicrosecondsMax: 30_000, reorderProbability: 0.05,
            duplicateProbability: 0.02)
        let down = ImpairedLink.Settings(lossProbability: 0.5, delayMicroseconds: 1000)
        let predictedUp = predicted(up, seed: UDPRelay.seed(11, toUpstream: true), count: 2000)
        let predictedDown = predicted(down, seed: UDPRelay.seed(11, toUpstream: false), count: 500)
        let server = try DatagramSocket(host: "127.0.0.1")
        let client = try DatagramSocket(host: "127.0.0.1")
        let relay = try relay(to: server, up: up, down: down)

        send([[0, 1]], from: client, to: relay.port)
        let first = DatagramBatch(capacity: 1)
        let poller = try Poller()
        try poller.add(server, token: 0)
        #expect(poller.wait(nanoseconds: 5_000_000_000).count == 1)
        #expect(server.receive(into: first) == 1)

        let sent = (0..<2000).map(media)
        send(sent, from: client, to: relay.port)
        let total = predictedUp.delivered + predictedUp.duplicated
        let heard = try receive(total, from: server)
        #expect(heard.count == total)
        #expect(Set(heard).isSubset(of: sent))
        #expect(Set(heard).count == predictedUp.delivered)
        #expect(heard != heard.sorted { $0.lexicographicallyPrecedes($1) })

        send((0..<500).map(media), from: server, to: first.address(at: 0).port)
        let answers = try receive(predictedDown.delivered, from: client)
        #expect(answers == answers.sorted { $0.lexicographicallyPrecedes($1) })
        relay.stop()
        check(relay.counts.towardUpstream, against: predictedUp)
        check(relay.counts.towardClients, against: predictedDown)
    }

    @Test("Clients beyond the limit are refused, and strangers upstream are not heard")
    func limits() throws {
        let server = try DatagramSocket(host: "127.0.0.1")
        let relay = try relay(to: server)
        let clients = try (0..<UDPRelay.clientsMax + 2).map { _ in
            try DatagramSocket(host: "127.0.0.1", bufferBytes: 8192)
        }
        for client in clients {
            send([[0, 1]], from: client, to: relay.port)
        }
        #expect(try receive(UDPRelay.clientsMax, from: server).count == UDPRelay.clientsMax)
        send([[0, 2]], from: clients[0], to: relay.port)
        let last = DatagramBatch(capacity: 1)
        let poller = try Poller()
        try poller.add(server, token: 0)
        #expect(poller.wait(nanoseconds: 5_000_000_000).count == 1)
        #expect(server.receive(into: last) == 1)
        let stranger = try DatagramSocket(host: "127.0.0.1")
        let face = last.address(at: 0).port
        send([[0, 3]], from: stranger, to: face)
        send([[0, 4]], from: server, to: face)
        #expect(try receive(1, from: clients[0]) == [[0, 4]])
        relay.stop()
        #expect(relay.counts.refused == 2)
    }

    @Test("Stopping twice, and with datagrams still waiting, is quick")
    func stopping() throws {
        let server = try DatagramSocket(host: "127.0.0.1")
        let client = try DatagramSocket(host: "127.0.0.1")
        let relay = try relay(
            to: server, up: ImpairedLink.Settings(delayMicroseconds: 3_600_000_000))
        send([media(1), [0, 1]], from: client, to: relay.port)
        #expect(try receive(1, from: server) == [[0, 1]])
        let start = SystemClock.monotonicNanoseconds()
        relay.stop()
        relay.stop()
        #expect(SystemClock.monotonicNanoseconds() - start < 5_000_000_000)
        #expect(relay.counts.towardUpstream.mediaReceived == 1)
        #expect(relay.counts.towardUpstream.mediaDelivered == 0)
    }
}
