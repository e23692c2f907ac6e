import Testing

@testable import RTC

@Suite("Limits and ends of transports")
struct LifetimeTests {
    private func ends(_ circle: VirtualCircle, _ client: VirtualClient) -> [(TransportEnd, Bool)] {
        circle.events.compactMap {
            guard
                case .ended(client.transport, _, _, let reason, let wasConnected) = $0.event
            else { return nil }
            return (reason, wasConnected)
        }
    }

    @Test("handshakes beyond the rate do not begin, and later ones do")
    func handshakeRate() throws {
        var configuration = MediaEngine.Configuration()
        configuration.handshakesPerSecond = 10
        let circle = VirtualCircle(configuration: configuration)
        let clients = try (0..<40).map { try circle.join("client\($0)") }
        circle.run(milliseconds: 60)
        let begun = clients.count { circle.engine.peers[Int($0.transport.index)].dtls != nil }
        #expect((20...21).contains(begun))
        #expect(
            circle.engine.engineCounters.rejected[.dtlsRateLimited, default: 0]
                >= UInt64(clients.count - begun))
        // A client's repetition runs on OpenSSL's clock: a new client stands for it.
        circle.run(milliseconds: 1000)
        _ = try circle.connect("later")
    }

    @Test("a peer that falls silent ends after the limit, not before")
    func silence() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        let other = try circle.connect("other")
        circle.run(milliseconds: 3000)
        client.uplink.controlLoss = 1
        client.uplink.loss = 1
        circle.run(milliseconds: 9000)
        #expect(ends(circle, client).isEmpty)
        circle.run(milliseconds: 3100)
        #expect(ends(circle, client).map(\.0) == [.silent])
        #expect(ends(circle, client).first?.1 == true)
        circle.run(milliseconds: 20_000)
        #expect(ends(circle, other).isEmpty)
    }

    @Test("a peer that never connects ends after its limit")
    func neverConnected() throws {
        let circle = VirtualCircle()
        let client = try circle.join("client")
        client.uplink.controlLoss = 1
        circle.run(milliseconds: 19_900)
        #expect(ends(circle, client).isEmpty)
        circle.run(milliseconds: 200)
        #expect(ends(circle, client).map(\.0) == [.silent])
        #expect(ends(circle, client).first?.1 == false)
        #expect(circle.engine.nextDeadline == .distantFuture)
    }

    @Test("transports are bounded, and their places are used again")
    func full() throws {
        var configuration = MediaEngine.Configuration()
        configuration.peerCountMax = 2
        let circle = VirtualCircle(configuration: configuration)
        let first = try circle.join("first")
        _ = try circle.join("second")
        #expect(throws: EngineRefusal.full) { _ = try circle.join("third") }
        circle.removeMember(first)
        _ = try circle.connect("fourth")
    }

    @Test("an id is never used again: one of a transport that ended does nothing")
    func staleIDs() throws {
        let circle = VirtualCircle()
        let former = try circle.connect("former")
        circle.removeMember(former)
        let later = try circle.connect("later")
        #expect(later.transport.index == former.transport.index)
        #expect(later.transport != former.transport)
        circle.engine.remove(
            former.transport, now: circle.now, into: PacketBatch { $0.count = 0 })
        #expect(circle.engine.peerCount == 1)
        #expect(circle.engine.slotUIDs(of: former.transport) == nil)
        #expect(throws: EngineRefusal.unknownTransport) {
            try circle.engine.restartICE(
                former.transport, local: .random(), remoteUfrag: "x", now: circle.now)
        }
        circle.run(milliseconds: 100)
        #expect(later.media.state == .connected)
    }

    @Test("a certificate other than the one that was named never connects")
    func fingerprintMismatch() throws {
        let circle = VirtualCircle()
        let client = try circle.join(
            "client", fingerprint: VirtualCircle.serverCertificate.fingerprint)
        circle.run(milliseconds: 2000)
        #expect(ends(circle, client).map(\.0) == [.fingerprintMismatch])
        #expect(ends(circle, client).first?.1 == false)
        #expect(!circle.isConnected(client))
        #expect(client.media.state == .closed)
        #expect(circle.engine.peerCount == 0)
    }

    @Test("a client that says goodbye is gone at once")
    func goodbye() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        let batch = PacketBatch { $0.count = 0 }
        client.media.close(into: batch)
        for index in 0..<batch.count {
            circle.send(Array(batch.datagram(at: index)), from: client)
        }
        circle.run(milliseconds: 20)
        #expect(ends(circle, client).map(\.0) == [.closedByPeer])
    }

    @Test("two transports of a member, one each way, live side by side")
    func twoWays() throws {
        let circle = VirtualCircle()
        let speaking = try circle.connect("member", offer: .init(slotCount: 0))
        let hearing = try circle.connect(
            "member", offer: .init(hasMicrophone: false), replacing: speaking)
        let other = try circle.connect("other")
        speaking.level = 20
        other.level = 20
        circle.run(milliseconds: 300)
        #expect(other.heard(from: speaking).count > 10)
        #expect(hearing.heard(from: other).count > 10)
        #expect(hearing.heard(from: speaking).isEmpty)
        #expect(ends(circle, speaking).isEmpty)
        #expect(circle.engine.quality(of: circle.circleID).count == 2)
    }
}
