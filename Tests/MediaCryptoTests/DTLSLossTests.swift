import Testing

@testable import MediaCrypto

// Serialized: the timers are real, and each test's waiting should not starve another's.
@Suite("DTLS over a link that loses, closes or lies", .serialized)
struct DTLSLossTests {
    let clientCertificate: DTLSCertificate
    let serverCertificate: DTLSCertificate

    init() throws {
        clientCertificate = try DTLSCertificate()
        serverCertificate = try DTLSCertificate()
    }

    func link(maximumDatagramSize: Int = 1200) throws -> DTLSLink {
        try DTLSLink(
            clientCertificate: clientCertificate, serverCertificate: serverCertificate,
            maximumDatagramSize: maximumDatagramSize)
    }

    @Test("the loss of any one datagram is healed", arguments: [1200, 400])
    func singleLoss(limit: Int) throws {
        let whole = try link(maximumDatagramSize: limit)
        whole.client.start()
        whole.exchange()
        let count = whole.sent.count
        #expect(count >= 4)
        for lost in 0..<count {
            let link = try link(maximumDatagramSize: limit)
            link.handshake(losing: { $0 == lost })
            #expect(link.keysAgree, "datagram \(lost) of \(count)")
            #expect(link.sent.count > lost, "datagram \(lost) was never sent")
        }
    }

    @Test("the first timer is 50 ms, and each repetition doubles it")
    func timer() throws {
        let link = try link()
        #expect(link.client.timeoutMicroseconds == nil)
        link.client.start()
        var expected: Int64 = 50_000
        let first = try #require(link.client.timeoutMicroseconds)
        #expect(first <= expected)
        for _ in 0..<3 {
            #expect(!datagrams(of: link.client).isEmpty)
            link.waitForTimer()
            let before = ContinuousClock.now
            link.client.handleTimeout()
            let left = try #require(link.client.timeoutMicroseconds)
            let elapsed = (ContinuousClock.now - before) / .microseconds(1)
            expected *= 2
            // What is left and what has gone by make up the timer, however busy the machine is.
            #expect(left <= expected)
            #expect(Double(left) + elapsed >= Double(expected) - 1000)
        }
    }

    func datagrams(of session: DTLSSession) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        session.drain { datagrams.append(Array($0)) }
        return datagrams
    }

    @Test("reversed and doubled datagrams are put right")
    func reordered() throws {
        let link = try link(maximumDatagramSize: 300)
        var held: [UInt8]?
        link.client.start()
        link.exchange { number, bytes in
            // Every other datagram waits for the next one, which comes first, twice.
            if let waiting = held {
                held = nil
                return [bytes, bytes, waiting]
            }
            if number.isMultiple(of: 3), number > 0 {
                held = bytes
                return []
            }
            return [bytes]
        }
        if !link.isConnected { link.handshake(losing: { _ in false }) }
        #expect(link.keysAgree)
    }

    @Test("close is seen by the peer, and closed sessions stay silent")
    func closeNotify() throws {
        let link = try link()
        link.client.start()
        link.exchange()
        link.client.close()
        #expect(link.client.state == .closed(.closedLocally))
        link.exchange()
        #expect(link.server.state == .closed(.closeNotify))
        let count = link.sent.count
        link.server.close()
        link.client.close()
        link.server.handleTimeout()
        link.client.start()
        for datagram in link.sent { datagram.bytes.withUnsafeBytes { link.server.receive($0) } }
        link.exchange()
        #expect(link.sent.count == count)
        #expect(link.server.state == .closed(.closeNotify))
        #expect(link.server.timeoutMicroseconds == nil)
    }

    @Test("closing before the handshake ends it without a word")
    func closeEarly() throws {
        let link = try link()
        link.server.close()
        #expect(link.server.state == .closed(.closedLocally))
        link.client.start()
        link.exchange()
        #expect(link.client.state == .handshaking)
        #expect(link.sent.allSatisfy { $0.fromClient })
    }

    @Test("a connected session drops replayed, forged and foreign datagrams")
    func afterConnected() throws {
        let link = try link()
        link.client.start()
        link.exchange()
        let keys = link.server.keyingMaterial
        var generator = SeededGenerator(seed: 5)
        for datagram in link.sent {
            let target = datagram.fromClient ? link.server : link.client
            datagram.bytes.withUnsafeBytes { target.receive($0) }
            for _ in 0..<50 {
                var changed = datagram.bytes
                let position = Int.random(in: 0..<changed.count, using: &generator)
                changed[position] ^= UInt8.random(in: 1...255, using: &generator)
                changed.withUnsafeBytes { target.receive($0) }
            }
        }
        // A plaintext close_notify of epoch 0.
        hex("15 fefd 0000 000000000099 0002 01 00").withUnsafeBytes { link.server.receive($0) }
        #expect(link.server.state == .connected)
        #expect(link.client.state == .connected)
        #expect(link.server.keyingMaterial == keys)
        link.server.close()
        link.exchange()
        #expect(link.client.state == .closed(.closeNotify))
    }

    @Test("random bytes do not hinder a handshake", arguments: [21, 22, 23] as [UInt64])
    func garbage(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let link = try link()
        link.client.start()
        link.exchange { _, bytes in
            let noise = (0..<Int.random(in: 1..<1500, using: &generator)).map { _ in
                UInt8.random(in: 64...255, using: &generator)
            }
            return [noise, bytes, noise]
        }
        #expect(link.keysAgree, "seed \(seed)")
    }

    @Test(
        "mutated flights never crash and never give keys that differ",
        arguments: [31, 32, 33] as [UInt64])
    func mutations(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<120 {
            let link = try link(maximumDatagramSize: [300, 1200][round % 2])
            link.client.start()
            link.exchange { number, bytes in
                // A session that repeats itself forever would keep the exchange going.
                guard number < 200 else { return [] }
                guard Int.random(in: 0..<3, using: &generator) == 0 else { return [bytes] }
                var mutated = SRTPMutationTests.mutate(bytes, &generator)
                if Int.random(in: 0..<2, using: &generator) == 0, mutated.count > 13 {
                    // Keep the record header, so that the change reaches the handshake parser.
                    mutated.replaceSubrange(0..<13, with: bytes.prefix(13))
                }
                return Bool.random(using: &generator) ? [mutated] : [mutated, bytes]
            }
            if link.client.keyingMaterial != nil, link.server.keyingMaterial != nil {
                #expect(link.keysAgree, "seed \(seed), round \(round)")
            }
        }
    }
}
