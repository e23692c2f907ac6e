import Domain

@testable import Jobs

extension SummaryFacts {
    /// A circle in which everything happened.
    static func sample(title: String) -> SummaryFacts {
        let start = Timestamp(seconds: 1_795_426_200)
        return SummaryFacts(
            circleID: CircleID(high: 0x019A_AAAA_AAAA_7AAA, low: 0x8BBB_BBBB_BBBB_BBBB),
            title: title, startedAt: start, endedAt: start.adding(seconds: 2730), memberCount: 41,
            peakListeners: 37, peakListenersAt: start.adding(seconds: 900), peakSpeakers: 5,
            peakSpeakersAt: start.adding(seconds: 1800), totalMinutes: 612.5,
            moderation: .init(muteCount: 4, demotionCount: 6, kickCount: 2, banCount: 1),
            medianStayMinutes: 17.25,
            retention: [
                .init(share: 0.25, comeCount: 30, presentCount: 27),
                .init(share: 0.5, comeCount: 38, presentCount: 31),
                .init(share: 0.75, comeCount: 41, presentCount: 22),
            ],
            hands: .init(raisedCount: 9, calledCount: 7, spokeCount: 3),
            speakers: [
                .init(uid: "ada", talkMicroseconds: 1_200_000_000),
                .init(uid: "grace", talkMicroseconds: 480_000_000),
                .init(uid: "linus", talkMicroseconds: 120_000_000),
            ],
            talkMicroseconds: 1_800_000_000, talkerCount: 5,
            quality: [
                .init(
                    direction: .uplink, lostShare: 0.0123, jitterMilliseconds: 6,
                    jitterMillisecondsP95: 14, roundTripMilliseconds: 48,
                    roundTripMillisecondsP95: 95),
                .init(
                    direction: .downlink, lostShare: 0.004, jitterMilliseconds: 8,
                    jitterMillisecondsP95: 21),
            ],
            worstMinutes: [
                .init(
                    at: start.adding(seconds: 1260), uid: "linus", direction: .uplink,
                    lostShare: 0.185, jitterMilliseconds: 42)
            ],
            rsvpCount: 20, attendedCount: 13,
            previous: .init(
                title: "Monday jazz", startedAt: start.adding(seconds: -604_800),
                durationMinutes: 60, memberCount: 29, peakListeners: 25, totalMinutes: 480),
            listenerSlices: (0..<240).map { $0 < 80 ? $0 * 37 / 80 : 37 - ($0 - 80) / 8 },
            speakerSlices: (0..<240).map { $0 < 60 ? 2 : $0 < 160 ? 5 : 3 })
    }

    /// Rows that both forms have, as they stand there.
    static let sampleLines = [
        ("Median stay", "17.2 min"), ("Still there at 50 %", "82 % (31 of 38)"),
        ("Most people on stage at once", "5 at 10:00 UTC"), ("Came", "13 (65 %)"),
        ("Called onto the stage", "7 (78 %)"), ("Spoke there", "3 (33 %)"),
        ("ada", "67 % (20.0 min)"), ("Speaking: packets lost", "1.2 %"),
        ("Listening: jitter", "8 ms (21 ms)"),
        ("09:51 UTC, linus (speaking)", "18.5 % lost, jitter 42 ms"), ("Muted", "4"),
        ("Taken off the stage", "6"), ("Removed", "2"), ("Banned", "1"), ("Title", "Monday jazz"),
        ("People", "29"),
    ]
}
