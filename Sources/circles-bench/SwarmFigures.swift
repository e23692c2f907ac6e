/// What `circles swarm --json` prints of a measurement.
struct SwarmFigures: Decodable, Sendable {
    struct Percentiles: Decodable, Sendable {
        let p50: Double
        let p99: Double
    }

    struct Server: Decodable, Sendable {
        let cpuMicroseconds: Int64
        /// `nil` when the server's threads have no names.
        let mediaThreadsCPUMicroseconds: Int64?
        let residentBytesAfter: Int64
    }

    let seconds: Double
    let payloadBytes: Double
    let packetsReceived: Int
    let packetsLost: Int
    let packetsForwardedByServer: Int
    let datagramsLostInSwarm: Int
    let delay: Percentiles
    let server: Server

    var packetsPerSecond: Double { Double(packetsForwardedByServer) / seconds }

    var mediaMicrosecondsPerPacket: Double? {
        server.mediaThreadsCPUMicroseconds.map {
            Double($0) / Double(max(packetsForwardedByServer, 1))
        }
    }

    var processMicrosecondsPerPacket: Double {
        Double(server.cpuMicroseconds) / Double(max(packetsForwardedByServer, 1))
    }

    var lostPercent: Double {
        100 * Double(packetsLost) / Double(max(packetsReceived + packetsLost, 1))
    }
}
