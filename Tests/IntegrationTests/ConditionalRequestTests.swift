import CircleStore
import Domain
import HTTPTypes
import TestKit
import Testing

extension TestAPI {
    fileprivate func send(
        _ method: HTTPRequest.Method, _ path: String, as uid: String, _ more: HTTPFields,
        json: String? = nil
    ) async throws -> Answer {
        var headers = headers("Bearer " + (try await token(uid)))
        if json != nil { headers[.contentType] = "application/json" }
        headers.append(contentsOf: more)
        return try await send(method, path, headers: headers, body: json.map { Array($0.utf8) })
    }
}

@Suite("Conditional requests and compression (RFC 9110 §13, §8.4, §12.5.3)")
struct ConditionalRequestTests {
    /// A scheduled circle of ada and bob.
    private func makeCircle(_ api: TestAPI, title: String = "Vinyl night") async throws -> String {
        let draft = api.store.draft(
            host: "ada", coHosts: ["bob"], startsNow: false,
            startAt: api.store.clock.now().adding(seconds: 3600), title: title)
        let admission = try await api.store.store.create(draft, by: Caller(uid: "ada"))
        return "/v1/circles/\(admission.circle.circleID)"
    }

    @Test("a copy that is still the same is not sent again")
    func revalidates() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let circleID = try await api.store.makeCircle(host: "ada")
            let path = "/v1/circles/\(circleID)"
            let first = try await api.send(.get, path, as: "zoe")
            let tag = try #require(first.headers[.eTag])
            #expect(tag.hasPrefix("\"2-"), "created, then started")
            #expect(first.headers[.cacheControl] == "private, no-cache")
            for value in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await api.send(.get, path, as: "zoe", [.ifNoneMatch: value])
                #expect(again.status == 304, "\(value)")
                #expect(again.body.isEmpty)
                #expect(again.headers[.eTag] == tag)
            }
            for value in ["\"x\"", "junk", "\"2-\""] {
                let again = try await api.send(.get, path, as: "zoe", [.ifNoneMatch: value])
                #expect(again.status == 200, "\(value)")
            }
            // Who is inside is in the representation, and not in the version.
            _ = try await api.store.store.join(circleID, by: Caller(uid: "zoe"))
            let joined = try await api.send(.get, path, as: "zoe", [.ifNoneMatch: tag])
            #expect(joined.status == 200)
            #expect(joined.headers[.eTag] != tag)
            #expect(joined.headers[.eTag]?.hasPrefix("\"2-") == true)
        }
    }

    @Test("of two who change what they have read, the second is told")
    func guardsUpdates() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let path = try await makeCircle(api)
            let tag = try #require(try await api.send(.get, path, as: "ada").headers[.eTag])
            #expect(try await api.send(.get, path, as: "bob").headers[.eTag] == tag)
            let one = try await api.send(
                .patch, path, as: "ada", [.ifMatch: tag], json: #"{"title":"Jazz"}"#)
            #expect(one.status == 200)
            let changed = try #require(one.headers[.eTag])
            #expect(changed.hasPrefix("\"2-"))
            let two = try await api.send(
                .patch, path, as: "bob", [.ifMatch: tag], json: #"{"category":"talk"}"#)
            #expect(two.mismatches(412, "precondition_failed") == [])
            let gone = try await api.send(.delete, path, as: "bob", [.ifMatch: tag])
            #expect(gone.mismatches(412, "precondition_failed") == [])
            let bad = try await api.send(.delete, path, as: "bob", [.ifMatch: "2"])
            #expect(bad.mismatches(400, "precondition_malformed") == [])
            // Who may not change it learns nothing of its version.
            let other = try await api.send(.delete, path, as: "zoe", [.ifMatch: tag])
            #expect(other.mismatches(403, "forbidden") == [])
            let three = try await api.send(
                .patch, path, as: "bob", [.ifMatch: "\(tag), \(changed)"],
                json: #"{"category":"talk"}"#)
            #expect(three.status == 200)
            // What changes nothing is no new version; invitations are, though nobody sees them.
            let same = try await api.send(.patch, path, as: "ada", json: #"{"title":"Jazz"}"#)
            #expect(same.headers[.eTag]?.hasPrefix("\"3-") == true)
            let invited = try await api.send(
                .patch, path, as: "ada", json: #"{"invitedUids":["cleo"]}"#)
            #expect(invited.headers[.eTag]?.hasPrefix("\"4-") == true)
            let both = try await api.send(
                .patch, path, as: "ada", json: #"{"title":"Soul","invitedUids":["dan"]}"#)
            #expect(both.headers[.eTag]?.hasPrefix("\"5-") == true)
            let started = try await api.send(
                .patch, path, as: "ada", [.ifMatch: "*"], json: #"{"status":"live"}"#)
            #expect(started.headers[.eTag]?.hasPrefix("\"6-") == true)
            let version = try #require(started.headers[.eTag])
            let ended = try await api.send(.delete, path, as: "ada", [.ifMatch: version])
            #expect(ended.status == 200)
            #expect(ended.headers[.eTag]?.hasPrefix("\"7-") == true)
            #expect(try await api.store.number("select version from circles") == 7)
        }
    }

    @Test("fifty updates at once, each on the version it read: each is applied or refused")
    func losesNoUpdate() async throws {
        try await TestAPI.run { api in
            let path = try await makeCircle(api)
            let applied = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 1...50 {
                    group.addTask {
                        let read = try await api.send(.get, path, as: "ada")
                        let tag = try #require(read.headers[.eTag])
                        let answer = try await api.send(
                            .patch, path, as: "ada", [.ifMatch: tag],
                            json: #"{"title":"Title \#(number)"}"#)
                        #expect([200, 412].contains(answer.status))
                        return answer.status == 200
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(applied >= 1)
            #expect(try await api.store.number("select version from circles") == 1 + applied)
        }
    }

    @Test("long answers are compressed for those who ask, under a tag of their own")
    func compresses() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let circleID = try await api.store.makeCircle(host: "ada", coHosts: ["bob"])
            for number in 1...20 {
                _ = try await api.store.store.join(circleID, by: Caller(uid: "guest-\(number)"))
            }
            let path = "/v1/circles/\(circleID)"
            let plain = try await api.send(.get, path, as: "zoe")
            let packed = try await api.send(.get, path, as: "zoe", [.acceptEncoding: "gzip, br"])
            #expect(packed.headers[.contentEncoding] == "gzip")
            #expect(packed.body.prefix(2) == [0x1F, 0x8B])
            #expect(packed.body.count < plain.body.count / 2)
            #expect(packed.headers[.contentLength] == "\(packed.body.count)")
            #expect(plain.headers[.contentEncoding] == nil)
            for answer in [plain, packed] {
                #expect(answer.headers[.vary] == "Accept-Encoding")
            }
            let tag = try #require(packed.headers[.eTag])
            #expect(tag == "\(plain.headers[.eTag]?.dropLast() ?? "")-gzip\"")
            let again = try await api.send(
                .get, path, as: "zoe", [.ifNoneMatch: tag, .acceptEncoding: "gzip"])
            #expect(again.status == 304)
            #expect(again.headers[.eTag] == tag)
            // It guards updates just as well.
            let ended = try await api.send(.delete, path, as: "ada", [.ifMatch: tag])
            #expect(ended.status == 200)
            #expect(ended.headers[.contentEncoding] == nil, "it is short")
        }
    }
}
