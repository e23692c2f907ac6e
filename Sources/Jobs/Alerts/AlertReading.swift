import Domain

/// What a rule found about one subject at one moment.
public struct AlertReading: Sendable, Equatable {
    /// Where a value lies: between its two thresholds an incident neither begins nor ends.
    public enum Level: Sendable, Equatable {
        case bad
        case between
        case calm
        /// What it is about is over: its incident ends at once.
        case ended
    }

    public var rule: AlertRule
    public var subject: String
    /// What receivers know the incident by; at most 255 characters (PagerDuty's limit).
    public var dedupKey: String
    public var level: Level
    /// In the rule's unit.
    public var value: Double
    /// One sentence, for the page's title.
    public var summary: String
    /// What is behind it, in a few words.
    public var cause: String
    public var details: AlertDetails

    public init(
        rule: AlertRule, subject: String, dedupKey: String, level: Level, value: Double,
        summary: String, cause: String, details: AlertDetails = .init()
    ) {
        self.rule = rule
        self.subject = subject
        self.dedupKey = dedupKey
        self.level = level
        self.value = value
        self.summary = summary
        self.cause = cause
        self.details = details
    }
}

/// What helps whoever is paged.
public struct AlertDetails: Sendable, Equatable, Codable {
    /// What the incident is about; the same as long as it is open.
    public var labels: [String: String]
    /// Numbers and names as they are now.
    public var facts: [String: String]
    /// The value over time, oldest first; `nil` where nothing was measured.
    public var curve: [Double?]
    /// The same in one line of text.
    public var sparkline: String
    /// A query to look further.
    public var sql: String

    public init(
        labels: [String: String] = [:], facts: [String: String] = [:], curve: [Double?] = [],
        sparkline: String = "", sql: String = ""
    ) {
        self.labels = labels
        self.facts = facts
        self.curve = curve
        self.sparkline = sparkline
        self.sql = sql
    }
}

/// One value on one side of two thresholds.
public struct AlertThresholds: Sendable, Equatable {
    /// A value above this is bad.
    public let firesAbove: Double
    /// A value below this is calm; at most `firesAbove`.
    public let clearsBelow: Double

    public init(firesAbove: Double, clearsBelow: Double) {
        precondition(clearsBelow <= firesAbove, "hysteresis has its ends in order")
        self.firesAbove = firesAbove
        self.clearsBelow = clearsBelow
    }

    /// - Returns: `.bad`, `.between` or `.calm`.
    public func level(_ value: Double) -> AlertReading.Level {
        if value > firesAbove { return .bad }
        return value < clearsBelow ? .calm : .between
    }
}
