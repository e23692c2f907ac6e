import Embedded
import Foundation
import TestKit
import Testing

@Suite("Sample data (sql/samples)")
struct SampleDataTests {
    /// Runs one of the files with psql, as its head says, and returns what psql printed.
    private func run(_ name: String, on databaseURL: String) throws -> String {
        let output = NSTemporaryDirectory() + "circles-sample-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: output) }  // made by the process
        let process = try ChildProcess(
            [
                "psql", "-X", "-A", "-t", databaseURL, "-f",
                TestCluster.sqlDirectory + "/samples/" + name,
            ], output: output)
        process.wait()
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    @Test("the circles load into a migrated database, and the policies show them as they say")
    func loads() throws {
        let url = try TestCluster.makeDatabase()
        let loaded = try run("circles.sql", on: url)
        #expect(loaded.hasSuffix("COMMIT\n") && !loaded.contains("ERROR"), "\(loaded)")
        let shown = try run("row_security.sql", on: url)
        let lines = shown.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { $0.contains("|") } == [
                "Mixing for beginners|private|0", "Vinyl night|public|3",
                "Demo tape session|secret|2", "Mixing for beginners|private|0",
                "Vinyl night|public|3",
            ])
        #expect(lines.count { $0.contains("dan may not change circle") } == 1)
        #expect(lines.contains("Vinyl night, side B"))
    }
}
