import TestKit
import Testing

@Suite("Mean opinion score (ITU-T G.107 Annex B, G.107.1)")
struct MOSTests {
    @Test("the curve from rating to opinion is the one of G.107 Table B.1 and its default")
    func mapsRatings() async throws {
        let store = try TestStore(poolSize: 1)
        // The default rating of G.107 is 93.2; the others are the table's lower limits.
        #expect(
            try await store.text(
                """
                select round(mos_of_rating(rating)::numeric, 2)
                from unnest(array[-1, 0, 50, 60, 70, 80, 90, 93.2, 100, 129]) as rating
                """
            ).components(separatedBy: "\n")
                == [
                    "1.00", "1.00", "2.58", "3.10", "3.60", "4.02", "4.34", "4.41", "4.50", "4.50",
                ])
        store.close()
    }

    @Test("loss, jitter and delay only make it worse, and nothing leaves 1 to 4.5")
    func fallsWithEach() async throws {
        let store = try TestStore(poolSize: 1)
        for step in [
            "mos_of(i / 100.0, 5, 60)", "mos_of(0.01, i * 10, 60)", "mos_of(0.01, 5, i * 20)",
        ] {
            #expect(
                try await store.text(
                    """
                    select bool_and(mos <= former), min(mos) >= 1 and max(mos) <= 4.5,
                        min(mos) < max(mos)
                    from (
                        select mos, lag(mos, 1, mos) over (order by i) as former
                        from (
                            select i, \(trusted: step) as mos from generate_series(0, 100) as i
                        ) as steps
                    ) as pairs
                    """) == "t|t|t", "\(step)")
        }
        store.close()
    }

    @Test("the wideband rating at no loss, 5 %, all, less than none, more than all, and unknown")
    func knownPoints() async throws {
        let store = try TestStore(poolSize: 1)
        let values = try await store.text(
            """
            select round(wideband_rating_of(loss, 0, 0)::numeric, 2)
            from unnest(array[0, 0.05, 1, -1, 2, null]::float8[]) as loss
            """)
        // 129 - 19.96; 75.04 · 5 / 24.5 less; 75.04 · 100 / 119.5 less.
        #expect(
            values.components(separatedBy: "\n") == [
                "109.04", "93.73", "46.25", "109.04", "46.25", "∅",
            ])
        store.close()
    }
}
