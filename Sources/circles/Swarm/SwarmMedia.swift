import AsyncHTTPClient
import BlockingThread
import Datagram
import Foundation
import MediaSwarm
import RTC

/// The media of all circles of a run: who is connected, who talks, and the measurement.
actor SwarmMedia {
    /// What to do, and how bad the networks are.
    struct Plan: Sendable {
        var settings = SwarmSettings()
        /// How long is measured.
        var seconds: Int
        /// Speakers are 1, 2, 3 … in each circle, the host first. `nil`: all lose packets.
        var lossySpeaker: Int?
        /// The server's process on this machine.
        var serverPID: Int32?
        /// `nil`: `/metrics` of the first SFU that a member is sent to.
        var metricsURL: String?
    }

    /// A member's transport.
    struct Connection: Sendable {
        let peer: Int
        let resource: String
        let mediaToken: String
    }

    private struct Member {
        let circle: Int
        let joinedAt: MonotonicTime
        /// Somebody talked already: the first audio depends on the server alone.
        let isLaterThanTalk: Bool
    }

    private struct Sample {
        let at: MonotonicTime
        let statistics: SwarmStatistics
        let forwarded: Int?
        let usage: ServerUsage?
    }

    private let plan: Plan
    private let swarm: MediaSwarm
    private let http: HTTPClient
    private var members: [Int: Member] = [:]
    /// By circle, in the order in which they began.
    private var talkers: [Int: [Int]] = [:]
    private var metricsURL: String?

    private init(plan: Plan, swarm: MediaSwarm, http: HTTPClient) {
        self.plan = plan
        self.swarm = swarm
        self.http = http
        metricsURL = plan.metricsURL
    }

    /// Records the voices and starts the swarm.
    static func start(_ plan: Plan, http: HTTPClient) async throws -> SwarmMedia {
        let swarm = try await BlockingThread.run(name: "record") {
            try MediaSwarm(plan.settings)
        }
        return SwarmMedia(plan: plan, swarm: swarm, http: http)
    }

    func stop() {
        swarm.stop()
    }

    static func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: SystemClock.monotonicNanoseconds())
    }

    // MARK: Members

    /// Connects a member by WHIP when they are on stage, else by WHEP. A listener offers a section
    /// to send on too, so that promotion needs no new transport.
    ///
    /// - Parameter joinedAt: when the request to join began.
    func connect(
        _ client: SwarmClient, _ admission: SwarmAdmission, circle: Int, joinedAt: MonotonicTime
    ) async throws -> Connection {
        guard let url = admission.whipUrl ?? admission.whepUrl else {
            throw SwarmClient.Unexpected(
                description: "\(client.uid): was sent to no SFU: does a node run?")
        }
        if metricsURL == nil { metricsURL = admission.sfuUrl.map { $0 + "/metrics" } }
        let hadTalker = talkers[circle] != nil
        let offer = swarm.makeOffer()
        let (answer, resource) = try await client.exchange(
            offer: offer.sdp, at: url, mediaToken: admission.token)
        let peer = try await swarm.connect(offer, answer: answer)
        members[peer] = Member(
            circle: circle, joinedAt: joinedAt, isLaterThanTalk: hadTalker)
        return Connection(peer: peer, resource: resource, mediaToken: admission.token)
    }

    /// Lets a member who is on stage talk.
    func talk(_ connection: Connection, circle: Int) async throws {
        let index = talkers[circle, default: []].count
        talkers[circle, default: []].append(connection.peer)
        // Evenly over 20 ms within a circle, and circles apart by the golden ratio.
        let phase = (Double(index) + Double(circle) * 0.618).truncatingRemainder(dividingBy: 8) / 8
        try await swarm.talk(
            connection.peer, voice: circle * 8 + index, phase: phase,
            hasUplinkLoss: plan.lossySpeaker.map { $0 == index + 1 } ?? true)
    }

    // MARK: Measurement

    /// Listens for the plan's time, with a progress line each second.
    func measure() async throws -> SwarmReport {
        // What the last to be promoted say is on its way to all.
        try await Task.sleep(for: .seconds(1))
        let before = try await sample()
        var last = before.statistics
        for second in 1...plan.seconds {
            try await Task.sleep(for: .seconds(1))
            let statistics = try await swarm.statistics()
            Runtime.progress(progress(second, statistics, since: last))
            last = statistics
        }
        let after = try await sample()
        Runtime.endProgress()
        return report(from: before, to: after)
    }

    private func progress(
        _ second: Int, _ now: SwarmStatistics, since last: SwarmStatistics
    ) -> String {
        let delays = now.delays.since(last.delays)
        let received = now.received - last.received
        let lost = now.lost - last.lost
        let format = """
            %3d of %d s: %d peers connected, %d talk; %d packets sent, %d received, \
            %.2f %% lost; delay p50 %.1f, p99 %.1f ms
            """
        return String(
            format: format, second, plan.seconds, now.peers.count { $0.state == .connected },
            talkers.values.reduce(0) { $0 + $1.count }, now.sent - last.sent, received,
            100 * Double(lost) / Double(max(received + lost, 1)),
            Double(delays.percentile(50)) / 1000, Double(delays.percentile(99)) / 1000)
    }

    private func sample() async throws -> Sample {
        let forwarded = try await freshForwardedByServer()
        let usage = plan.serverPID.flatMap { ServerUsage(pid: $0) }
        guard plan.serverPID == nil || usage != nil else {
            throw SwarmClient.Unexpected(description: "there is no process with --server-pid")
        }
        return Sample(
            at: Self.now(), statistics: try await swarm.statistics(), forwarded: forwarded,
            usage: usage)
    }

    /// The server brings its counter up to date once a second: waits until it does.
    private func freshForwardedByServer() async throws -> Int? {
        guard let first = await forwardedByServer() else { return nil }
        for _ in 0..<40 {
            try await Task.sleep(for: .milliseconds(50))  // a counter has no other signal
            guard let value = await forwardedByServer() else { return nil }
            if value != first { return value }
        }
        return first
    }

    /// The sum of the server's counter over its workers; `nil` when it cannot be read.
    private func forwardedByServer() async -> Int? {
        guard let metricsURL,
            let response = try? await http.execute(
                HTTPClientRequest(url: metricsURL), timeout: .seconds(5)),
            response.status == .ok,
            let body = try? await response.body.collect(upTo: 4 << 20)
        else { return nil }
        let values = String(buffer: body).split(separator: "\n")
            .filter {
                $0.hasPrefix("circles_sfu_packets_forwarded_total{")
                    || $0.hasPrefix("circles_sfu_packets_forwarded_total ")
            }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        return values.isEmpty ? nil : Int(values.reduce(0, +))
    }

    private func report(from before: Sample, to after: Sample) -> SwarmReport {
        let (first, last) = (before.statistics, after.statistics)
        var report = SwarmReport()
        report.seconds = Double(after.at.since(before.at)) / 1e9
        report.peerCount = members.count
        report.talkerCount = talkers.values.reduce(0) { $0 + $1.count }
        report.packetsSent = last.sent - first.sent
        report.uplinkDropped = last.uplinkDropped - first.uplinkDropped
        report.payloadBytes =
            Double(last.payloadBytes - first.payloadBytes) / Double(max(report.packetsSent, 1))
        report.packetsReceived = last.received - first.received
        report.packetsLost = last.lost - first.lost
        report.downlinkDropped = last.downlinkDropped - first.downlinkDropped
        report.datagramsLostInSwarm = last.datagramsLostInSwarm - first.datagramsLostInSwarm
        report.framesLate = last.framesLate - first.framesLate
        let delays = last.delays.since(first.delays)
        report.delay = .init(
            p50: Double(delays.percentile(50)) / 1000, p95: Double(delays.percentile(95)) / 1000,
            p99: Double(delays.percentile(99)) / 1000, max: Double(delays.percentile(100)) / 1000)
        let waits = firstAudioWaits(last)
        report.firstAudioCount = waits.count
        report.firstAudio = .init(
            p50: waits.percentile(50), p95: waits.percentile(95), p99: waits.percentile(99),
            max: waits.percentile(100))
        report.peersHearingAll = last.peers.count { hearsAll($0) }
        if let earlier = before.forwarded, let later = after.forwarded, later > earlier {
            report.packetsForwardedByServer = later - earlier
        }
        if let earlier = before.usage, let later = after.usage {
            report.server = .init(
                cpuMicroseconds: later.cpuMicroseconds - earlier.cpuMicroseconds,
                mediaThreadsCPUMicroseconds: later.mediaThreadsCPUMicroseconds.map {
                    $0 - (earlier.mediaThreadsCPUMicroseconds ?? 0)
                },
                residentBytesBefore: earlier.residentBytes,
                residentBytesAfter: later.residentBytes)
        }
        return report
    }

    private func firstAudioWaits(_ statistics: SwarmStatistics) -> Latencies {
        let waits = Latencies()
        for peer in statistics.peers {
            guard let heard = peer.firstAudioAt, let member = members[peer.number],
                member.isLaterThanTalk
            else { continue }
            waits.record(.nanoseconds(heard.since(member.joinedAt)))
        }
        return waits
    }

    private func hearsAll(_ peer: SwarmStatistics.Peer) -> Bool {
        guard let member = members[peer.number] else { return false }
        let others = Set(talkers[member.circle] ?? []).subtracting([peer.number])
        return others.isSubset(of: peer.talkersHeard)
    }
}

extension SwarmStatistics {
    fileprivate var sent: Int { peers.reduce(0) { $0 + $1.packetsSent } }
    fileprivate var payloadBytes: Int { peers.reduce(0) { $0 + $1.payloadBytesSent } }
    fileprivate var uplinkDropped: Int { peers.reduce(0) { $0 + $1.uplinkDropped } }
    fileprivate var received: Int { peers.reduce(0) { $0 + $1.packetsReceived } }
    fileprivate var lost: Int { peers.reduce(0) { $0 + $1.packetsLost } }
    fileprivate var downlinkDropped: Int { peers.reduce(0) { $0 + $1.downlinkDropped } }
}
