import BlockingThread
import Database
import Domain
import Embedded
import Foundation
import MediaSwarm
import Reports

/// What `circles demo` shows once everything runs.
struct Demonstration {
    let stack: Stack
    let pool: ConnectionPool
    let apiKey: String
    let developmentSecret: String
    /// The folder of the mailbox; `nil` when SMTP_URL names another server.
    let mailbox: EmbeddedMailbox?

    private static let waitSecondsMax = 60
    private static let talkSeconds = 10
    /// A network that is not quite clean, so that there is a loss to be measured.
    private static let network = SwarmSettings(
        uplinkLossProbability: 0.02, downlinkLossProbability: 0.01, jitterMicrosecondsMax: 10_000)

    func run(port: Int) async throws {
        Runtime.say("\n— one circle, 8 speakers and 100 listeners, over REST and WebRTC —")
        let run = EventID(now: stack.clock.now()).description.suffix(6)
        let scenario = SwarmScenario(
            baseURL: "http://127.0.0.1:\(port)", apiKey: apiKey,
            developmentSecret: developmentSecret, hostEmail: "host@example.com",
            speakerCount: 8, listenerCount: 100, name: "demo-\(run)", say: { Runtime.say($0) })
        let lived = try await SwarmRun(
            scenarios: [scenario],
            media: .init(settings: Self.network, seconds: Self.talkSeconds)
        ).run()
        let outcome = lived.outcomes[0]
        Runtime.say(outcome.latencies.summary)
        if let report = lived.report {
            Runtime.say("\n— what the swarm measured —")
            Runtime.say(report.text)
        }

        guard let circleID = CircleID(outcome.circleID) else { return }
        let (eventCount, milliseconds) = try await waitUntilStored(circleID)
        Runtime.say(
            "\n— \(eventCount) events went through Kafka into PostgreSQL; the last was there \(milliseconds) ms after the circle's end —"
        )
        Runtime.say(try await eventCounts(circleID))
        Runtime.say("— the media, as PostgreSQL has it —")
        for table in try await mediaTables(circleID) { Runtime.say(table) }
        Runtime.say("— circles report sessions —")
        Runtime.say(try await report())
        Runtime.say("— circles verify —")
        let stack = stack
        for finding in try await BlockingThread.run(
            name: "verify", { try stack.verify(replaysFirst: true) })
        {
            Runtime.say("\(finding.isClean ? "ok  " : "FAIL") \(finding.check): \(finding.detail)")
        }
        Runtime.endProgress()
        Runtime.say("\n— the host's summary e-mail —")
        Runtime.say(try await mail(circleID))
    }

    private func waitUntilStored(_ circleID: CircleID) async throws -> (Int, Int) {
        let began = ContinuousClock.now
        while began.duration(to: .now) < .seconds(Self.waitSecondsMax) {
            let (count, isEnded) = try await pool.withConnection { connection in
                let row = try connection.query(
                    """
                    select
                        (select count(*) from events where circle_id = \(circleID)),
                        exists (
                            select from circle_sessions
                            where circle_id = \(circleID) and ended_at is not null
                        )
                    """)[0]
                return (try row.get(0, as: Int.self), try row.get(1, as: Bool.self))
            }
            if isEnded { return (count, Int(began.duration(to: .now) / .milliseconds(1))) }
            try await Task.sleep(for: .milliseconds(5))  // rows have no other signal here
        }
        throw SwarmClient.Unexpected(description: "the events did not arrive in a minute")
    }

    private func eventCounts(_ circleID: CircleID) async throws -> String {
        try await text(
            """
            select event_type, count(*) as events
            from events
            where circle_id = \(circleID)
            group by event_type
            order by min(circle_seq)
            """)
    }

