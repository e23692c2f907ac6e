import Domain
import Foundation
import HTTPTypes
import TestKit
import Testing

@testable import API

private typealias Answer = TestAPI.Answer

extension Answer {
    fileprivate func header(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { headers[$0] }
    }
}

@Suite("The page's files and what it asks before it has a user")
struct WebRouteTests {
    private func get(
        _ api: TestAPI, _ path: String, method: HTTPRequest.Method = .get, known: String? = nil
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        headers[.ifNoneMatch] = known
        return try await api.send(method, path, headers: headers)
    }

    @Test("every file of the folder is served with its type, and none has code or style inline")
    func files() async throws {
        let folder = URL(fileURLWithPath: TestCluster.sqlDirectory).deletingLastPathComponent()
            .appendingPathComponent("Sources/API/Web")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == Set(WebFiles.names))
        try await TestAPI.run { api in
            for name in names {
                let path = name == "index.html" ? "/" : "/\(name)"
                let answer = try await get(api, path)
                #expect(answer.status == 200, "\(name)")
                #expect(answer.body == Array(try Data(contentsOf: folder.appending(path: name))))
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                let head = try await get(api, path, method: .head)
                #expect(head.status == 200 && head.body.isEmpty, "\(name)")
                #expect(head.header("ETag") == answer.header("ETag"))
            }
            #expect(try await get(api, "/app.js").contentType == "text/javascript; charset=utf-8")
            #expect(try await get(api, "/app.css").contentType == "text/css; charset=utf-8")
            #expect(try await get(api, "/icon.svg").contentType == "image/svg+xml")
            let page = String(decoding: try await get(api, "/").body, as: UTF8.self)
            #expect(
                page.firstMatch(of: /<style|\sstyle=|\son[a-z]+=|<script(?! type="module" src)/)
                    == nil)
            #expect(try await get(api, "/nothing.js").status == 404)
            #expect(try await get(api, "/../Package.swift").status == 400)
            let posted = try await get(api, "/app.js", method: .post)
            #expect(posted.status == 405 && posted.header("Allow") == "GET, HEAD")
        }
    }

    @Test("a file is sent once: who knows it is told so, until it is another one")
    func entityTags() async throws {
        try await TestAPI.run { api in
            let first = try await get(api, "/app.js")
            let entityTag = try #require(first.header("ETag"))
            for known in [entityTag, "W/\(entityTag)", "\"x\", \(entityTag)", "*"] {
                let again = try await get(api, "/app.js", known: known)
                #expect(again.status == 304 && again.body.isEmpty, "\(known)")
                #expect(again.header("ETag") == entityTag)
            }
            for unknown in ["\"x\"", entityTag.replacing("\"", with: ""), ""] {
                #expect(try await get(api, "/app.js", known: unknown).status == 200, "\(unknown)")
            }
            #expect(try await get(api, "/room.js").header("ETag") != entityTag)
        }
    }

    @Test("the page may talk to the nodes that live, and a new node makes it a new document")
    func policy() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock, sfuURL: "") { api in
            let store = api.store.nodeStore
            let alone = try await get(api, "/")
            let policy = try #require(alone.header("Content-Security-Policy"))
            #expect(policy.contains("default-src 'none'; script-src 'self'; style-src 'self';"))
            #expect(policy.contains("connect-src 'self';"))
            #expect(!policy.contains("unsafe"))

            _ = try await store.registerNode("sfu-1", url: "https://sfu-1.example.com/media/")
            _ = try await store.registerNode("sfu-2", url: "http://127.0.0.1:7880")
            _ = try await store.registerNode("sfu-3", url: "http://a b; script-src *")
            let entityTag = alone.header("ETag")
            let three = try await get(api, "/", known: entityTag)
            #expect(three.status == 200)
            #expect(
                three.header("Content-Security-Policy")?.contains(
                    "connect-src 'self' http://127.0.0.1:7880 https://sfu-1.example.com;") == true)

            let epoch = try await store.registerNode("sfu-1", url: "https://sfu-1.example.com")
            try await store.retireNode("sfu-1", epoch: epoch)
            let two = try await get(api, "/", known: three.header("ETag"))
            #expect(
                two.header("Content-Security-Policy")?.contains(
                    "connect-src 'self' http://127.0.0.1:7880;") == true)
            clock.advance(seconds: Limits.nodeSilenceSecondsMax + 1)
            #expect(try await get(api, "/", known: entityTag).status == 304)
        }
    }

    @Test("an SFU that is not ours is in the policy and the configuration")
    func foreignSFU() async throws {
        try await TestAPI.run(sfuURL: "wss://live.example.com/rtc", webAPIKey: "page-key") { api in
            let page = try await get(api, "/")
            #expect(
                page.header("Content-Security-Policy")?.contains(
                    "connect-src 'self' wss://live.example.com;") == true)
            let configuration = try await get(api, "/web/config")
            #expect(configuration.text("apiKey") == "page-key")
            #expect(configuration.text("sfuUrl") == "wss://live.example.com/rtc")
            #expect(configuration.json["developmentSignIn"] as? Bool == true)
            #expect(configuration.header("Cache-Control") == "no-store")
        }
    }

    @Test("with the development secret anyone signs in by name, and the token is good")
    func signsIn() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            let answer = try await api.send(
                .post, "/web/sign-in", headers: [.contentType: "application/json"],
                body: Array(#"{"uid":"ada"}"#.utf8))
            #expect(answer.status == 200)
            #expect(answer.text("expiresAt") == "2026-11-24T06:00:00Z")
            #expect(answer.header("Cache-Control") == "no-store")
            let token = try #require(answer.text("token"))
            let created = try await api.send(
                .post, "/v1/circles",
                headers: [
                    .authorization: "Bearer \(token)", .contentType: "application/json",
                    HTTPField.Name("X-API-Key")!: api.apiKey,  // a valid field name
                ], body: Array(#"{"title":"Jazz"}"#.utf8))
            #expect(created.status == 201)
            #expect(try created.claims()["sub"] as? String == "ada")
            for bad in [#"{"uid":"a b"}"#, "{}", #"{"uid":"ada","admin":true}"#] {
                let refused = try await api.send(
                    .post, "/web/sign-in", headers: [.contentType: "application/json"],
                    body: Array(bad.utf8))
                #expect(refused.status == 422, "\(bad)")
            }
            // A form of another site cannot ask without a preflight.
            let form = try await api.send(
                .post, "/web/sign-in", headers: [.contentType: "text/plain"],
                body: Array(#"{"uid":"ada"}"#.utf8))
            #expect(form.mismatches(415, "unsupported_media_type") == [])
        }
    }

    @Test("without the secret there is no signing in, and the page is told so")
    func production() async throws {
        try await TestAPI.run(developmentSecret: nil) { api in
            let configuration = try await get(api, "/web/config")
            #expect(configuration.json["developmentSignIn"] as? Bool == false)
            #expect(!configuration.json.keys.contains("apiKey"))
            let answer = try await api.send(
                .post, "/web/sign-in", headers: [.contentType: "application/json"],
                body: Array(#"{"uid":"ada"}"#.utf8))
            #expect(answer.mismatches(404, "route_not_found") == [])
        }
    }
}
