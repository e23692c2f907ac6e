import API
import ArgumentParser
import Domain

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create, list and revoke API keys.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it; it cannot be read again later.")

        @Option(help: "What the key is for.")
        var name: String

        @Option(help: "What its clients may do; may be given more than once. Without it: all.")
        var scope: [APIScope] = []

        func run() async throws {
            let scopes = scope.isEmpty ? Set(APIScope.allCases) : Set(scope)
            Runtime.say(try await withKeys { try await $0.create(name: name, scopes: scopes) })
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys.")

        func run() async throws {
            let rows = try await withKeys({ try await $0.list() }).map { key in
                [
                    "\(key.keyID)", key.name,
                    key.scopes.map(\.rawValue).sorted().joined(separator: ","),
                    "\(key.createdAt)", key.revokedAt.map { "\($0)" } ?? "",
                ]
            }
            Runtime.say(table([["ID", "NAME", "SCOPES", "CREATED", "REVOKED"]] + rows))
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key; servers refuse it within five seconds.")

        @Argument(help: "The key's id, as `key list` shows it.")
        var keyID: String

        func run() async throws {
            guard let id = EventID(keyID) else { throw ValidationError("not a key id") }
            guard try await withKeys({ try await $0.revoke(id) }) else {
                throw ValidationError("there is no such key in use")
            }
            Runtime.say("revoked")
        }
    }
}

private func withKeys<Result>(_ body: (APIKeys) async throws -> Result) async throws -> Result {
    let stack = try Runtime.stack()
    let pool = stack.pool("key", as: nil)
    defer { pool.close() }
    return try await body(APIKeys(pool: pool, clock: stack.clock))
}

extension APIScope: ExpressibleByArgument {}

/// Rows in columns, each as wide as its widest cell.
private func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        let line = cells.joined(separator: "  ")
        return String(
            line[..<(line.lastIndex { $0 != " " }.map(line.index(after:)) ?? line.startIndex)])
    }.joined(separator: "\n")
}
