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
    var seconds = 10

    @Option(help: "Live circles, 10 to 5000. They are filled anew for each contender.")
    var circles = 400

    @Option(help: "Rounds; the contenders take turns, the median counts.")
    var rounds = 3

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
        let home = "/tmp/circles-bench-\(getpid())"
        let postgres = try EmbeddedPostgres(home: home)
        let databaseURL = try postgres.start(isDurable: false)
        defer {
            try? postgres.stop()  // a cluster in /tmp that stays harms nobody
            try? FileManager.default.removeItem(atPath: home)
        }
        let scene = try await APIBenchScene(
            databaseURL: databaseURL, home: home, circleCount: circles,
            sessionCount: sessions)
        let load = APIBenchLoad(
            scene: scene, clientCount: clients, seconds: seconds, expressWorkers: expressWorkers)
        let rounds = rounds
        let figures = try await scene.withAPI { url in
            var figures: [APIBenchLoad.Contender: [APIBenchLoad.Work: [APIBenchFigure]]] = [:]
            let express = try load.startExpress()
            defer { express.stop() }
            for round in 1...rounds {
                for contender in APIBenchLoad.Contender.allCases {
                    for work in APIBenchLoad.Work.allCases {
                        try await scene.reset()
                        let figure = try await load.measure(
                            contender, work, ours: url, express: express.url)
                        figures[contender, default: [:]][work, default: []].append(figure)
                        print("round \(round)  \(contender)  \(work)  \(figure)")
                    }
                }
            }
            return figures
        }
        print(Self.table(figures))
    }

    private static func table(
        _ figures: [APIBenchLoad.Contender: [APIBenchLoad.Work: [APIBenchFigure]]]
    ) -> String {
        func median(
            _ contender: APIBenchLoad.Contender, _ work: APIBenchLoad.Work
        ) -> APIBenchFigure {
            let sorted = (figures[contender]?[work] ?? []).sorted {
                $0.perSecond < $1.perSecond
            }
            return sorted.isEmpty
                ? APIBenchFigure(perSecond: .nan, p99Milliseconds: .nan, errorCount: 0)
                : sorted[sorted.count / 2]
        }
        var text = """

                                requests/s   p99 ms   of pgbench   of the limit   of Express   errors

            """
        for work in APIBenchLoad.Work.allCases {
            for contender in APIBenchLoad.Contender.allCases {
                let figure = median(contender, work)
                let name = "\(work) \(contender)".padding(
                    toLength: 20, withPad: " ", startingAt: 0)
                text +=
                    name
                    + String(
                        format: "%10.0f%9.1f%13.2f%15.2f%13.2f%9d\n", figure.perSecond,
                        figure.p99Milliseconds,
                        figure.perSecond / median(.pgbench, work).perSecond,
                        figure.perSecond / median(.pipelined, work).perSecond,
                        figure.perSecond / median(.express, work).perSecond, figure.errorCount)
            }
        }
        return text
            + "The limit is pgbench, pipelined. Aims: join of pgbench 0.8, ours of Express 3.\n"
    }
}

struct APIBenchFigure: CustomStringConvertible {
    var perSecond: Double
    var p99Milliseconds: Double
    var errorCount: Int

    var description: String {
        String(
            format: "%.0f/s, p99 %.1f ms, %d errors", perSecond, p99Milliseconds, errorCount)
    }
}
