import ArgumentParser
import BlockingThread
import Embedded
import Foundation

struct SFUBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sfu",
        abstract: "The SFU's CPU time for each packet that it sends on, beside a bare C loop.",
        discussion: """
            Runs `circles up` from the program's folder on a home of its own, fills a circle with \
            `circles swarm --no-pauses`, then lets a C loop seal (AES-128-GCM) and send as many \
            packets of the same size. The C loop does nothing else: it neither receives nor \
            decrypts. Server and swarm share the machine; the C loop has it alone.
            """)

    @Option(help: "How long each circle is measured, 5 to 600.")
    var seconds = 20

    @Option(help: "Listeners of the circles, one after the other, each 8 to 100.")
    var listeners = [25, 50, 100]

    private static let speakerCount = 8

    func validate() throws {
        guard (5...600).contains(seconds) else {
            throw ValidationError("--seconds must be from 5 to 600")
        }
        guard listeners.allSatisfy((Self.speakerCount...100).contains) else {
            throw ValidationError("--listeners must be from 8 to 100")
        }
    }

    func run() async throws {
        let home = "/tmp/circles-bench-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: home) }  // harmless where it stays
        let (seconds, listeners) = (seconds, listeners)
        let rows = try await BlockingThread.run(name: "bench") {
            let server = try BenchServer(home: home)
            defer { server.stop() }
            return try listeners.map { listeners in
                let circle = "\(Self.speakerCount) × \(listeners)"
                say("\(circle): circles swarm for \(seconds) s …")
                let measured = try server.swarm(
                    speakers: Self.speakerCount, listeners: listeners, seconds: seconds)
                say("\(circle): the C loop at \(Int(measured.packetsPerSecond)) packets/s …")
                let loop = try PacketLoopFigures(
                    packetsPerSecond: measured.packetsPerSecond,
                    payloadBytes: Int(measured.payloadBytes.rounded()),
                    destinations: listeners + Self.speakerCount - 1)
                return Row(circle: circle, measured: measured, loop: loop)
            }
        }
        print(Row.header)
        for row in rows { print(row.text) }
        print(Row.legend)
    }

    private struct Row: Sendable {
        let circle: String
        let measured: SwarmFigures
        let loop: PacketLoopFigures

        static let header = """

            circle    packets/s | server: media  process | C: paced  idle  flat  idle \
            | media/C | delay p50    p99  | lost
            """

        static let legend = """

            media    CPU µs a packet of the SFU's worker threads: receive, open, rewrite, seal, send
            process  of all of `circles up`: API, Ingest, relay, broker and their clients too
            paced    of the C loop's sending thread at the same rate; flat: as fast as it goes
            idle     the same with nobody reading what it sends, which is cheaper
            media/C  media against the C loop, paced and read
            delay    ms from speaker to listener; server and swarm share this machine's cores
            lost     % of the packets, between speaker and listener
            """

        var text: String {
            let media = measured.mediaMicrosecondsPerPacket
            let columns = [
                circle.padding(toLength: 8, withPad: " ", startingAt: 0),
                Self.figure(measured.packetsPerSecond, width: 10, decimals: 0), " |",
                Self.figure(media, width: 14),
                Self.figure(measured.processMicrosecondsPerPacket, width: 9),
                " |", Self.figure(loop.paced, width: 9), Self.figure(loop.pacedIdle, width: 6),
                Self.figure(loop.flatOut, width: 6), Self.figure(loop.flatOutIdle, width: 6), " |",
                Self.figure(media.map { $0 / loop.paced }, width: 8), " |",
                Self.figure(measured.delay.p50, width: 10),
                Self.figure(measured.delay.p99, width: 7),
                "  |", Self.figure(measured.lostPercent, width: 5),
            ]
            return columns.joined()
        }

        private static func figure(
            _ value: Double?, width: Int, decimals: Int = 2
        ) -> String {
            let text = value.map { String(format: "%.\(decimals)f", $0) } ?? "unknown"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
    }
}

/// Progress, for a person.
private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
