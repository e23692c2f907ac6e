import Domain
import Foundation

extension SummaryContent {
    /// What there is nothing to say of is left out.
    var sections: [Section] {
        [peaks, audience, rsvps, hands, talk, quality, worstMinutes, moderation, comparison]
            .compactMap { $0 }
    }

    private var peaks: Section? {
        guard facts.memberCount > 0 else {
            return Section(
                heading: "Audience", rows: [],
                note: "Nobody was in this circle while it was live.")
        }
        func peak(_ count: Int, _ at: Timestamp?) -> String {
            at.map { "\(count) at \(SummaryTime($0).clock) UTC" } ?? "\(count)"
        }
        return Section(
            heading: "Peaks",
            rows: [
                Row(
                    label: "Most listeners at once",
                    value: peak(facts.peakListeners, facts.peakListenersAt)),
                Row(
                    label: "Most people on stage at once",
                    value: peak(facts.peakSpeakers, facts.peakSpeakersAt)),
            ])
    }

    private var audience: Section? {
        guard facts.memberCount > 0 else { return nil }
        var rows: [Row] = []
        if let median = facts.medianStayMinutes {
            rows.append(Row(label: "Median stay", value: Self.minutes(median)))
        }
        for moment in facts.retention where moment.comeCount > 0 {
            let share = Double(moment.presentCount) / Double(moment.comeCount)
            rows.append(
                Row(
                    label: "Still there at \(Int(moment.share * 100)) %",
                    value: "\(Self.percent(share, of: 1)) "
                        + "(\(moment.presentCount) of \(moment.comeCount))",
                    bar: share))
        }
        return Section(
            heading: "How long people stayed", rows: rows,
            note: rows.isEmpty
                ? nil : "Of everyone who had come by that part of the circle, who was in it then.")
    }

    private var rsvps: Section? {
        guard facts.rsvpCount > 0 else { return nil }
        let (meant, came) = (Double(facts.rsvpCount), Double(facts.attendedCount))
        return Section(
            heading: "Who meant to come",
            rows: [
                Row(label: "Said they would come", value: "\(facts.rsvpCount)", bar: 1),
                Row(
                    label: "Came",
                    value: "\(facts.attendedCount) (\(Self.percent(came, of: meant)))",
                    bar: came / meant),
            ])
    }

    private var hands: Section? {
        let hands = facts.hands
        guard hands.raisedCount > 0 else { return nil }
        let raised = Double(hands.raisedCount)
        func row(_ label: String, _ count: Int) -> Row {
            Row(
                label: label, value: "\(count) (\(Self.percent(Double(count), of: raised)))",
                bar: Double(count) / raised)
        }
        return Section(
            heading: "From raised hand to speech",
            rows: [
                Row(label: "Raised a hand", value: "\(hands.raisedCount)", bar: 1),
                row("Called onto the stage", hands.calledCount),
                row("Spoke there", hands.spokeCount),
            ])
    }

    private var talk: Section? {
        guard facts.talkMicroseconds > 0 else {
            return facts.memberCount > 0
                ? Section(heading: "Who talked", rows: [], note: "No speech was heard.") : nil
        }
        let total = Double(facts.talkMicroseconds)
        let rest = facts.talkerCount - facts.speakers.count
        return Section(
            heading: "Who talked",
            rows: facts.speakers.map { speaker in
                let talk = Double(speaker.talkMicroseconds)
                return Row(
                    label: HTMLText.line(speaker.uid),
                    value: "\(Self.percent(talk, of: total)) (\(Self.minutes(talk / 60_000_000)))",
                    bar: talk / total)
            },
            note: rest > 0
                ? "and \(Self.count(rest, "more person", "more people")) who talked less" : nil)
    }

    // MARK: Audio

    private var quality: Section? {
        guard !facts.quality.isEmpty else { return nil }
        return Section(
            heading: "Audio quality",
            rows: facts.quality.flatMap { quality in
                let name = Self.name(of: quality.direction)
                var rows = [
                    Row(
                        label: "\(name): packets lost", value: Self.loss(quality.lostShare)),
                    Row(
                        label: "\(name): jitter",
                        value: Self.milliseconds(
                            quality.jitterMilliseconds, quality.jitterMillisecondsP95)),
                ]
                if let roundTrip = quality.roundTripMilliseconds {
                    rows.append(
                        Row(
                            label: "\(name): round trip",
                            value: Self.milliseconds(
                                roundTrip, quality.roundTripMillisecondsP95 ?? roundTrip)))
                }
                return rows
            },
            note: "Means of the whole circle; in brackets what 95 of 100 minutes kept within.")
    }

    private var worstMinutes: Section? {
        guard !facts.worstMinutes.isEmpty else { return nil }
        return Section(
            heading: "Worst minutes",
            rows: facts.worstMinutes.map { minute in
                Row(
                    label: "\(SummaryTime(minute.at).clock) UTC, \(HTMLText.line(minute.uid)) "
                        + "(\(Self.name(of: minute.direction).lowercased()))",
                    value: "\(Self.loss(minute.lostShare)) lost, jitter "
                        + String(format: "%.0f ms", minute.jitterMilliseconds))
            })
    }

    private static func name(of direction: SummaryFacts.Direction) -> String {
        switch direction {
        case .uplink: "Speaking"
        case .downlink: "Listening"
        }
    }

    private static func loss(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

    private static func milliseconds(_ mean: Double, _ p95: Double) -> String {
        String(format: "%.0f ms (%.0f ms)", mean, p95)
    }

    // MARK: The rest

    private var moderation: Section? {
        let counts = [
            ("Muted", facts.moderation.muteCount),
            ("Taken off the stage", facts.moderation.demotionCount),
            ("Removed", facts.moderation.kickCount), ("Banned", facts.moderation.banCount),
        ]
        guard counts.contains(where: { $0.1 > 0 }) else { return nil }
        return Section(
            heading: "Moderation", rows: counts.map { Row(label: $0.0, value: "\($0.1)") })
    }

    private var comparison: Section? {
        guard let before = facts.previous else { return nil }
        return Section(
            heading: "Your circle before",
            rows: [
                Row(label: "Title", value: HTMLText.line(before.title)),
                Row(label: "Day", value: SummaryTime(before.startedAt).day),
                Row(label: "Duration", value: Self.minutes(before.durationMinutes)),
                Row(label: "People", value: "\(before.memberCount)"),
                Row(label: "Most listeners at once", value: "\(before.peakListeners)"),
                Row(label: "Participant-minutes", value: Self.decimal(before.totalMinutes)),
            ])
    }
}
