import Domain
import Foundation
import Logging
import Metrics
import PrometheusMetrics

/// What every command does first.
enum Runtime {
    /// The metrics of this process; a process has one backend.
    static let registry: PrometheusRegistry = {
        let registry = PrometheusRegistry(
            help: MetricCatalogue.help, process: ProcessSeries(version: CirclesCommand.version))
        MetricsSystem.bootstrap(registry)
        return registry
    }()

    /// Reads and checks the environment.
    static func settings(_ change: (inout Environment) throws -> Void = { _ in }) throws -> Settings
    {
        var environment = try Environment.load()
        try change(&environment)
        return try Settings(environment)
    }

    /// A stack on the database that DATABASE_URL names.
    static func stack(_ change: (inout Environment) throws -> Void = { _ in }) throws -> Stack {
        let settings = try settings(change)
        return Stack(
            settings: settings, databaseURL: try settings.databaseURL(), registry: registry)
    }

    /// Prints for a person; unlike `print` it is seen at once through a pipe too.
    static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    /// A progress line on standard error, replaced in place where that is a terminal.
    static func progress(_ text: String) {
        let isTerminal = isatty(2) == 1
        FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n").utf8))
    }

    static func endProgress() {
        if isatty(2) == 1 { FileHandle.standardError.write(Data("\n".utf8)) }
    }
}
