import BlockingThread
import Embedded
import Foundation

/// Runs pgbench, wrk and Express and reads what they say.
struct APIBenchLoad: Sendable {
    enum Contender: String, CaseIterable, CustomStringConvertible {
        /// One statement a round trip.
        case pgbench
        /// As few round trips as it can: the limit.
        case pipelined
        case ours
        case express

        var description: String { rawValue }
    }

    enum Work: String, CaseIterable, CustomStringConvertible {
        case join
        case directory

        var description: String { rawValue }
    }

    let scene: APIBenchScene
    let clientCount: Int
    let seconds: Int
    let expressWorkers: Int

    /// Of this checkout, where `make` runs.
    private static let folder = FileManager.default.currentDirectoryPath
    private static let pgbench = "/usr/lib/postgresql/15/bin/pgbench"

    /// `PGHOST`, `PGUSER` and `PGDATABASE` of the embedded cluster's URL, which is libpq's form of
    /// keywords.
    private var connectionVariables: [String] {
        scene.databaseURL.split(separator: " ").compactMap { word in
            let pair = word.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { return nil }
            let value = pair[1].trimmingCharacters(in: CharacterSet(charactersIn: "'"))
            switch pair[0] {
            case "host": return "PGHOST=\(value)"
            case "user": return "PGUSER=\(value)"
            case "dbname": return "PGDATABASE=\(value)"
            default: return nil
            }
        }
    }

    func measure(
        _ contender: Contender, _ work: Work, ours: String, express: String
    ) async throws -> APIBenchFigure {
        switch contender {
        case .pgbench: return try await runPgbench(work, isPipelined: false)
        case .pipelined: return try await runPgbench(work, isPipelined: true)
        case .ours: return try await runWrk(work, url: ours)
        case .express: return try await runWrk(work, url: express)
        }
    }

    private func runPgbench(_ work: Work, isPipelined: Bool) async throws -> APIBenchFigure {
        let script = try script(work, isPipelined: isPipelined)
        let log = scene.home + "/pgbench"
        for file in logs(log) { try FileManager.default.removeItem(atPath: file) }
        let text = try await output(
            ["env"] + connectionVariables + [
                "PGOPTIONS=-c role=circles_api -c enable_seqscan=off -c jit=off", Self.pgbench,
                "-n", "-M", "prepared", "-c",
                "\(scene.sessionCount)", "-j", "1", "-T", "\(seconds)", "-D",
                "circle_count=\(scene.circleIDs.count)", "--log", "--log-prefix=\(log)", "-f",
                script,
            ])
        guard
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("tps = ") }),
            let tps = Double(line.dropFirst(6).prefix { $0 != " " })
        else { throw BenchFailure(description: "pgbench says:\n\(text)") }
        let latencies = try logs(log).flatMap { file in
            try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap {
                // client, transaction, microseconds, …
                $0.split(separator: " ").dropFirst(2).first.flatMap { Double($0) }
            }
        }.sorted()
        let failed = text.split(separator: "\n")
            .first { $0.hasPrefix("number of failed transactions:") }
            .flatMap { $0.split(separator: " ").dropFirst(4).first.flatMap { Int($0) } }
        return APIBenchFigure(
            perSecond: tps,
            p99Milliseconds: latencies.isEmpty
                ? .nan : latencies[latencies.count * 99 / 100] / 1000,
            errorCount: failed ?? 0)
    }

    private func script(_ work: Work, isPipelined: Bool) throws -> String {
        let path = Self.folder + "/scripts/bench/\(work).sql"
        guard !isPipelined else { return path }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .filter { $0 != "\\startpipeline" && $0 != "\\endpipeline" }
        // A pipeline is a transaction without saying so.
        let isTransaction = lines.contains("begin;")
        let text = isTransaction ? lines : ["begin;"] + lines + ["commit;"]
        let plain = scene.home + "/\(work).sql"
        try text.joined(separator: "\n").write(
            toFile: plain, atomically: false, encoding: .utf8)
        return plain
    }

    private func logs(_ prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: scene.home)) ?? []
        return names.map { scene.home + "/" + $0 }.filter { $0.hasPrefix(prefix + ".") }
    }

    private func runWrk(_ work: Work, url: String) async throws -> APIBenchFigure {
        let requests = scene.home + "/\(work).requests"
        if !FileManager.default.fileExists(atPath: requests) {
            try await scene.writeRequests(work, to: requests)
        }
        let text = try await output([
            "env", "REQUESTS=\(requests)", "API_KEY=\(APIBenchScene.apiKey)", "wrk", "-t", "1",
            "-c", "\(clientCount)", "-d", "\(seconds)s", "-s",
            Self.folder + "/scripts/bench/requests.lua", url,
        ])
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("RESULT ") })
        else { throw BenchFailure(description: "wrk says:\n\(text)") }
        let words = line.split(separator: " ").compactMap { Double($0) }
        guard words.count == 4 else { throw BenchFailure(description: "wrk says:\n\(text)") }
        return APIBenchFigure(
            perSecond: words[0] / words[2], p99Milliseconds: words[3], errorCount: Int(words[1]))
    }

    /// Runs a program to its end and returns what it printed.
    private func output(_ arguments: [String]) async throws -> String {
        let file = scene.home + "/output"
        return try await BlockingThread.run(name: "load") {
            // A program's output is added to what is there.
            try? FileManager.default.removeItem(atPath: file)  // the first time there is none
            let process = try ChildProcess(arguments, output: file)
            process.wait()
            return try String(contentsOfFile: file, encoding: .utf8)
        }
    }

    // MARK: Express

    struct Express {
        let url: String
        fileprivate let process: ChildProcess

        func stop() {
            process.terminate()
            process.wait()
        }
    }

    private static let expressPort = 18_999

    func startExpress() throws -> Express {
        let log = scene.home + "/express.log"
        let process = try ChildProcess(
            ["env"] + connectionVariables + [
                "NODE_PATH=\(Self.folder)/.build/express/usr/share/nodejs", "NODE_ENV=production",
                "PORT=\(Self.expressPort)",
                "SECRET=\(APIBenchScene.secret)", "API_KEY=\(APIBenchScene.apiKey)",
                "WORKERS=\(expressWorkers)", "SESSIONS=\(scene.sessionCount)",
                "node", Self.folder + "/scripts/bench/express.js",
            ], output: log)
        // wrk would count what is refused while it comes up; it says nowhere that it is up.
        Thread.sleep(forTimeInterval: 2)
        guard process.isRunning else {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw BenchFailure(description: "Express ended:\n\(text)")
        }
        return Express(url: "http://127.0.0.1:\(Self.expressPort)", process: process)
    }
}
