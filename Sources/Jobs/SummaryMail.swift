import Domain
import Foundation
import Mustache

/// The host's summary of a circle, as text and HTML.
struct SummaryMail: Sendable {
    /// What the mail tells, from `circle_sessions`.
    struct Facts: Sendable, Equatable {
        var circleID: CircleID
        var title: String
        var startedAt: Timestamp
        var endedAt: Timestamp
        var memberCount: Int
        var peakListeners: Int
        var peakSpeakers: Int
        var totalMinutes: Double
        var handRaiseCount: Int
        var promotionCount: Int
        var kickCount: Int
    }

    private let textTemplate: MustacheTemplate
    private let htmlTemplate: MustacheTemplate

    init() throws {
        textTemplate = try MustacheTemplate(string: Self.text)
        htmlTemplate = try MustacheTemplate(string: Self.html)
    }

    func message(
        _ facts: Facts, from: String, to: String, messageID: String, date: Timestamp
    ) -> MailMessage {
        let values = context(facts)
        return MailMessage(
            from: from, to: to,
            subject: "Your circle \u{201C}\(singleLine(facts.title))\u{201D} in numbers",
            messageID: messageID,
            date: Date(timeIntervalSince1970: Double(date.microseconds) / 1e6),
            text: textTemplate.render(values), html: htmlTemplate.render(values))
    }

    private func context(_ facts: Facts) -> [String: Any] {
        let minutes =
            Double(facts.endedAt.microseconds - facts.startedAt.microseconds) / 60_000_000
        return [
            "title": singleLine(facts.title),
            "escapedTitle": htmlEscaped(singleLine(facts.title)),
            "started": readable(facts.startedAt),
            "ended": readable(facts.endedAt),
            "rows": [
                ["label": "Duration", "value": String(format: "%.1f min", minutes)],
                ["label": "People", "value": "\(facts.memberCount)"],
                ["label": "Most listeners at once", "value": "\(facts.peakListeners)"],
                ["label": "Most speakers at once", "value": "\(facts.peakSpeakers)"],
                [
                    "label": "Participant-minutes",
                    "value": String(format: "%.1f", facts.totalMinutes),
                ],
                ["label": "Hands raised", "value": "\(facts.handRaiseCount)"],
                ["label": "Brought on stage", "value": "\(facts.promotionCount)"],
                ["label": "Removed", "value": "\(facts.kickCount)"],
            ].map { row -> [String: String] in
                var row = row
                let label = row["label"] ?? ""
                row["padding"] = String(repeating: " ", count: max(1, 26 - label.count))
                return row
            },
            "circle": "\(facts.circleID)",
        ]
    }

    private func singleLine(_ text: String) -> String {
        text.split(whereSeparator: { $0.isNewline }).joined(separator: " ")
    }

    /// By scalars; Mustache escapes by characters, within which a tag could hide behind a mark.
    private func htmlEscaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    private func readable(_ time: Timestamp) -> String {
        let text = time.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5)) UTC"
    }

    private static let text = """
        {{{title}}}

        Your circle ran from {{started}} to {{ended}}.

        {{#rows}}
        {{label}}:{{{padding}}}{{value}}
        {{/rows}}

        Circle {{circle}}

        """

    private static let html = """
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><title>{{{escapedTitle}}}</title></head>
        <body style="margin:0;background:#f4f4f7;font-family:Helvetica,Arial,sans-serif;color:#1c1c28">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px">
        <table role="presentation" width="560" cellpadding="0" cellspacing="0" style="background:#ffffff;border-radius:12px;padding:32px">
        <tr><td style="font-size:22px;font-weight:bold;padding-bottom:8px">{{{escapedTitle}}}</td></tr>
        <tr><td style="font-size:14px;color:#5b5b6b;padding-bottom:20px">Your circle ran from {{started}} to {{ended}}.</td></tr>
        <tr><td>
        <table width="100%" cellpadding="0" cellspacing="0" style="font-size:15px">
        {{#rows}}
        <tr><td style="padding:8px 0;border-top:1px solid #ececf1;color:#5b5b6b">{{label}}</td><td align="right" style="padding:8px 0;border-top:1px solid #ececf1;font-weight:bold">{{value}}</td></tr>
        {{/rows}}
        </table>
        </td></tr>
        <tr><td style="font-size:12px;color:#9a9aa8;padding-top:20px">Circle {{circle}}</td></tr>
        </table>
        </td></tr></table>
        </body>
        </html>

        """
}
