import ArgumentParser

@main
struct CirclesCommand: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "circles",
        abstract: "The backend of live audio rooms, with every event in PostgreSQL exactly once.",
        discussion: """
            Configuration comes from environment variables and a .env file in the working folder; \
            'circles config' lists them.
            """,
        version: Self.version,
        subcommands: [
            Up.self, API.self, SFUCommand.self, Ingest.self, Jobs.self, Broker.self, Migrate.self,
            ReportCommand.self, ExportCommand.self, ReplayCommand.self, Verify.self, Forget.self,
            SeedHistory.self, Swarm.self, Demo.self, Token.self, Key.self, Alerts.self,
            Config.self,
        ])
}
