import Database
import Domain
import Logging
import Metrics

/// Evaluates every rule and keeps the incidents: who opens, who is still open, who clears. What
/// receivers are to be told goes into `alert_deliveries` in the same transaction.
///
/// It looks at what is recent by the clock only, and an open incident is a row: after a restart,
/// a restore or a replay nothing is paged that was paged before.
public struct AlertJob: Job {
    /// Incidents that one evaluation opens; what is still bad opens in the next.
    static let openCountMax = 50

    public let name = "alerts"
    public let intervalMilliseconds: Int64 = 5000

    private let pool: ConnectionPool
    private let receivers: [String]
    private let rulesOff: Set<AlertRule>
    private let logger: Logger
    private let sources: [any AlertSource]

    /// - Parameters:
    ///   - receivers: their names; each gets a row of every incident.
    ///   - rulesOff: rules that open nothing and whose incidents end.
    ///   - jobNames: the jobs that must not be late; `nil`: all that ever ran.
    public init(
        pool: ConnectionPool, receivers: [String], rulesOff: Set<AlertRule> = [],
        jobNames: Set<String>? = nil, logger: Logger
    ) {
        self.init(
            pool: pool, receivers: receivers, rulesOff: rulesOff, logger: logger,
            sources: [
                LossRule(), OutboxRule(), GapRule(), DeadLetterRule(), NodeRule(), PresenceRule(),
                JobRule(names: jobNames),
            ])
    }

    init(
        pool: ConnectionPool, receivers: [String], rulesOff: Set<AlertRule> = [], logger: Logger,
        sources: [any AlertSource]
    ) {
        self.pool = pool
        self.receivers = receivers
        self.rulesOff = rulesOff
        self.logger = logger
        self.sources = sources
    }

    public func run(at now: Timestamp) async throws -> JobResult {
        let (sources, receivers, rulesOff) = (sources, receivers, rulesOff)
        let outcome = try await pool.withConnection { connection -> Outcome in
            var outcome = Outcome()
            var readings: [AlertReading] = []
            var unread: Set<AlertRule> = []
            for source in sources where !rulesOff.isSuperset(of: source.rules) {
                // One rule that cannot be read must not silence the others; it is told below.
                do {
                    readings += try source.read(connection, now: now)
                } catch {
                    unread.formUnion(source.rules)
                    outcome.failures.append("\(source.rules.map(\.rawValue)): \(error)")
                }
            }
            let incidents = AlertIncidents(receivers: receivers, now: now)
            try connection.transaction {
                try Self.settle(
                    readings.filter { !rulesOff.contains($0.rule) }, unread: unread,
                    rulesOff: rulesOff, incidents, connection, &outcome)
            }
            outcome.openCounts = try incidents.openCounts(connection)
            return outcome
        }
        report(outcome)
        guard outcome.failures.isEmpty else { throw RulesUnread(failures: outcome.failures) }
        return JobResult(
            count: outcome.opened.count + outcome.cleared.count,
            detail: (outcome.opened.map { "opened \($0)" } + outcome.cleared.map { "cleared \($0)" })
                .prefix(5).joined(separator: ", "))
    }

    struct Outcome: Sendable {
        var opened: [String] = []
        var cleared: [String] = []
        var failures: [String] = []
        var openCounts: [String: Int64] = [:]
    }

    /// Rules whose state could not be read: their incidents stay as they are.
    struct RulesUnread: Error, CustomStringConvertible {
        let failures: [String]

        var description: String { failures.joined(separator: "; ") }
    }

    private static func settle(
        _ readings: [AlertReading], unread: Set<AlertRule>, rulesOff: Set<AlertRule>,
        _ incidents: AlertIncidents, _ connection: Connection, _ outcome: inout Outcome
    ) throws {
        let open = try incidents.lockOpen(connection)
        // A key has one reading; of two the worse would flap with the other.
        let byKey = Dictionary(readings.map { ($0.dedupKey, $0) }) { first, _ in first }
        var openNodes: Set<String> = []
        for incident in open where !unread.contains(incident.rule) {
            if rulesOff.contains(incident.rule) {
                try incidents.clear(incident, .ruleOff, connection)
                outcome.cleared.append(incident.dedupKey)
                continue
            }
            let reading = byKey[incident.dedupKey]
            var state = AlertState(
                phase: .open(calmSince: incident.calmSince), observedAt: incident.observedAt,
                calmSeconds: incident.rule.calmSeconds)
            let action = state.observe(reading?.level, at: incidents.now)
            try incidents.note(incident, state, reading, connection)
            if case .clear(let reason) = action {
                try incidents.clear(incident, reason, connection)
                outcome.cleared.append(incident.dedupKey)
            }
        }
        for incident in open where !outcome.cleared.contains(incident.dedupKey) {
            if incident.rule == .nodePacketLoss { openNodes.insert(incident.subject) }
        }
        let known = Set(open.map(\.dedupKey))
        // Nodes first: their incident stands for those of their circles.
        let fresh = byKey.values.filter { $0.level == .bad && !known.contains($0.dedupKey) }
            .sorted {
                ($0.rule == .nodePacketLoss ? 0 : 1, $0.dedupKey)
                    < ($1.rule == .nodePacketLoss ? 0 : 1, $1.dedupKey)
            }
        for reading in fresh where outcome.opened.count < openCountMax {
            if reading.rule == .packetLoss, let node = reading.details.facts["node"],
                openNodes.contains(node)
            {
                continue
            }
            guard try incidents.open(reading, connection) else { continue }
            outcome.opened.append(reading.dedupKey)
            if reading.rule == .nodePacketLoss { openNodes.insert(reading.subject) }
        }
    }

    private func report(_ outcome: Outcome) {
        for rule in AlertRule.allCases {
            Gauge(label: "circles_alerts_open", dimensions: [("rule", rule.rawValue)])
                .record(outcome.openCounts[rule.rawValue] ?? 0)
        }
        for key in outcome.opened {
            logger.warning("incident opened", metadata: ["key": "\(key)"])
        }
        for key in outcome.cleared {
            logger.notice("incident cleared", metadata: ["key": "\(key)"])
        }
    }
}
