import ArgumentParser
import BlockingThread
import Database
import Domain
import Embedded
import Foundation

struct APIBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Joins and directory pages a second, beside pgbench and beside Express.",
        discussion: """
            Contenders send the same SQL to the same PostgreSQL, one after the other: pgbench \
            with one statement a round trip, pgbench with pipelines as CircleStore has them (the \
            limit: nothing but SQL), our API over HTTP, and Express with pg over HTTP. wrk loads \
            both of the latter. All have as many sessions, and share the machine's cores with \
            PostgreSQL.
            """)

    @Option(help: "Connections of wrk, 1 to 256.")
    var clients = 16

    @Option(help: "How long each figure is measured, 2 to 600.")
    var seconds = 4

    @Option(help: "Live circles, 10 to 5000. They are filled anew for each contender.")
    var circles = 400

    @Option(help: "Rounds, 1 to 20, after one that does not count; the contenders take turns.")
    var rounds = 7

    @Option(help: "Sessions of each contender (DATABASE_POOL_SIZE), 1 to 200.")
    var sessions = ConnectionPool.sizeOfMachine

    @Option(help: "Processes of Express.")
    var expressWorkers = 2

    func validate() throws {
        guard (1...256).contains(clients), (2...600).contains(seconds),
            (10...5000).contains(circles), (1...20).contains(rounds),
            (1...200).contains(sessions), (1...64).contains(expressWorkers)
        else { throw ValidationError("an option is out of its range") }
    }

    func run() async throws {
        let rounds = try await BenchCluster.run(isDurable: false) { url, home in
            try await measure(url, home: home)
        }
        print(Self.table(rounds))
    }

    private func measure(_ databaseURL: String, home: String) async throws -> [APIBenchRound] {
        let scene = try await APIBenchScene(
            databaseURL: databaseURL, home: home, circleCount: circles,
            sessionCount: sessions)
        let load = APIBenchLoad(
            scene: scene, clientCount: clients, seconds: seconds, expressWorkers: expressWorkers)
        let roundCount = rounds
        return try await scene.withAPI { url in
            let express = try load.startExpress()
            defer { express.stop() }
            var rounds: [APIBenchRound] = []
            for number in 0...roundCount {
                var round: APIBenchRound = [:]
                for contender in APIBenchLoad.Contender.allCases {
                    for work in APIBenchLoad.Work.allCases {
                        try await scene.reset()
                        let figure = try await load.measure(
                            contender, work, ours: url, express: express.url)
                        round[work, default: [:]][contender] = figure
                        print(number == 0 ? "warm-up " : "round \(number) ", terminator: " ")
                        print("\(contender)  \(work)  \(figure)")
                    }
                }
                if number > 0 { rounds.append(round) }
            }
            return rounds
        }
    }

    private static func table(_ rounds: [APIBenchRound]) -> String {
        typealias Contender = APIBenchLoad.Contender
        func median(_ value: (APIBenchRound) -> Double?) -> Double {
            let sorted = rounds.compactMap(value).sorted()
            return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
        }
        var text = """

                                requests/s   p99 ms   of pgbench   of the limit   of Express   errors

            """
        for work in APIBenchLoad.Work.allCases {
            for contender in Contender.allCases {
                // A machine that is slow for a minute is so for all of a round.
                func ratio(to other: Contender) -> Double {
                    median { round in
                        guard let own = round[work]?[contender], let others = round[work]?[other]
                        else { return nil }
                        return own.perSecond / others.perSecond
                    }
                }
                text +=
                    "\(work) \(contender)".padding(toLength: 20, withPad: " ", startingAt: 0)
                    + String(
                        format: "%10.0f%9.1f%13.2f%15.2f%13.2f%9d\n",
                        median { $0[work]?[contender]?.perSecond },
                        median { $0[work]?[contender]?.p99Milliseconds },
                        ratio(to: .pgbench), ratio(to: .pipelined), ratio(to: .express),
                        rounds.map { $0[work]?[contender]?.errorCount ?? 0 }.reduce(0, +))
            }
        }
        return text
            + """
            Medians of the rounds, and of their ratios. The limit is pgbench, pipelined.
            Aims: join of pgbench 0.8, ours of Express 3.

            """
    }
}

typealias APIBenchRound = [APIBenchLoad.Work: [APIBenchLoad.Contender: APIBenchFigure]]

struct APIBenchFigure: CustomStringConvertible {
    var perSecond: Double
    var p99Milliseconds: Double
    var errorCount: Int

    var description: String {
        String(
            format: "%.0f/s, p99 %.1f ms, %d errors", perSecond, p99Milliseconds, errorCount)
    }
}
