import Testing

@testable import RTC

@Suite("Connectivity checks of an ICE-lite server (RFC 8445, RFC 8489)")
struct ConnectivityTests {
    private let stranger = TransportAddress(ipv4: 0xC633_6401, port: 4000)

    private struct Tables: Equatable {
        let addressCount: Int
        let ufragCount: Int
        let peerCount: Int
        let eventCount: Int

        init(_ circle: VirtualCircle) {
            addressCount = circle.engine.addresses.count
            ufragCount = circle.engine.ufrags.count
            peerCount = circle.engine.peerCount
            eventCount = circle.events.count
        }
    }

    @Test("what is not authentic gets no answer and leaves no state")
    func strangers() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        let good = STUNCheck.of(client)
        let tables = Tables(circle)
        var cases: [(String, STUNCheck, EngineCounters.Rejection)] = []
        func add(
            _ name: String, _ rejection: EngineCounters.Rejection,
            _ change: (inout STUNCheck) -> Void
        ) {
            var check = good
            change(&check)
            cases.append((name, check, rejection))
        }
        add("wrong password", .stunIntegrity) { $0.password = "wrong" }
        add("no integrity", .stunIntegrity) { $0.password = nil }
        add("unknown ufrag", .unknownUfrag) { $0.username = "abcdefgh:peer" }
        add("short ufrag", .unknownUfrag) { $0.username = "ab:peer" }
        add("no username", .unknownUfrag) { $0.username = nil }
        add("no colon", .unknownUfrag) { $0.username = client.credentials.ufrag }
        add("response", .notARequest) { $0.type = 0x0101 }
        add("error response", .notARequest) { $0.type = 0x0111 }
        add("indication", .notARequest) { $0.type = 0x0011 }
        add("another method", .notARequest) { $0.type = 0x0003 }
        add("no fingerprint", .malformedSTUN) { $0.hasFingerprint = false }
        add("wrong fingerprint", .malformedSTUN) { $0.hasWrongFingerprint = true }
        for (name, check, rejection) in cases {
            let before = circle.engine.engineCounters.rejected[rejection, default: 0]
            #expect(circle.receive(check.bytes, from: stranger).isEmpty, "\(name)")
            #expect(
                circle.engine.engineCounters.rejected[rejection, default: 0] == before + 1,
                "\(name)")
        }
        #expect(Tables(circle) == tables)
        #expect(circle.strays.isEmpty)
    }

    @Test("an answer is not longer than its request")
    func amplification() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        let check = STUNCheck.of(client).bytes
        for address in [stranger, TransportAddress(high: 0x2001_0DB8 << 32, low: 1, port: 9)] {
            let answers = circle.receive(check, from: address)
            #expect(answers.count == 1)
            #expect(answers.allSatisfy { $0.count <= check.count })
        }
    }

    @Test("an attribute that has to be understood and is not gets error 420, and nothing moves")
    func unknownAttribute() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        let tables = Tables(circle)
        var check = STUNCheck.of(client)
        check.attributes = [(0x7FFF, [1, 2, 3, 4])]
        let request = check.bytes
        let answers = circle.receive(request, from: stranger)
        let answer = try #require(answers.first)
        let message = try answer.withUnsafeBytes { try STUNMessage(parsing: $0) }
        #expect(message.messageClass == .error)
        #expect(message.errorCode == 420)
        #expect(answer.count <= request.count)
        #expect(Tables(circle) == tables)
    }

    @Test("a nomination moves the stream to another address; a check alone does not")
    func nomination() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        speaker.level = 25
        circle.run(milliseconds: 500)
        let strayCount = { circle.strays.count { $0.address == stranger && $0.bytes[0] >= 128 } }
        var check = STUNCheck.of(listener)
        check.nominates = false
        #expect(circle.receive(check.bytes, from: stranger).count == 1)
        circle.run(milliseconds: 200)
        #expect(strayCount() == 0)
        check.nominates = true
        circle.receive(check.bytes, from: stranger)
        circle.run(milliseconds: 200)
        #expect(strayCount() >= 9)
        circle.move(listener, to: stranger)
        circle.run(milliseconds: 500)
        #expect(listener.heard.last?.at.since(circle.now) ?? .min >= -25_000_000)
    }

    @Test("after an ICE restart DTLS and SRTP go on from another address")
    func restart() throws {
        let circle = VirtualCircle()
        let speaker = try circle.connect("speaker")
        let listener = try circle.connect(
            "listener", isOnStage: false, offer: .init(hasMicrophone: false))
        speaker.level = 25
        circle.run(milliseconds: 500)
        let local = ICECredentials.random()
        try circle.engine.restartICE(
            speaker.transport, local: local, remoteUfrag: "else", now: circle.now)
        let restartedAt = circle.now
        let check = STUNCheck(username: local.ufrag + ":else", password: local.password)
        #expect(circle.receive(check.bytes, from: stranger).count == 1)
        circle.move(speaker, to: stranger)
        circle.run(milliseconds: 1000)
        #expect(speaker.media.state == .connected)
        #expect(listener.frames(of: speaker).count >= 73)
        // Old credentials for a moment only.
        let old = STUNCheck.of(speaker).bytes
        #expect(circle.receive(old, from: stranger).count == 1)
        circle.run(until: restartedAt.adding(milliseconds: 5001))
        #expect(circle.receive(old, from: stranger).isEmpty)
        #expect(circle.receive(check.bytes, from: stranger).count == 1)
        circle.run(milliseconds: 1000)
        speaker.level = nil
        circle.run(milliseconds: 50)
        #expect(listener.frames(of: speaker) == speaker.sentFrames)
        // Its fragment is not free for others, and all of them are after it ended.
        #expect(throws: EngineRefusal.invalidUfrag) {
            try circle.engine.restartICE(
                listener.transport, local: local, remoteUfrag: "x", now: circle.now)
        }
        circle.close()
        #expect(circle.engine.ufrags.isEmpty)
    }

    @Test("a peer has a few addresses only, however many it is seen at")
    func manyAddresses() throws {
        let circle = VirtualCircle()
        let client = try circle.connect("client")
        var check = STUNCheck.of(client)
        check.nominates = false
        for index in 0..<2000 {
            circle.receive(
                check.bytes, from: TransportAddress(ipv4: UInt32(0x0B00_0000 + index), port: 1))
        }
        #expect(circle.engine.addresses.count == 4)
        // Its nominated address is one of them.
        #expect(circle.engine.addresses.peer(at: client.address) == client.transport.index)
        circle.engine.remove(client.transport, now: circle.now, into: PacketBatch { $0.count = 0 })
        #expect(circle.engine.addresses.count == 0)
    }

    @Test("an address that changes hands twice leaves nothing behind")
    func sharedAddress() throws {
        let circle = VirtualCircle()
        let clients = try ["ann", "bob"].map { try circle.connect($0) }
        var checks = clients.map(STUNCheck.of)
        for index in checks.indices { checks[index].nominates = false }
        for turn in 0..<11 {
            circle.receive(checks[turn % 2].bytes, from: stranger)
            #expect(circle.engine.addresses.peer(at: stranger) == clients[turn % 2].transport.index)
        }
        circle.removeMember(clients[0])
        #expect(circle.engine.addresses.count == 1)
        circle.removeMember(clients[1])
        #expect(circle.engine.addresses.count == 0)
    }
}
