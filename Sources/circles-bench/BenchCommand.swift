import ArgumentParser

@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "circles-bench",
        abstract: "Measure Circles beside the limit, in one run, as a ratio.",
        discussion: "Build it with -c release: figures of a debug build say nothing.",
        subcommands: [
            APIBench.self, IngestBench.self, LiveBench.self, ReportBench.self, SFUBench.self,
        ])
}
