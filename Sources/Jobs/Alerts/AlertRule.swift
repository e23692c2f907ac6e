/// What is watched. The raw value stands in tables, labels and settings and never changes.
public enum AlertRule: String, Sendable, CaseIterable, Codable {
    /// Packets of one circle and direction that are lost.
    case packetLoss
    /// Packets lost in many circles of one node at once.
    case nodePacketLoss
    /// Events that a broker has and Ingest has not stored.
    case ingestLag
    /// Events that no broker has taken.
    case outboxAge
    /// Sequence numbers that never arrived.
    case ingestGaps
    /// Records that cannot be read.
    case deadLetters
    /// A node that fell silent without saying good-bye.
    case nodeLost
    /// Members whose state in the tables is not what their node says.
    case presenceDrift
    /// A job that no process does, or that fails each time.
    case jobsLate

    /// How urgent: PagerDuty's words.
    public enum Severity: String, Sendable, Codable {
        case critical
        case error
        case warning
    }

    /// The same for every incident of a rule, so that receivers route by it.
    public var severity: Severity {
        switch self {
        case .packetLoss, .jobsLate: .error
        case .nodePacketLoss, .nodeLost, .ingestLag, .outboxAge: .critical
        case .ingestGaps, .deadLetters, .presenceDrift: .warning
        }
    }

    /// The section of docs/runbook.md.
    public var runbookAnchor: String {
        switch self {
        case .packetLoss: "packet-loss"
        case .nodePacketLoss: "packet-loss-on-a-node"
        case .ingestLag: "ingest-lag"
        case .outboxAge: "outbox-age"
        case .ingestGaps: "ingest-gaps"
        case .deadLetters: "dead-letters"
        case .nodeLost: "node-lost"
        case .presenceDrift: "presence-drift"
        case .jobsLate: "jobs"
        }
    }

    /// The part of the system, for receivers that group by it.
    public var component: String {
        switch self {
        case .packetLoss, .nodePacketLoss, .nodeLost: "sfu"
        case .outboxAge: "relay"
        case .ingestLag, .ingestGaps, .deadLetters, .presenceDrift: "ingest"
        case .jobsLate: "jobs"
        }
    }

    /// How long nothing bad must be seen before an incident is over, seconds. Long enough that
    /// something which comes and goes each half minute is one incident, not many pages.
    public var calmSeconds: Int64 { 60 }
}
