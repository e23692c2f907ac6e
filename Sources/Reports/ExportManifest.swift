import Foundation

/// What `manifest.json` says of a table's files.
struct ExportManifest: Codable, Equatable {
    struct File: Codable, Equatable {
        let rows: Int
        let bytes: Int
        let sha256: String
        /// Whether the day was over when it was written.
        let isFinal: Bool
    }

    let table: String
    let format: ExportFormat
    let isCompressed: Bool
    /// Tells the key of pseudonyms; `nil` without them.
    let pseudonyms: String?
    var files: [String: File] = [:]

    /// What makes files of the two unfit to stand side by side.
    func difference(from other: ExportManifest) -> String? {
        if table != other.table { return "table" }
        if format != other.format { return "format" }
        if isCompressed != other.isCompressed { return "compression" }
        // A key that was thrown away is another one each time.
        if pseudonyms != other.pseudonyms || pseudonyms == "thrown away" {
            return "key of pseudonyms"
        }
        return nil
    }

    static func load(from folder: String) throws -> ExportManifest? {
        let path = folder + "/manifest.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(
                ExportManifest.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Export.Failure.unreadable(
                path: path, reason: "no manifest of an export; move it away or write elsewhere")
        }
    }

    func save(in folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try ExportFile.write(
            try encoder.encode(self) + Data("\n".utf8), to: folder + "/manifest.json")
    }
}
