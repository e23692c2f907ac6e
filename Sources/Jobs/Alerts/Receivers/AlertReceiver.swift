import Domain

/// Who is told of incidents.
public protocol AlertReceiver: Sendable {
    /// As in `alert_deliveries.receiver`.
    var name: AlertReceiverName { get }

    /// Tells one thing, once. Takes ten seconds at most.
    func send(_ notice: AlertNotice, at now: Timestamp) async -> AlertAnswer
}

/// The kinds of receivers; of each there is one at most.
public enum AlertReceiverName: String, Sendable, CaseIterable {
    case pagerduty
    case alertmanager
    case webhook
    case log

    /// Whether it knows a repeat by its key, so that what may have arrived is safely sent again:
    /// at least once, seen once. The others are told at most once.
    var knowsRepeats: Bool { self == .pagerduty || self == .alertmanager }

    /// How often an open incident is said again; `nil` for once. Alertmanager takes what it does
    /// not hear of for over.
    var repeatSeconds: Int64? { self == .alertmanager ? 60 : nil }

    static var repeatable: [String] { allCases.filter(\.knowsRepeats).map(\.rawValue) }
}

/// What came of telling.
public enum AlertAnswer: Sendable, Equatable {
    case accepted
    /// Never to be sent like this again.
    case refused(String)
    /// Not taken, perhaps later; not before so many seconds if the receiver said.
    case later(String, afterSeconds: Int64?)
    /// Nobody knows whether it arrived.
    case unknown(String)
}

/// One thing to tell: that an incident is there, or that it is over.
public struct AlertNotice: Sendable, Equatable {
    public enum Action: String, Sendable {
        case trigger
        case resolve
    }

    public var action: Action
    public var rule: String
    public var subject: String
    public var dedupKey: String
    public var severity: AlertRule.Severity
    public var component: String
    public var summary: String
    public var cause: String
    public var value: Double
    public var details: AlertDetails
    public var openedAt: Timestamp
    public var clearedAt: Timestamp?
    public var clearReason: String?
    /// Where the runbook is; empty when nobody said, then there is the file's name in the text.
    public var runbookURL: String
    public var runbookAnchor: String

    /// The section of the runbook, as a link where there is one.
    var runbook: String {
        (runbookURL.isEmpty ? "docs/runbook.md" : runbookURL) + "#" + runbookAnchor
    }

    /// Everything a person wants to see, as pairs.
    var facts: [(name: String, value: String)] {
        var facts = details.facts.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        facts.append((name: "cause", value: cause))
        if !details.sparkline.isEmpty {
            let numbers = details.curve.map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
            facts.append((name: "last_5_minutes", value: details.sparkline))
            facts.append((name: "percent_per_10_seconds", value: numbers))
        }
        if !details.sql.isEmpty { facts.append((name: "sql", value: details.sql)) }
        facts.append((name: "runbook", value: runbook))
        return facts.reduce(into: []) { known, fact in
            if !known.contains(where: { $0.name == fact.name }) { known.append(fact) }
        }
    }
}

extension AlertNotice {
    /// What `circles alerts test` sends: in form a page like any other.
    public static func test(
        _ action: Action, key: String, at now: Timestamp, runbookURL: String
    ) -> AlertNotice {
        AlertNotice(
            action: action, rule: "test", subject: "circles alerts test", dedupKey: key,
            severity: .warning, component: "jobs",
            summary: "Test page of Circles: nothing is wrong", cause: "circles alerts test",
            value: 0, details: AlertDetails(labels: ["test": key]), openedAt: now,
            clearedAt: action == .resolve ? now : nil,
            clearReason: action == .resolve ? "ended" : nil, runbookURL: runbookURL,
            runbookAnchor: "test-pages")
    }
}
