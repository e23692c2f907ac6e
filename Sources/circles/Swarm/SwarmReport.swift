import Foundation

/// What a swarm's media came to in the measured time.
struct SwarmReport: Codable, Sendable {
    /// In milliseconds.
    struct Percentiles: Codable, Sendable {
        var p50 = 0.0
        var p95 = 0.0
        var p99 = 0.0
        var max = 0.0

        var text: String {
            String(format: "p50 %.1f, p95 %.1f, p99 %.1f, max %.1f ms", p50, p95, p99, max)
        }
    }

    /// What the server's process used.
    struct Server: Codable, Sendable {
        var cpuMicroseconds: Int64
        /// Of its media threads alone.
        var mediaThreadsCPUMicroseconds: Int64?
        var residentBytesBefore: Int64
        var residentBytesAfter: Int64
    }

    var seconds = 0.0
    var peerCount = 0
    var talkerCount = 0
    /// What peers sent, with what was lost on purpose.
    var packetsSent = 0
    var uplinkDropped = 0
    /// Opus bytes of a packet, on average.
    var payloadBytes = 0.0
    var packetsReceived = 0
    var packetsLost = 0
    var downlinkDropped = 0
    /// Neither the server's doing nor on purpose; must be 0 for the rest to hold.
    var datagramsLostInSwarm = 0
    var framesLate = 0
    var delay = Percentiles()
    var firstAudio = Percentiles()
    var firstAudioCount = 0
    /// Peers that have heard every other speaker of their circle.
    var peersHearingAll = 0
    /// By the server's own counter; `nil` when there is none to be read.
    var packetsForwardedByServer: Int?
    var server: Server?

    /// What the server sent on: by its counter, or what came and what was taken on the way.
    var packetsForwarded: Int { packetsForwardedByServer ?? packetsReceived + downlinkDropped }

    /// CPU microseconds of the whole process for each packet that it sent on.
    var cpuMicrosecondsPerPacket: Double? {
        guard let server, packetsForwarded > 0 else { return nil }
        return Double(server.cpuMicroseconds) / Double(packetsForwarded)
    }

    /// The same of the media threads alone.
    var mediaMicrosecondsPerPacket: Double? {
        guard let media = server?.mediaThreadsCPUMicroseconds, packetsForwarded > 0 else {
            return nil
        }
        return Double(media) / Double(packetsForwarded)
    }

    /// For a person.
    var text: String {
        let expected = packetsReceived + packetsLost
        var lines = [
            "measured  \(peerCount) peers, \(talkerCount) of them talking, for "
                + "\(figure(seconds, 1)) s",
            "sent      \(packetsSent) packets of \(figure(payloadBytes, 0)) bytes of Opus; "
                + "\(share(uplinkDropped, of: packetsSent)) lost on purpose",
            "received  \(packetsReceived) packets; \(share(packetsLost, of: expected)) lost since "
                + "the speaker, \(downlinkDropped) of them on purpose behind the server",
            "delay     \(delay.text), one way, speaker to listener; jitter included",
            "          (swarm and server share this machine, its clock and its CPU)",
            "audio     first packet after the join request: \(firstAudio.text)"
                + " (\(firstAudioCount) peers who joined while somebody talked)",
            "heard     \(peersHearingAll) of \(peerCount) peers have heard every other speaker",
        ]
        if datagramsLostInSwarm > 0 || framesLate > 0 {
            lines.append(
                "strained  the swarm lost \(datagramsLostInSwarm) datagrams itself, and said "
                    + "\(framesLate) frames more than 10 ms late")
        }
        let counter =
            packetsForwardedByServer == nil ? "what came and was lost" : "the server's counter"
        lines.append(
            "forwarded \(packetsForwarded) packets, "
                + "\(figure(Double(packetsForwarded) / Swift.max(seconds, 0.001), 0)) a second, "
                + "by \(counter)")
        if let server, let cpu = cpuMicrosecondsPerPacket {
            let media = mediaMicrosecondsPerPacket.map { figure($0, 2) + " µs" } ?? "unknown"
            lines.append(
                "server    \(figure(cpu, 2)) µs of CPU a packet, its media threads alone "
                    + "\(media); memory \(mebibytes(server.residentBytesBefore)) → "
                    + "\(mebibytes(server.residentBytesAfter)) MiB")
        }
        return lines.joined(separator: "\n")
    }

    private func figure(_ value: Double, _ decimals: Int) -> String {
        String(format: "%.\(decimals)f", value)
    }

    private func share(_ part: Int, of whole: Int) -> String {
        "\(part) (\(figure(whole == 0 ? 0 : 100 * Double(part) / Double(whole), 2)) %)"
    }

    private func mebibytes(_ bytes: Int64) -> String { figure(Double(bytes) / 1_048_576, 1) }
}
