import API
import Foundation
import HTTPTypes
import TestKit
import Testing

@Suite("The contract and its page (/openapi.yaml, /docs)")
struct DocumentationTests {
    private static let ids = "00000000-0000-7000-8000-000000000000"

    /// `GET /v1/circles/{id}` of each operation in the document.
    private func documented(_ api: TestAPI) async throws -> Set<String> {
        let answer = try await api.send(.get, "/openapi.json", headers: [:])
        let paths = try #require(answer.json["paths"] as? [String: [String: Any]])
        let methods = Set(["get", "put", "post", "delete", "patch", "trace"])
        return Set(
            paths.flatMap { path, item in
                item.keys.filter(methods.contains).map { "\($0.uppercased()) \(path)" }
            })
    }

    /// HEAD goes with GET and OPTIONS with any method; the files of the page at `/` are for
    /// nobody but the page.
    private static func isImplied(_ route: TestAPI.Route) -> Bool {
        [.head, .options].contains(route.method)
            || route.path.wholeMatch(of: #/\/[a-z-]+\.(?:js|css|svg|webmanifest)/#) != nil
    }

    @Test("the router takes exactly the methods and paths that the document has")
    func agrees() async throws {
        let webhooks = LiveKitWebhooks(apiKey: "circles", apiSecret: TestAPI.secret)
        try await TestAPI.run(webhooks: webhooks) { api in
            var taken: Set<String> = []
            for route in api.routes where !Self.isImplied(route) {
                // What is not a method of the path is known by its answer alone.
                let path = route.path.replacing(#/\{[^}]*\}/#, with: Self.ids)
                let answer = try await api.send(route.method, path, as: "zoe")
                if answer.status != 405 { taken.insert("\(route.method) \(route.path)") }
            }
            let documented = try await documented(api)
            #expect(taken.subtracting(documented).sorted() == [], "missing in openapi.yaml")
            #expect(documented.subtracting(taken).sorted() == [], "not routes of the API")
            #expect(taken.contains("PATCH /v1/circles/{id}"))
        }
    }

    @Test("the document is there without a key, and not sent again to those who have it")
    func servesTheDocument() async throws {
        try await TestAPI.run { api in
            for (path, type, begin) in [
                ("/openapi.yaml", "application/yaml", "# The contract"),
                ("/openapi.json", "application/json", "{\"openapi\":\"3.1.0\""),
            ] {
                let answer = try await api.send(.get, path, headers: [:])
                #expect(answer.status == 200 && answer.contentType == type)
                #expect(String(decoding: answer.body, as: UTF8.self).hasPrefix(begin))
                let tag = try #require(answer.headers[.eTag])
                for known in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                    let again = try await api.send(.get, path, headers: [.ifNoneMatch: known])
                    #expect(again.status == 304 && again.body.isEmpty, "\(known)")
                    #expect(again.headers[.eTag] == tag)
                }
                let other = try await api.send(.get, path, headers: [.ifNoneMatch: "\"other\""])
                #expect(other.status == 200)
            }
        }
    }

    @Test("where Swagger UI is not installed, its page says what to do")
    func saysWhatIsMissing() async throws {
        try await TestAPI.run { api in
            for path in ["/docs", "/docs/swagger-ui.css"] {
                let answer = try await api.send(.get, path, headers: [:])
                #expect(answer.status == 404 && answer.code == "docs_not_installed")
                let detail = answer.json["detail"] as? String
                #expect(detail?.contains("scripts/install-swagger-ui.sh") == true)
            }
        }
    }

    @Test("Swagger UI's page allows only what comes from here, and its files are those by name")
    func servesThePage() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("circles-docs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // a test's leavings
        for name in ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "secret.txt"] {
            try Data(name.utf8).write(to: folder.appendingPathComponent(name))
        }
        try await TestAPI.run(swaggerUIDirectory: folder.path) { api in
            let page = try await api.send(.get, "/docs", headers: [:])
            #expect(page.status == 200 && page.contentType == "text/html; charset=utf-8")
            let policy = try #require(page.headers[.contentSecurityPolicy])
            #expect(policy.contains("default-src 'none'; script-src 'self';"))
            let style = try await api.send(.get, "/docs/swagger-ui.css", headers: [:])
            #expect(style.status == 200 && style.body == Array("swagger-ui.css".utf8))
            #expect(style.contentType == "text/css; charset=utf-8")
            #expect(style.headers[.cacheControl] == "public, max-age=3600")
            let start = try await api.send(.get, "/docs/start.js", headers: [:])
            #expect(String(decoding: start.body, as: UTF8.self).contains("/openapi.json"))
            for name in ["secret.txt", "..%2Fsecret.txt", "%2e%2e", "swagger-ui.css%00", "SWAGGER"]
            {
                let answer = try await api.send(.get, "/docs/\(name)", headers: [:])
                #expect(
                    ["route_not_found", "malformed_path"].contains(answer.code), "\(name)")
            }
        }
    }
}
