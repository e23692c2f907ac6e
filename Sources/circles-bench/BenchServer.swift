import Embedded
import Foundation

/// Why a benchmark has no figures.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String
}

/// `circles up` from the folder of this program, on a home and ports of its own.
final class BenchServer {
    private let program: String
    private let home: String
    private let process: ChildProcess
    private let apiURL: String

    private static let startSecondsMax = 120

    init(home: String) throws {
        program =
            URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("circles").path
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchFailure(description: "there is no \(program): build it first")
        }
        self.home = home
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: true)
        let sql = FileManager.default.currentDirectoryPath + "/sql"
        let log = home + "/up.log"
        process = try ChildProcess(
            [
                "env", "CIRCLES_HOME=\(home)", "SQL_DIR=\(sql)", "API_PORT=0", "SFU_PORT=0",
                "LOG_LEVEL=warning", program, "up",
            ], output: log)
        for _ in 0..<(Self.startSecondsMax * 10) {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if let url = Self.apiURL(in: text) {
                apiURL = url
                return
            }
            guard process.isRunning else {
                throw BenchFailure(description: "circles up ended:\n\(text)")
            }
            Thread.sleep(forTimeInterval: 0.1)  // a line in a file has no other signal
        }
        process.terminate()
        process.wait()
        throw BenchFailure(description: "circles up did not come up")
    }

    /// From the line `API http://127.0.0.1:8080/v1 …`.
    private static func apiURL(in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0] == "API", words[1].hasSuffix("/v1") else { continue }
            return String(words[1].dropLast("/v1".count))
        }
        return nil
    }

    func stop() {
        process.terminate()
        process.wait()
    }

    /// Fills a circle in which everybody on stage talks all the time.
    func swarm(speakers: Int, listeners: Int, seconds: Int) throws -> SwarmFigures {
        let (status, output) = try ChildProcess.run([
            "env", "CIRCLES_HOME=\(home)", program, "swarm", "--url", apiURL, "--speakers",
            "\(speakers)", "--listeners", "\(listeners)", "--seconds", "\(seconds)",
            "--no-pauses", "--server-pid", "\(process.pid)", "--json",
        ])
        guard status == 0,
            let json = output.split(separator: "\n").last(where: { $0.hasPrefix("{") })
        else { throw BenchFailure(description: "circles swarm failed:\n\(output)") }
        let figures = try JSONDecoder().decode(SwarmFigures.self, from: Data(json.utf8))
        guard figures.datagramsLostInSwarm == 0 else {
            throw BenchFailure(
                description: "the swarm lost \(figures.datagramsLostInSwarm) datagrams itself")
        }
        return figures
    }
}
