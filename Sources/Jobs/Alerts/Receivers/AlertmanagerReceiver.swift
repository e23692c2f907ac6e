import Domain

/// Prometheus' Alertmanager, API v2. An alert is firing until `endsAt`, so it is said again each
/// minute while it is open, and a resolve says an end that has passed.
/// Source: prometheus.io, "Alertmanager: Alerts API"; alertmanager/api/v2/openapi.yaml.
public struct AlertmanagerReceiver: AlertReceiver {
    /// An open alert is taken for over when we are silent for this long.
    static let endsAfterSeconds: Int64 = 300

    public let name = AlertReceiverName.alertmanager
    private let url: String
    private let http: AlertHTTP

    /// - Parameter url: its base, without `/api/v2/alerts`.
    public init(url: String) {
        self.init(url: url, http: AlertHTTP())
    }

    init(url: String, http: AlertHTTP) {
        self.url = url.withoutTrailingSlash
        self.http = http
    }

    private struct Alert: Encodable {
        /// The alert's identity: nothing here changes while it is open.
        let labels: [String: String]
        let annotations: [String: String]
        let startsAt: String
        let endsAt: String
        var generatorURL: String?
    }

    public func send(_ notice: AlertNotice, at now: Timestamp) async -> AlertAnswer {
        var labels = notice.details.labels
        labels["alertname"] = notice.rule
        labels["severity"] = notice.severity.rawValue
        labels["component"] = notice.component
        labels["dedup_key"] = notice.dedupKey
        labels["service"] = "circles"
        var annotations = Dictionary(notice.facts.map { ($0.name, $0.value) }) { $1 }
        annotations["summary"] = notice.summary
        annotations["value"] = "\(notice.value)"
        // An end that lies before the begin is refused.
        let endsAt =
            notice.action == .resolve
            ? max(notice.clearedAt ?? now, notice.openedAt)
            : max(now, notice.openedAt).adding(seconds: Self.endsAfterSeconds)
        let alert = Alert(
            labels: labels, annotations: annotations.filter { !$0.value.isEmpty },
            startsAt: "\(notice.openedAt)", endsAt: "\(endsAt)",
            generatorURL: notice.runbookURL.isEmpty ? nil : notice.runbook)
        return switch await http.post(json([alert]), to: url + "/api/v2/alerts") {
        case .answer(let answer) where (200..<300).contains(answer.status): .accepted
        case .answer(let answer) where answer.status == 429 || answer.status >= 500:
            .later(answer.explained, afterSeconds: answer.retryAfterSeconds)
        case .answer(let answer): .refused(answer.explained)
        case .notSent(let text), .unanswered(let text): .later(text, afterSeconds: nil)
        }
    }
}
