import Domain
import HTTPTypes
import Testing

@testable import API

@Suite("RateLimiter (GCRA)")
struct RateLimiterTests {
    private let clock = FixedClock()

    private func limiter(_ quota: Int, entryCountMax: Int = 1000) -> RateLimiter<Int> {
        RateLimiter(name: "test", quota: quota, entryCountMax: entryCountMax)
    }

    @Test("a full bucket gives its quota and no more", arguments: [1, 2, 7, 60, 600, 999])
    func givesTheQuota(quota: Int) {
        let limiter = limiter(quota)
        for number in 1...quota {
            let decision = limiter.take(1, at: clock.now())
            #expect(decision.retryAfterSeconds == nil)
            #expect(decision.remaining == quota - number)
        }
        let refused = limiter.take(1, at: clock.now())
        #expect(refused.retryAfterSeconds == Int64((60 + quota - 1) / quota))
        #expect(refused.remaining == 0)
        #expect(refused.resetSeconds == 60)
        #expect(limiter.take(2, at: clock.now()).retryAfterSeconds == nil, "another key's is full")
    }

    @Test("who waits as long as told may go on, and a minute fills the bucket")
    func refills() throws {
        let limiter = limiter(60)
        for _ in 1...60 { _ = limiter.take(1, at: clock.now()) }
        let wait = try #require(limiter.take(1, at: clock.now()).retryAfterSeconds)
        #expect(wait == 1)
        clock.advance(seconds: wait)
        #expect(limiter.take(1, at: clock.now()).retryAfterSeconds == nil)
        #expect(limiter.take(1, at: clock.now()).retryAfterSeconds == 1)
        clock.advance(seconds: 60)
        let decision = limiter.take(1, at: clock.now())
        #expect(decision.remaining == 59)
        #expect(decision.resetSeconds == 1)
    }

    @Test("a clock that is set back locks nobody out for longer than a window")
    func survivesClocks() {
        let limiter = limiter(10)
        for _ in 1...10 { _ = limiter.take(1, at: clock.now()) }
        clock.advance(seconds: -86_400)
        #expect(limiter.take(1, at: clock.now()).retryAfterSeconds == 6)
        clock.advance(seconds: 6)
        #expect(limiter.take(1, at: clock.now()).retryAfterSeconds == nil)
        clock.advance(seconds: 86_400)
        #expect(limiter.take(1, at: clock.now()).remaining == 9)
    }

    @Test("the table is bounded, and forgets full buckets first, then the fullest")
    func isBounded() {
        let limiter = limiter(10, entryCountMax: 100)
        for _ in 1...10 { _ = limiter.take(-1, at: clock.now()) }
        for key in 0..<10_000 { _ = limiter.take(key, at: clock.now()) }
        #expect(limiter.entryCount <= 100)
        #expect(limiter.take(-1, at: clock.now()).retryAfterSeconds != nil, "an empty one stays")
        clock.advance(seconds: 6)
        // Those that took one are full again; the empty one is not.
        for key in 10_000..<10_050 { _ = limiter.take(key, at: clock.now()) }
        #expect(limiter.take(-1, at: clock.now()).remaining == 0)
        #expect(limiter.entryCount <= 100)
    }

    @Test("the tightest limit is told, as a structured field")
    func reportsTheTightest() {
        let report = RateReport()
        var headers: HTTPFields = [:]
        report.add(to: &headers)
        #expect(headers.isEmpty)
        for (name, remaining) in [("address", 50), ("uid", 3), ("key", 40)] {
            report.note(
                RateDecision(
                    name: name, quota: 100, remaining: remaining, resetSeconds: 7,
                    retryAfterSeconds: nil))
        }
        report.add(to: &headers)
        #expect(headers[.rateLimitPolicy] == #""uid";q=100;w=60"#)
        #expect(headers[.rateLimit] == #""uid";r=3;t=7"#)
    }
}
