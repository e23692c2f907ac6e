import Database
import Embedded
import Foundation
import Jobs
import TestKit
import Testing

@testable import circles

@Suite("Metrics, Prometheus' rules and the runbook say the same")
struct MetricsDocumentTests {
    private static let repository = URL(fileURLWithPath: TestCluster.sqlDirectory)
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
    }

    @Test("docs/metrics.md has the catalogue's table")
    func documentsMetrics() throws {
        let lines = try Self.text("docs/metrics.md").split(separator: "\n")
        let table = lines.filter { $0.hasPrefix("|") }.joined(separator: "\n")
        #expect(table == MetricCatalogue.markdown)
    }

    @Test("every metric that the code makes is in the catalogue, and every one in it is made")
    func catalogueIsComplete() throws {
        let names = Set(MetricCatalogue.all.map(\.name))
        var made: Set<String> = []
        let sources = Self.repository.appendingPathComponent("Sources")
        let files = try #require(FileManager.default.enumerator(atPath: sources.path))
        for case let path as String in files
        where path.hasSuffix(".swift") && !path.hasSuffix("MetricCatalogue.swift") {
            let code = try Self.text("Sources/" + path)
            for match in code.matches(
                of: /(?:label:|count\(|counter\(|counters\()\s*\n?\s*"(circles_[a-z0-9_]+)"/)
            {
                let name = String(match.output.1)
                // Timers' series end in their unit.
                made.insert(names.contains(name) ? name : name + "_seconds")
            }
        }
        #expect(made.subtracting(names) == [])
        let ours = names.filter { $0.hasPrefix("circles_") }
        #expect(ours.subtracting(made) == [])
    }

    @Test("each alert has its section in the runbook")
    func runbookIsComplete() throws {
        let runbook = try Self.text("docs/runbook.md")
        let sections = Set(
            runbook.matches(of: /(?m)^## ([a-z-]+)$/).map { String($0.output.1) })
        for rule in AlertRule.allCases {
            #expect(sections.contains(rule.runbookAnchor), "\(rule)")
            #expect(runbook.contains("`\(rule.rawValue)`"), "\(rule)")
        }
        let rules = try Self.text("deploy/prometheus/circles.rules.yml")
        let anchors = rules.matches(of: /runbook\.md#([a-z-]+)/).map { String($0.output.1) }
        #expect(!anchors.isEmpty)
        #expect(Set(anchors).subtracting(sections) == [])
    }

    @Test("the runbook's SQL runs")
    func runbookSQLRuns() async throws {
        let runbook = try Self.text("docs/runbook.md")
        let statements = runbook.matches(of: /(?s)```sql\n(.*?)```/).map { String($0.output.1) }
        #expect(statements.count >= 6)
        let store = try TestStore()
        for statement in statements {
            // Sections end in a semicolon and sometimes a comment.
            let sql = String(statement[..<(statement.firstIndex(of: ";") ?? statement.endIndex)])
            _ = try await store.text(SQL(trusted: sql))
        }
        store.close()
    }

    @Test("Prometheus' rules do what their tests say, and its configuration is valid")
    func rulesPass() throws {
        let folder = Self.repository.appendingPathComponent("deploy/prometheus").path
        for arguments in [
            ["test", "rules", "\(folder)/circles.rules.test.yml"],
            ["check", "config", "\(folder)/prometheus.yml"],
        ] {
            let log = NSTemporaryDirectory() + "promtool-\(UUID().uuidString)"
            let process = try ChildProcess(["promtool"] + arguments, output: log)
            let status = process.wait()
            #expect(status == 0, "\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
    }
}
