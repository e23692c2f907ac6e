import Database
import Domain
import HTTPTypes
import TestKit
import Testing
import Tokens

@Suite("Stopping mail by its link (/v1/unsubscribe, RFC 8058)")
struct UnsubscribeRouteTests {
    private static let path =
        "/v1/unsubscribe/"
        + UnsubscribeTokens(secret: TestAPI.secret).token(for: .init(uid: "ada", kind: "summary"))

    private func rows(_ api: TestAPI) async throws -> [String] {
        try await api.store.text("select uid, kind from unsubscribes order by uid, kind")
            .split(separator: "\n").map(String.init)
    }

    @Test("opening the link asks and changes nothing; the button's POST stops the mail, once")
    func stops() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            for _ in 1...2 {
                let page = try await api.send(.get, Self.path, headers: [:])
                #expect(page.status == 200 && page.contentType == "text/html; charset=utf-8")
                #expect(String(decoding: page.body, as: UTF8.self).contains("<button>"))
                #expect(try await api.send(.head, Self.path, headers: [:]).body.isEmpty)
            }
            #expect(try await rows(api) == [])
            for _ in 1...2 {
                let answer = try await api.send(
                    .post, Self.path,
                    headers: [.contentType: "application/x-www-form-urlencoded"],
                    body: Array("List-Unsubscribe=One-Click".utf8))
                #expect(answer.status == 200)
                #expect(String(decoding: answer.body, as: UTF8.self).contains("<h1>Done</h1>"))
            }
            #expect(try await rows(api) == ["ada|summary"])
            let page = try await api.send(.get, Self.path, headers: [:])
            #expect(!String(decoding: page.body, as: UTF8.self).contains("<button>"))
        }
    }

    @Test("a link that we did not make is refused and stops nothing")
    func refusesOthers() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let other = UnsubscribeTokens(secret: "another").token(
                for: .init(uid: "ada", kind: "summary"))
            for token in [other, "x", "a.b", String(Self.path.dropFirst(16).dropLast()) + "!"] {
                for method in [HTTPRequest.Method.get, .post] {
                    let answer = try await api.send(
                        method, "/v1/unsubscribe/\(token)", headers: [:])
                    #expect(answer.status == 404 && answer.code == "unsubscribe_link_invalid")
                }
            }
            let large = try await api.send(
                .post, Self.path, headers: [:], body: Array(repeating: 0x61, count: 70_000))
            #expect(large.status == 413 && large.code == "body_too_large")
            #expect(try await rows(api) == [])
        }
    }
}
