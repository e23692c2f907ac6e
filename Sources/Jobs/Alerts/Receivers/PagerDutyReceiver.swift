import Domain
import Foundation

/// PagerDuty's Events API v2.
/// Source: developer.pagerduty.com, "Send an Alert Event", "Events API v2 Overview".
public struct PagerDutyReceiver: AlertReceiver {
    public static let defaultURL = "https://events.pagerduty.com"
    /// Of a summary.
    static let summaryCountMax = 1024

    public let name = AlertReceiverName.pagerduty
    private let url: String
    private let routingKey: String
    private let http: AlertHTTP

    /// - Parameters:
    ///   - url: its base, without `/v2/enqueue`.
    ///   - routingKey: the integration key of a service, 32 characters.
    public init(url: String = defaultURL, routingKey: String) {
        self.init(url: url, routingKey: routingKey, http: AlertHTTP())
    }

    init(url: String, routingKey: String, http: AlertHTTP) {
        self.url = url.withoutTrailingSlash
        self.routingKey = routingKey
        self.http = http
    }

    private struct Event: Encodable {
        struct Payload: Encodable {
            let summary: String
            let source: String
            let severity: String
            let timestamp: String
            let component: String
            let group: String
            let `class`: String
            let custom_details: [String: String]
        }

        struct Link: Encodable {
            let href: String
            let text: String
        }

        let routing_key: String
        let event_action: String
        let dedup_key: String
        var payload: Payload?
        var client: String?
        var links: [Link]?
    }

    public func send(_ notice: AlertNotice, at now: Timestamp) async -> AlertAnswer {
        var event = Event(
            routing_key: routingKey, event_action: notice.action.rawValue,
            dedup_key: String(notice.dedupKey.prefix(255)))
        if notice.action == .trigger {
            event.client = "Circles"
            event.payload = .init(
                summary: String(notice.summary.prefix(Self.summaryCountMax)),
                source: notice.subject, severity: notice.severity.rawValue,
                timestamp: "\(notice.openedAt)", component: notice.component,
                group: notice.details.labels["circle"] ?? notice.details.labels["node"]
                    ?? "circles",
                class: notice.rule,
                custom_details: Dictionary(notice.facts.map { ($0.name, $0.value) }) { $1 })
            if !notice.runbookURL.isEmpty {
                event.links = [.init(href: notice.runbook, text: "Runbook")]
            }
        }
        return switch await http.post(json(event), to: url + "/v2/enqueue") {
        // Whatever succeeds: the API documents 202 only.
        case .answer(let answer) where (200..<300).contains(answer.status): .accepted
        case .answer(let answer) where answer.status == 429 || answer.status >= 500:
            .later(answer.explained, afterSeconds: answer.retryAfterSeconds)
        case .answer(let answer): .refused(answer.explained)
        case .notSent(let text), .unanswered(let text): .later(text, afterSeconds: nil)
        }
    }
}

extension AlertHTTP.Answer {
    /// For `last_error`.
    var explained: String {
        let what = (300..<400).contains(status) ? "a redirect, which is not followed" : text
        return "answers \(status)" + (what.isEmpty ? "" : ": \(what.prefix(300))")
    }
}

extension String {
    var withoutTrailingSlash: String {
        var text = self
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

/// JSON with keys in order.
func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
        preconditionFailure("strings and lists always encode")
    }
    return String(decoding: data, as: UTF8.self)
}
