import Database
import Domain

/// How long events wait in the outbox: for a broker, and behind it for Ingest.
///
/// One reading each, always, so that the age is known while it is small.
struct OutboxRule: AlertSource {
    /// Freshness is 100 ms at p99; half a minute is neither a pause nor a takeover.
    static let thresholds = AlertThresholds(firesAbove: 30, clearsBelow: 10)

    var rules: [AlertRule] { [.outboxAge, .ingestLag] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        try [AlertRule.outboxAge, .ingestLag].map { rule in
            let isPublished = rule == .ingestLag
            let rows = try connection.query(
                """
                select created_at, (select count(*) from outbox)
                from outbox
                where (published_at is not null) = \(isPublished)
                order by outbox_id
                limit 1
                """)
            let oldest: Timestamp? = try rows.first?.get(0)
            let count: Int64 = try rows.first?.get(1) ?? 0
            let age = oldest.map { Double(now.microseconds - $0.microseconds) / 1e6 } ?? 0
            let cause =
                isPublished
                ? "Ingest does not store what the broker has"
                : "no broker takes what the API writes"
            return AlertReading(
                rule: rule, subject: "outbox", dedupKey: rule.rawValue,
                level: Self.thresholds.level(age), value: max(age, 0),
                summary: "\(cause): the oldest event has waited \(Int(max(age, 0))) s",
                cause: cause,
                details: AlertDetails(
                    facts: ["rows": "\(count)", "oldest": oldest?.description ?? ""],
                    sql: isPublished
                        ? "select * from ingest_offsets order by topic, kafka_partition;"
                        : "select count(*), min(created_at), max(rejected_count) from outbox "
                            + "where published_at is null;"))
        }
    }
}

/// Records that Ingest put aside in the last minutes.
struct DeadLetterRule: AlertSource {
    /// One is a bug or a stranger on the topic; it is told for this long.
    static let recentSeconds: Int64 = 600

    var rules: [AlertRule] { [.deadLetters] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        let row = try connection.query(
            """
            select count(*), coalesce(min(reason), ''), coalesce(min(topic), '')
            from dead_letters
            where recorded_at > \(now.adding(seconds: -Self.recentSeconds))
                and recorded_at <= \(now)
            """)[0]
        let (count, reason, topic): (Int64, String, String) = (
            try row.get(0), try row.get(1), try row.get(2)
        )
        return [
            AlertReading(
                rule: .deadLetters, subject: "dead_letters", dedupKey: "deadLetters",
                level: count > 0 ? .bad : .calm, value: Double(count),
                summary: "\(count) records could not be read in the last 10 minutes: \(reason)",
                cause: reason,
                details: AlertDetails(
                    facts: ["topic": topic],
                    sql: "select topic, kafka_partition, kafka_offset, reason, recorded_at "
                        + "from dead_letters order by recorded_at desc limit 20;"))
        ]
    }
}

/// Numbers that were skipped and stay so. A row of `ingest_gaps` has no time and stays when an
/// SFU node lost events for good, so what counts is that their sum rises above what is known.
struct GapRule: AlertSource {
    /// An event that was overtaken, or is filled from the outbox, is there sooner.
    static let persistSeconds: Int64 = 60
    /// How long a rise is told.
    static let recentSeconds: Int64 = 600

    var rules: [AlertRule] { [.ingestGaps] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        let row = try connection.query(
            """
            select coalesce(sum(last_seq - first_seq + 1), 0)::bigint, count(distinct circle_id)
            from ingest_gaps
            """)[0]
        let (missing, circles): (Int64, Int64) = (try row.get(0), try row.get(1))
        let known = try connection.query(
            """
            select value, rising_since, risen_at
            from alert_marks
            where rule = \(AlertRule.ingestGaps.rawValue)
            """
        ).first.map { row in
            GapMark(
                value: try row.get(0), risingSince: try row.optional(1),
                risenAt: try row.optional(2))
        }
        let mark = (known ?? GapMark(value: missing)).following(missing, at: now)
        try connection.query(
            """
            insert into alert_marks (rule, value, rising_since, risen_at, noted_at)
            values (
                \(AlertRule.ingestGaps.rawValue), \(mark.value), \(mark.risingSince),
                \(mark.risenAt), \(now)
            )
            on conflict (rule) do update
            set
                value = excluded.value, rising_since = excluded.rising_since,
                risen_at = excluded.risen_at, noted_at = excluded.noted_at
            """)
        let isRecent = mark.isRecent(at: now)
        return [
            AlertReading(
                rule: .ingestGaps, subject: "ingest_gaps", dedupKey: "ingestGaps",
                level: isRecent ? .bad : .calm, value: Double(missing),
                summary: "events never arrived: \(missing) numbers missing in \(circles) circles",
                cause: "a source's numbering has new holes",
                details: AlertDetails(
                    sql: "select source, source_epoch, count(*), sum(last_seq - first_seq + 1) "
                        + "from ingest_gaps group by 1, 2 order by 4 desc;"))
        ]
    }
}

/// A count that is known, and what is above it.
struct GapMark: Equatable {
    var value: Int64
    var risingSince: Timestamp?
    var risenAt: Timestamp?

    /// What is known after a count: less at once, more when it has stayed for a minute.
    func following(_ count: Int64, at now: Timestamp) -> GapMark {
        guard count > value else { return GapMark(value: count, risenAt: risenAt) }
        let since = risingSince ?? now
        guard now >= since.adding(seconds: GapRule.persistSeconds) else {
            return GapMark(value: value, risingSince: since, risenAt: risenAt)
        }
        return GapMark(value: count, risenAt: now)
    }

    func isRecent(at now: Timestamp) -> Bool {
        risenAt.map { now < $0.adding(seconds: GapRule.recentSeconds) } ?? false
    }
}

/// Nodes that fell silent.
struct NodeRule: AlertSource {
    /// A heartbeat comes every 2 s; at 10 s members are sent elsewhere, and a little later it is
    /// no pause.
    static let thresholds = AlertThresholds(firesAbove: 15, clearsBelow: 6)
    /// Whoever has been silent longer is history: a restored database pages nobody.
    static let ageSecondsMax: Int64 = 86_400

    var rules: [AlertRule] { [.nodeLost] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        try connection.query(
            """
            select
                node_id, heartbeat_at, circle_count, member_count,
                stopped_at is not null
                    or heartbeat_at <= \(now.adding(seconds: -Self.ageSecondsMax))
            from sfu_nodes
            where (stopped_at is null and heartbeat_at > \(now.adding(seconds: -Self.ageSecondsMax)))
                or exists (
                    select
                    from alerts
                    where dedup_key = 'node:' || node_id and cleared_at is null
                )
            """
        ).map { row in
            let (node, heartbeatAt): (String, Timestamp) = (try row.get(0), try row.get(1))
            let (circles, members): (Int64, Int64) = (try row.get(2), try row.get(3))
            let age = max(Double(now.microseconds - heartbeatAt.microseconds) / 1e6, 0)
            return AlertReading(
                rule: .nodeLost, subject: node, dedupKey: "node:\(node)",
                level: try row.get(4) ? .ended : Self.thresholds.level(age), value: age,
                summary: "SFU node \(node) has been silent for \(Int(age)) s; it had "
                    + "\(members) members in \(circles) circles",
                cause: "node \(node) is dead, hangs, or does not reach the database",
                details: AlertDetails(
                    labels: ["node": node],
                    facts: ["heartbeat": "\(heartbeatAt)", "circles": "\(circles)"],
                    sql: "select * from sfu_nodes where node_id = '\(node.quoted)';"))
        }
    }
}
