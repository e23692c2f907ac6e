import Chart
import Domain
import Foundation
import Logging
import Mustache

/// The host's summary of a circle, as text and as HTML with a chart.
struct SummaryMail: Sendable {
    private let textTemplate: MustacheTemplate
    private let htmlTemplate: MustacheTemplate
    private let links: MailLinks

    init(links: MailLinks = MailLinks()) throws {
        textTemplate = try MustacheTemplate(string: Self.text)
        htmlTemplate = try MustacheTemplate(string: Self.html)
        self.links = links
    }

    static let senderName = "Circles"

    /// - Throws: `AttendanceChart.Failure` when there is no memory for the chart.
    func message(
        _ facts: SummaryFacts, from: String, to: String, recipientUID: String, messageID: String,
        date: Timestamp
    ) throws -> MailMessage {
        let summary = SummaryContent(facts)
        let unsubscribe = links.unsubscribe(uid: recipientUID, kind: SummaryJob.kind)
        let chart = try chart(of: facts, messageID: messageID)
        var values = summary.values
        values["report"] = links.report(of: facts.circleID).map { ["url": HTMLText.escaped($0)] }
        values["unsubscribe"] = (unsubscribe.url ?? unsubscribe.mailto).map {
            ["url": HTMLText.escaped($0), "plain": $0]
        }
        values["plainReport"] = links.report(of: facts.circleID)
        values["chart"] = chart.map {
            [
                "cid": $0.contentID, "alt": HTMLText.escaped(summary.chartDescription),
                "width": "\(AttendanceChart.width)", "height": "\(AttendanceChart.height)",
            ]
        }
        return MailMessage(
            from: from, senderName: Self.senderName, to: to,
            subject: "Your circle \u{201C}\(summary.title)\u{201D} in numbers",
            messageID: messageID,
            date: Date(timeIntervalSince1970: Double(date.microseconds) / 1e6),
            text: textTemplate.render(values), html: htmlTemplate.render(values),
            images: chart.map { [$0] } ?? [], unsubscribe: unsubscribe)
    }

    private func chart(
        of facts: SummaryFacts, messageID: String
    ) throws -> MailMessage.InlineImage? {
        guard !facts.listenerSlices.isEmpty else { return nil }
        let chart = AttendanceChart(
            listeners: facts.listenerSlices, speakers: facts.speakerSlices,
            durationSeconds: facts.durationMinutes * 60)
        return MailMessage.InlineImage(
            contentID: "chart.\(messageID)", mediaType: "image/png", fileName: "attendance.png",
            bytes: try chart.png())
    }
}
