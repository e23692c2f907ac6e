import Domain
import Foundation
import RTC
import Testing

@testable import MediaSwarm

@Suite("A swarm against a media engine, over the loopback", .serialized)
struct MediaSwarmTests {
    /// A swarm and a server; peers are known by their numbers.
    private struct Pair: Sendable {
        let swarm: MediaSwarm
        let server: EngineServer
        let sessions: [SessionID]

        func stop() {
            swarm.stop()
            server.stop()
        }

        /// Looks at the swarm until `condition` holds; gives up after a while, and the
        /// expectations that follow say why.
        func statistics(
            when condition: (SwarmStatistics) -> Bool
        ) async throws -> SwarmStatistics {
            let began = ContinuousClock.now
            while true {
                let statistics = try await swarm.statistics()
                if condition(statistics) || began.duration(to: .now) > .seconds(20) {
                    return statistics
                }
                try await Task.sleep(for: .milliseconds(10))  // packets have no other signal
            }
        }

        func quality() async -> [SessionID: MemberQuality] {
            let circleID = server.circleID
            return await server.perform { engine, _, _ in
                Dictionary(
                    uniqueKeysWithValues: engine.quality(of: circleID).map {
                        ($0.member.sessionID, $0)
                    })
            }
        }
    }

    private static func make(_ settings: SwarmSettings) async throws -> MediaSwarm {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try MediaSwarm(settings) })
            }
        }
    }

    /// Peers 0..<speakers on stage, the rest in the audience, all connected.
    private func connect(
        speakers: Int, listeners: Int, _ settings: SwarmSettings
    ) async throws -> Pair {
        let swarm = try await Self.make(settings)
        let server = try EngineServer()
        var sessions: [SessionID] = []
        for index in 0..<(speakers + listeners) {
            let session = SessionID(now: Timestamp(microseconds: Int64(index)))
            await server.admit(session, isOnStage: index < speakers)
            let offer = swarm.makeOffer()
            let answer = try await server.answer(offer.sdp, for: session)
            #expect(try await swarm.connect(offer, answer: answer) == index)
            sessions.append(session)
        }
        return Pair(swarm: swarm, server: server, sessions: sessions)
    }

    private static func settings(
        uplinkLoss: Double = 0, downlinkLoss: Double = 0, jitter: Int64 = 0, pauses: Bool = false,
        payloadBytesMin: Int = 0
    ) -> SwarmSettings {
        SwarmSettings(
            seed: 7, uplinkLossProbability: uplinkLoss, downlinkLossProbability: downlinkLoss,
            jitterMicrosecondsMax: jitter, hasPauses: pauses, payloadBytesMin: payloadBytesMin,
            voiceCount: 2, recordingSeconds: 2, encoderComplexity: 1)
    }

    @Test("every peer hears every other speaker, and a clean network loses nothing")
    func clean() async throws {
        let pair = try await connect(speakers: 3, listeners: 4, Self.settings())
        defer { pair.stop() }
        for peer in 0..<3 {
            try await pair.swarm.talk(peer, voice: peer, phase: Double(peer) / 3)
        }
        let statistics = try await pair.statistics { statistics in
            statistics.peers[3...].allSatisfy { $0.packetsReceived >= 150 }
        }
        for peer in statistics.peers {
            #expect(peer.state == .connected)
            #expect(peer.talkersHeard.sorted() == (0..<3).filter { $0 != peer.number })
            #expect(peer.packetsLost == 0)
            #expect(peer.firstAudioAt != nil)
            #expect(peer.isTalker == (peer.number < 3))
            #expect((peer.packetsSent > 0) == peer.isTalker)
        }
        #expect(statistics.datagramsLostInSwarm == 0)
        #expect(statistics.delays.count == statistics.peers.reduce(0) { $0 + $1.packetsReceived })
        #expect(statistics.delays.percentile(50) > 0)
    }

    @Test("a listener who connected before their promotion is heard without reconnecting")
    func promotion() async throws {
        let pair = try await connect(speakers: 0, listeners: 3, Self.settings())
        defer { pair.stop() }
        try await pair.swarm.talk(1, voice: 0, phase: 0)
        let before = try await pair.statistics { $0.peers[1].packetsSent >= 20 }
        #expect(before.peers[0].packetsReceived == 0)

        await pair.server.admit(pair.sessions[1], isOnStage: true)
        let after = try await pair.statistics { $0.peers[0].packetsReceived >= 20 }
        #expect(after.peers[0].talkersHeard == [1])
        #expect(after.peers[2].talkersHeard == [1])
    }

    @Test("what is lost on purpose is what server and listeners miss, of the lossy speaker alone")
    func loss() async throws {
        let pair = try await connect(
            speakers: 2, listeners: 2,
            Self.settings(uplinkLoss: 0.2, downlinkLoss: 0.1, jitter: 10_000))
        defer { pair.stop() }
        for peer in 0..<2 {
            try await pair.swarm.talk(peer, voice: peer, phase: 0, hasUplinkLoss: peer == 0)
        }
        _ = try await pair.statistics { $0.peers[0].packetsSent >= 200 }
        for peer in 0..<2 { try await pair.swarm.hush(peer) }
        // Nothing is on its way any more when the counters of both ends stand still.
        var statistics = try await pair.swarm.statistics()
        var received = -1
        while received != statistics.delays.count {
            received = statistics.delays.count
            try await Task.sleep(for: .milliseconds(60))  // longer than all delays together
            statistics = try await pair.swarm.statistics()
        }
        let quality = await pair.quality()
        let lossy = statistics.peers[0]
        #expect((20...60).contains(lossy.uplinkDropped))
        #expect(statistics.peers[1].uplinkDropped == 0)
        for peer in 0..<2 {
            let talker = statistics.peers[peer]
            let uplink = try #require(quality[pair.sessions[peer]]?.uplink)
            #expect(Int(uplink.packetsReceived) == talker.packetsSent - talker.uplinkDropped)
            // The last packets of all may be among the lost, which no receiver can know.
            #expect(abs(Int(uplink.packetsLost) - talker.uplinkDropped) <= 3)
        }
        for listener in statistics.peers[2...] {
            // Lost on the way to the server as well: a listener sees the speaker's gaps.
            let expected = listener.downlinkDropped + lossy.uplinkDropped
            #expect(abs(listener.packetsLost - expected) <= 6)
            #expect((15...80).contains(listener.downlinkDropped))
        }
        #expect(statistics.datagramsLostInSwarm == 0)
        // Jitter of 10 ms each way, around half of it; a busy machine adds its own.
        #expect(statistics.delays.percentile(50) >= 5_000)
    }

    @Test("a pause is no loss, and packets have the length that was asked for")
    func pauses() async throws {
        let pair = try await connect(
            speakers: 1, listeners: 1, Self.settings(pauses: true, payloadBytesMin: 300))
        defer { pair.stop() }
        try await pair.swarm.talk(0, voice: 0, phase: 0)
        let statistics = try await pair.statistics { $0.peers[1].packetsReceived >= 100 }
        #expect(statistics.peers[1].packetsLost == 0)
        let speaker = statistics.peers[0]
        #expect(speaker.payloadBytesSent == speaker.packetsSent * 300)
    }

    @Test("a peer that closes is closed at the server, and others go on")
    func closing() async throws {
        let pair = try await connect(speakers: 1, listeners: 2, Self.settings())
        defer { pair.stop() }
        try await pair.swarm.talk(0, voice: 0, phase: 0)
        try await pair.swarm.close(1)
        let received = try await pair.swarm.statistics().peers[2].packetsReceived
        let statistics = try await pair.statistics {
            $0.peers[2].packetsReceived >= received + 10
        }
        #expect(statistics.peers.map(\.state) == [.connected, .closed, .connected])
        #expect(await pair.server.perform { engine, _, _ in engine.peerCount } == 2)
    }

    @Test("an answer that is none, and a swarm that was stopped, are refused")
    func refusals() async throws {
        let swarm = try await Self.make(Self.settings())
        let offer = swarm.makeOffer()
        await #expect(throws: SwarmError.self) {
            try await swarm.connect(offer, answer: "v=0\r\n")
        }
        swarm.stop()
        await #expect(throws: SwarmError.self) { try await swarm.statistics() }
        await #expect(throws: SwarmError.self) {
            try await Self.make(SwarmSettings(uplinkLossProbability: 1.5))
        }
    }

    @Test("an offer asks for missing packets only when told to", arguments: [false, true])
    func retransmission(isRequested: Bool) async throws {
        let settings = SwarmSettings(
            voiceCount: 1, recordingSeconds: 1, requestsRetransmission: isRequested)
        let swarm = try await Self.make(settings)
        defer { swarm.stop() }
        let offer = swarm.makeOffer()
        #expect(offer.sdp.contains("nack") == isRequested)
        #expect(offer.sdp.split(separator: "m=audio").count == 9)
        #expect(offer.sdp.contains("a=sendrecv"))
    }
}
