import Domain
import Testing

@testable import Jobs

@Suite("When a push is tried again (RFC 9110 §10.2.3)")
struct PushRetryTests {
    private static let now = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!  // well-formed

    @Test(
        "Retry-After is seconds or a date in any of the three forms",
        arguments: [
            ("0", 0), ("90", 90_000), (" 5 ", 5000), ("3600", 3_600_000),
            ("86400", 3_600_000), ("99999999999999999999", 3_600_000),
            ("Mon, 23 Nov 2026 18:01:30 GMT", 90_000),
            ("Monday, 23-Nov-26 18:01:30 GMT", 90_000),
            ("Mon Nov 23 18:01:30 2026", 90_000),
            ("Mon, 23 Nov 2026 17:00:00 GMT", 0),
            ("Tue, 24 Nov 2026 18:00:00 GMT", 3_600_000),
        ])
    func readsRetryAfter(value: String, milliseconds: Int64) {
        #expect(RetryAfter.milliseconds(value, now: Self.now) == milliseconds)
    }

    @Test("anything else is none", arguments: ["", "-1", "1.5", "soon", "1 2", "٣", "0x10"])
    func refusesRetryAfter(value: String) {
        #expect(RetryAfter.milliseconds(value, now: Self.now) == nil)
    }

    @Test("the wait doubles from 10 s to 2 min, with up to half of it as jitter")
    func backsOff() {
        let waits = (1...6).map { PushBackoff.milliseconds(attempt: $0, fraction: 0) }
        #expect(waits == [10_000, 20_000, 40_000, 80_000, 120_000, 120_000])
        #expect(PushBackoff.milliseconds(attempt: 1, fraction: 1) == 15_000)
        #expect(PushBackoff.milliseconds(attempt: 2, fraction: 0.5) == 25_000)
        #expect(PushBackoff.milliseconds(attempt: 0, fraction: -1) == 10_000)
        #expect(PushBackoff.milliseconds(attempt: .max, fraction: 2) == 180_000)
    }

    @Test("without Retry-After a quota waits a minute at least")
    func waitsForQuota() {
        let first = PushBackoff.quotaMilliseconds
        for attempt in 1...9 {
            for fraction in [0, 0.3, 1] {
                let wait = PushBackoff.milliseconds(
                    attempt: attempt, first: first, fraction: fraction)
                #expect((60_000...180_000).contains(wait))
            }
        }
    }
}
