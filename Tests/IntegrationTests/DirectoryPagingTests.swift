import CircleStore
import Domain
import TestKit
import Testing

@testable import API

@Suite("Paging of the directory: nothing skipped, nothing twice")
struct DirectoryPagingTests {
    private struct Page {
        let circleIDs: [String]
        let next: String?
    }

    private func page(_ api: TestAPI, _ query: String) async throws -> Page {
        let answer = try await api.send(.get, "/v1/circles?\(query)", as: "zoe")
        #expect(answer.status == 200, "\(query)")
        let circles = answer.json["circles"] as? [[String: Any]] ?? []
        return Page(
            circleIDs: circles.compactMap { $0["circleId"] as? String },
            next: answer.json["nextCursor"] as? String)
    }

    @Test(
        "random directories, page sizes and insertions meanwhile",
        arguments: 1...12 as ClosedRange<UInt64>)
    func pagesThroughChange(seed: UInt64) async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            var random = SeededGenerator(seed: seed)
            @Sendable func create(_ host: String, hour: Int64) async throws -> String {
                let draft = api.store.draft(
                    host: host, startsNow: false,
                    startAt: clock.now().adding(seconds: 3600 * hour))
                let admission = try await api.store.store.create(draft, by: Caller(uid: host))
                return admission.circle.circleID.description
            }
            // Few different starts: ties are what keysets get wrong.
            let hours = Int64.random(in: 1...6, using: &random)
            var there: Set<String> = []
            for number in 0..<Int.random(in: 0...40, using: &random) {
                there.insert(
                    try await create(
                        "host-\(number)", hour: Int64.random(in: 1...hours, using: &random)))
            }
            var insertions: [Int64] = []
            for _ in 0..<30 { insertions.append(Int64.random(in: 1...hours, using: &random)) }
            let planned = insertions
            let inserting = Task {
                for (number, hour) in planned.enumerated() {
                    _ = try await create("late-\(number)", hour: hour)
                }
            }
            var (seen, cursor): ([String], String?) = ([], nil)
            repeat {
                let limit = Int.random(
                    in: Bool.random(using: &random) ? 1...9 : 18...24, using: &random)
                let page = try await page(
                    api, "limit=\(limit)" + (cursor.map { "&startAfter=\($0)" } ?? ""))
                #expect(page.circleIDs.count <= limit)
                seen += page.circleIDs
                cursor = page.next
            } while cursor != nil && seen.count < 1000
            try await inserting.value
            #expect(Set(seen).count == seen.count, "seed \(seed): one comes twice")
            #expect(there.subtracting(seen) == [], "seed \(seed): one is skipped")
        }
    }

    @Test("a cursor serves under another filter, and is none of another listing")
    func keepsCursorsApart() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            for host in ["a", "b", "c"] { try await api.store.makeCircle(host: host) }
            let next = try #require(try await page(api, "limit=1&status=live").next)
            #expect(try await page(api, "startAfter=\(next)").circleIDs.count == 2)
            #expect(try await page(api, "status=ended&startAfter=\(next)").circleIDs == [])
            let foreign = KeysetCursor.encode(
                clock.now(), CircleID(now: clock.now()), of: "history")
            let refused = try await api.send(.get, "/v1/circles?startAfter=\(foreign)", as: "zoe")
            #expect(refused.mismatches(422, "validation_failed", ["startAfter"]) == [])
            let place: (time: Timestamp, id: CircleID)? = KeysetCursor.decode(
                foreign, of: "history")
            #expect(place?.time == clock.now())
        }
    }
}