    /// Who was connected, what was lost on the way to and from the server, and who talked.
    private func mediaTables(_ circleID: CircleID) async throws -> [String] {
        try await waitUntilMeasured(circleID)
        return [
            try await text(
                """
                select
                    count(*) as connected_sessions,
                    percentile_disc(0.5) within group (order by ice_ms) as ice_ms_median,
                    percentile_disc(0.5) within group (order by dtls_ms) as dtls_ms_median,
                    percentile_disc(0.5) within group (order by first_packet_ms)
                        as first_packet_ms_median,
                    (select count(*) from quality_samples where circle_id = \(circleID))
                        as quality_samples
                from attendances
                where circle_id = \(circleID) and dtls_ms is not null
                """),
            try await text(
                """
                select
                    direction,
                    count(distinct session_id) as sessions,
                    sum(packets_expected) as packets_expected,
                    sum(packets_lost) as packets_lost,
                    round(100.0 * sum(packets_lost) / nullif(sum(packets_expected), 0), 2)
                        as lost_percent,
                    round(max(jitter_us_max) / 1000.0, 1) as jitter_ms_max,
                    round(max(round_trip_time_us_max) / 1000.0, 1) as round_trip_ms_max
                from quality_minutes
                where circle_id = \(circleID)
                group by direction
                order by direction desc
                """),
            try await text(
                """
                select uid, round(talk_us / 1e6, 1) as talk_seconds, last_role
                from attendances
                where circle_id = \(circleID)
                order by talk_us desc, uid
                limit 3
                """),
        ]
    }

    /// Waits for the last samples, which the node takes at the circle's end.
    private func waitUntilMeasured(_ circleID: CircleID) async throws {
        let began = ContinuousClock.now
        while began.duration(to: .now) < .seconds(Self.waitSecondsMax) {
            let isMeasured = try await pool.withConnection { connection in
                let row = try connection.query(
                    """
                    select exists (
                        select
                        from quality_samples as sample
                        join circle_sessions as session using (circle_id)
                        where sample.circle_id = \(circleID)
                            and sample.sampled_at >= session.ended_at
                    )
                    """)[0]
                return try row.get(0, as: Bool.self)
            }
            if isMeasured { return }
            try await Task.sleep(for: .milliseconds(20))  // rows have no other signal here
        }
        throw SwarmClient.Unexpected(description: "the last samples did not arrive in a minute")
    }

    private func report() async throws -> String {
        try await text(
            """
            select
                title, to_char(started_at, 'YYYY-MM-DD HH24:MI') as started_at, end_reason,
                members, peak_listeners, peak_speakers, total_minutes, hand_raises, promotions,
                kicks
            from reports.sessions
            order by started_at desc
            limit 5
            """)
    }

    private func text(_ sql: SQL) async throws -> String {
        try await pool.withConnection { connection in
            ReportFormat.table.render(try connection.queryText(sql))
        }
    }

    /// The text part of the mail for this circle, once it is there.
    private func mail(_ circleID: CircleID) async throws -> String {
        guard let mailbox else { return "sent to SMTP_URL" }
        for _ in 0..<(Self.waitSecondsMax * 10) {
            if let message = mailbox.messages().first(where: { $0.contains("\(circleID)") }) {
                return try MailText.read(message)
            }
            try await Task.sleep(for: .milliseconds(100))  // a file's arrival has no signal here
        }
        throw SwarmClient.Unexpected(description: "the e-mail did not arrive in a minute")
    }
}

/// Reads what a mail program would show of one of our own messages.
enum MailText {
    static func read(_ message: String) throws -> String {
        let lines = message.replacingOccurrences(of: "\r\n", with: "\n")
        guard let headerEnd = lines.range(of: "\n\n"),
            let part = lines.range(of: "Content-Type: text/plain"),
            let bodyBegin = lines.range(of: "\n\n", range: part.upperBound..<lines.endIndex),
            let bodyEnd = lines.range(of: "\n--", range: bodyBegin.upperBound..<lines.endIndex),
            let body = Data(
                base64Encoded: String(lines[bodyBegin.upperBound..<bodyEnd.lowerBound]),
                options: .ignoreUnknownCharacters)
        else { throw SwarmClient.Unexpected(description: "the e-mail cannot be read") }
        let headers = lines[..<headerEnd.lowerBound].split(separator: "\n").filter { line in
            ["From:", "To:", "Date:", "Message-ID:"].contains { line.hasPrefix($0) }
        }
        return headers.joined(separator: "\n") + "\n\n" + String(decoding: body, as: UTF8.self)
    }
}
