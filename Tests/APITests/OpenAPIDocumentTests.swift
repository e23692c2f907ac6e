import Domain
import Foundation
import Testing

@testable import API

@Suite("The contract's document (OpenAPI 3.1)")
struct OpenAPIDocumentTests {
    /// The document as JSON.
    private static func contract() throws -> [String: Any] {
        let bytes = Data(buffer: OpenAPIDocument.current.json.bytes)
        return try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    }

    private static func schema(_ name: String) throws -> [String: Any] {
        let components = try #require(try contract()["components"] as? [String: Any])
        let schemas = try #require(components["schemas"] as? [String: Any])
        return try #require(schemas[name] as? [String: Any])
    }

    /// The text of each Swift file of a module.
    private static func sources(of module: String) throws -> [String] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/\(module)")
        let files = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }
    }

    @Test("every code of a problem that is thrown is in the document")
    func documentsCodes() throws {
        let documented = Set(try #require(try Self.schema("ProblemCode")["enum"] as? [String]))
        let files = try Self.sources(of: "API")
        let source = files.joined(separator: "\n")
        // `Problem(.status, "code"`, `self.init(…, "code"`, `.unauthorized("code"`.
        let initializer = #/(?:Problem|self\.init)\(\s*[a-z.A-Z]+,\s*"([a-z_]+)"/#
        let unauthorized = #/unauthorized\(\s*"([a-z_]+)"/#
        var thrown = Set(CommandError.allCases.map(\.rawValue))
        thrown.formUnion(source.matches(of: initializer).map { String($0.1) })
        thrown.formUnion(source.matches(of: unauthorized).map { String($0.1) })
        // Codes that are cases of an enum.
        for file in files where file.contains("enum ProblemCode") {
            thrown.formUnion(file.matches(of: #/case \w+ = "([a-z_]+)"/#).map { String($0.1) })
        }
        #expect(thrown.isSuperset(of: ["validation_failed", "token_missing", "bad_request"]))
        #expect(thrown.subtracting(documented).sorted() == [])
        let all = try source + Self.sources(of: "Domain").joined()
        #expect(documented.filter { !all.contains("\"\($0)\"") }.sorted() == [])
    }

    @Test("the document has the bounds that requests are held to")
    func documentsLimits() throws {
        let properties = try #require(
            try Self.schema("CircleCreation")["properties"] as? [String: [String: Any]])
        func bounds(_ name: String, _ low: String, _ high: String) throws -> ClosedRange<Int> {
            let property = try #require(properties[name])
            let low = property[low] as? Int ?? 0
            return low...(try #require(property[high] as? Int))
        }
        #expect(try bounds("title", "minLength", "maxLength") == Limits.titleCharacterCount)
        #expect(try bounds("category", "minLength", "maxLength") == Limits.categoryCharacterCount)
        #expect(try bounds("coverUrl", "minLength", "maxLength") == 0...Limits.coverURLByteCountMax)
        #expect(try bounds("durationMin", "minimum", "maximum") == Limits.durationMinutes)
        #expect(try bounds("maxSpeakers", "minimum", "maximum") == Limits.maxSpeakers)
        #expect(try bounds("maxListeners", "minimum", "maximum") == Limits.maxListeners)
        #expect(try bounds("coHostUids", "minItems", "maxItems") == 0...Limits.coHostCountMax)
        #expect(try bounds("invitedUids", "minItems", "maxItems") == 0...Limits.invitedCountMax)
        let uid = try Self.schema("Uid")
        #expect(uid["minLength"] as? Int == Limits.uidByteCount.lowerBound)
        #expect(uid["maxLength"] as? Int == Limits.uidByteCount.upperBound)
        for (name, values) in [
            ("Privacy", Privacy.allCases.map(\.rawValue)), ("Role", Role.allCases.map(\.rawValue)),
            ("MicPolicy", MicPolicy.allCases.map(\.rawValue)),
            ("CircleStatus", CircleStatus.allCases.map(\.rawValue)),
        ] {
            #expect(try Self.schema(name)["enum"] as? [String] == values, "\(name)")
        }
    }

    @Test("YAML becomes the JSON that says the same, keys in their order")
    func convertsYAML() throws {
        let yaml = """
            b: [1, -2.5, true, null, ~, 'true', "2026-11-23T18:00:00Z", 2026-11-23]
            a:
              '200': "a \\"quoted\\"\\\\ line\\n\\u0001é"
              404: {}
            text: |
              two
              lines
            again: &anchor [x]
            same: *anchor
            """
        #expect(
            try YAMLToJSON.convert(yaml)
                == #"{"b":[1,-2.5,true,null,null,"true","2026-11-23T18:00:00Z","2026-11-23"],"#
                + #""a":{"200":"a \"quoted\"\\ line\n\u0001é","404":{}},"#
                + #""text":"two\nlines\n","again":["x"],"same":["x"]}"#)
    }

    @Test(
        "what JSON has no form for is refused",
        arguments: ["", "a: .inf", "a: .nan", "? [1, 2]\n: a", "a: [", "a: *nowhere"])
    func refusesOthers(yaml: String) {
        #expect(throws: (any Error).self) { try YAMLToJSON.convert(yaml) }
    }

    @Test("Swagger UI needs all its files, and takes none by another name")
    func readsAssets() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-swagger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // a test's leavings
        let names = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]
        for name in names + ["version"] {
            #expect(SwaggerUI(directory: folder.path) == nil || name == "version")
            try Data(name.utf8).write(to: folder.appendingPathComponent(name))
        }
        let swaggerUI = try #require(SwaggerUI(directory: folder.path))
        #expect(Set(swaggerUI.assets.keys) == Set(names + ["start.js"]))
        #expect(swaggerUI.assets["swagger-ui.css"]?.contentType.hasPrefix("text/css") == true)
        let page = String(buffer: swaggerUI.page.bytes)
        for name in swaggerUI.assets.keys { #expect(page.contains("\"/docs/\(name)\"")) }
        #expect(!page.contains("<script>") && !page.contains("http"))
        #expect(SwaggerUI(directory: "") == nil)
    }
}
