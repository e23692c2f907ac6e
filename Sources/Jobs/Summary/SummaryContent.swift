import Domain
import Foundation

/// What the summary says, before it is text or HTML: headings, rows of a label and a value, bars.
struct SummaryContent {
    struct Row {
        var label: String
        var value: String
        /// Length of the row's bar, 0 to 1; `nil` for none.
        var bar: Double?
    }

    struct Section {
        var heading: String
        var rows: [Row]
        /// A sentence below the rows.
        var note: String?
    }

    struct Tile {
        var value: String
        var label: String
        /// Smaller, below: a time, or the difference from the circle before.
        var detail: String
    }

    let facts: SummaryFacts
    let title: String

    init(_ facts: SummaryFacts) {
        self.facts = facts
        title = HTMLText.line(facts.title)
    }

    // MARK: For the templates

    var values: [String: Any] {
        let tiles = tiles.map { tile in
            ["value": tile.value, "label": tile.label, "detail": HTMLText.escaped(tile.detail)]
        }
        let half = (tiles.count + 1) / 2
        return [
            "title": title,
            "escapedTitle": HTMLText.escaped(title),
            "preheader": HTMLText.escaped(preheader),
            "when": when,
            "end": endSentence.map { ["sentence": $0] } as Any? ?? false,
            "tileRows": [["tiles": Array(tiles[..<half])], ["tiles": Array(tiles[half...])]],
            "plainTiles": self.tiles.map { tile in
                [
                    "label": tile.label, "padding": Self.padding(after: tile.label),
                    "value": tile.detail.isEmpty ? tile.value : "\(tile.value) (\(tile.detail))",
                ]
            },
            "sections": sections.map(Self.values),
            "circle": "\(facts.circleID)",
        ]
    }

    private static func values(of section: Section) -> [String: Any] {
        var values: [String: Any] = [
            "heading": section.heading,
            "rows": section.rows.map { row -> [String: Any] in
                var values: [String: Any] = [
                    "label": HTMLText.escaped(row.label), "plainLabel": row.label,
                    "value": HTMLText.escaped(row.value), "plainValue": row.value,
                    "padding": padding(after: row.label),
                ]
                if let bar = row.bar {
                    let percent = Int((min(max(bar, 0), 1) * 100).rounded())
                    values["bar"] =
                        [
                            // Cells without width are drawn all the same.
                            "filled": percent > 0 ? ["percent": "\(percent)"] : false,
                            "rest": percent < 100 ? ["percent": "\(100 - percent)"] : false,
                        ] as [String: Any]
                }
                return values
            },
        ]
        if let note = section.note {
            values["note"] = ["html": HTMLText.escaped(note), "plain": note]
        }
        return values
    }

    private static func padding(after label: String) -> String {
        String(repeating: " ", count: max(1, 30 - label.count))
    }

    // MARK: Head

    private var preheader: String {
        guard facts.memberCount > 0 else { return "Nobody came this time." }
        return "\(Self.count(facts.memberCount, "person", "people")), "
            + "\(Self.minutes(facts.totalMinutes)) together, at most "
            + "\(Self.count(facts.peakListeners, "listener", "listeners")) at once."
    }

    /// `23 Nov 2026, 16:28 to 17:59 UTC`
    private var when: String {
        let (start, end) = (SummaryTime(facts.startedAt), SummaryTime(facts.endedAt))
        return start.day == end.day
            ? "\(start.day), \(start.clock) to \(end.clock) UTC"
            : "\(start.day), \(start.clock) to \(end.day), \(end.clock) UTC"
    }

    private var endSentence: String? {
        switch facts.endReason {
        case "overrun": "It was ended because it ran far over its time."
        case "empty": "It was ended because nobody was in it any more."
        case "hostLost": "It was ended because its host did not come back."
        default: nil
        }
    }

    private var tiles: [Tile] {
        let before = facts.previous
        return [
            Tile(
                value: Self.minutes(facts.durationMinutes), label: "Duration",
                detail: before.map { difference(facts.durationMinutes, $0.durationMinutes) } ?? ""),
            Tile(
                value: "\(facts.memberCount)", label: "People",
                detail: before.map { difference(facts.memberCount, $0.memberCount) } ?? ""),
            Tile(
                value: Self.decimal(facts.totalMinutes), label: "Participant-minutes",
                detail: before.map { difference(facts.totalMinutes, $0.totalMinutes) } ?? ""),
            Tile(
                value: "\(facts.peakListeners)", label: "Most listeners at once",
                detail: before.map { difference(facts.peakListeners, $0.peakListeners) } ?? ""),
        ]
    }

    private func difference(_ now: Int, _ before: Int) -> String {
        now == before ? "as before" : "\(now > before ? "+" : "\u{2212}")\(abs(now - before))"
    }

    private func difference(_ now: Double, _ before: Double) -> String {
        let difference = Self.decimal(abs(now - before))
        return difference == "0.0" ? "as before" : "\(now > before ? "+" : "\u{2212}")\(difference)"
    }

    /// What the chart shows, for those who do not see it.
    var chartDescription: String {
        var text =
            "Listeners and people on stage over the circle's "
            + "\(Self.minutes(facts.durationMinutes)): at most "
            + Self.count(facts.peakListeners, "listener", "listeners")
        if let at = facts.peakListenersAt { text += " (at \(SummaryTime(at).clock))" }
        text += " and \(facts.peakSpeakers) on stage"
        if let at = facts.peakSpeakersAt { text += " (at \(SummaryTime(at).clock))" }
        return text + "."
    }

    // MARK: Numbers

    static func count(_ count: Int, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }

    static func decimal(_ number: Double) -> String { String(format: "%.1f", number) }

    static func minutes(_ minutes: Double) -> String { decimal(minutes) + " min" }

    static func percent(_ part: Double, of whole: Double) -> String {
        whole > 0 ? "\(Int((part / whole * 100).rounded())) %" : "0 %"
    }
}

/// A time as the mail writes it, in UTC: the host's zone is not known.
struct SummaryTime {
    /// `23 Nov 2026`
    let day: String
    /// `09:05`
    let clock: String

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    init(_ time: Timestamp) {
        // 2026-11-23T09:05:00Z
        let text = time.description
        let date = text.prefix { $0 != "T" }.split(separator: "-")
        let month = date.count == 3 ? Int(date[1]) ?? 0 : 0
        day =
            Self.months.indices.contains(month - 1)
            ? "\(Int(date[2]) ?? 0) \(Self.months[month - 1]) \(date[0])" : String(text.prefix(10))
        clock = String(text.drop { $0 != "T" }.dropFirst().prefix(5))
    }
}
