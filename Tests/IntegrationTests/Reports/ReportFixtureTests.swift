import Database
import Foundation
import TestKit
import Testing

@Suite("Reports worked out by hand (fixture reports.sql)", .timeLimit(.minutes(5)))
final class ReportFixtureTests: Sendable {
    private let store: TestStore

    init() async throws {
        store = try TestStore(poolSize: 1)
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/reports.sql")
        let text = try String(contentsOf: fixture, encoding: .utf8)
        try await store.pool.withConnection { try $0.script(text) }
    }

    deinit {
        store.close()
    }

    @Test(
        "a report says what its rows add up to",
        arguments: [
            (
                "select title, host_uid, listeners, on_stage, connected, speaking from reports.live_now",
                "Late talk|ada|1|0|1|∅"
            ),
            (
                """
                select rule, subject, severity, is_open, clear_reason, duration_minutes, value,
                    cause, told, attempts
                from reports.incidents
                """,
                """
                packetLoss|c1 uplink|error|f|recovered|4.5|12.5|uplink of bob|chat trigger failed, \
                pagerduty trigger sent, pagerduty resolve sent|4
                """
            ),
            (
                """
                select title, uid, node_id, connected_says, drift_seconds
                from reports.presence_drift order by uid
                """,
                "Late talk|ada|sfu-1|table|25.0\nLate talk|eve|sfu-1|node|5.0"
            ),
            (
                """
                select day, circles, stays, members, new_members, minutes, minutes_per_member
                from reports.minutes_by_day order by day
                """,
                """
                2026-11-20|1|4|4|4|42.167|10.542
                2026-11-21|1|2|2|0|10.000|5.000
                2026-11-22|1|1|1|0|10.000|10.000
                """
            ),
            (
                """
                select to_char(minute_at at time zone 'UTC', 'MI'), circles, listeners, speakers,
                    members, joins, leaves
                from reports.concurrency
                where minute_at < '2026-11-21' and (joins > 0 or leaves > 0 or minute_at = '2026-11-20 18:05Z')
                order by minute_at
                """,
                """
                00|1|1|1|2|2|0
                02|1|2|1|3|1|0
                03|1|1|1|2|0|1
                05|1|0|2|2|0|0
                10|1|1|2|3|1|0
                11|1|1|1|2|0|1
                20|0|0|0|0|0|2
                """
            ),
            (
                """
                select count(*), sum(listeners), sum(speakers), max(listeners)
                from reports.concurrency('2026-11-20 17:50Z', '2026-11-20 18:30Z')
                """, "40|16|26|2"
            ),
            (
                """
                select minute_number, listeners, joins, at_risk, dropped, survival, speakers
                from reports.listener_drop_off
                where title = 'Vinyl night' and minute_number in (1, 4, 7, 12, 21)
                order by minute_number
                """,
                """
                1|1|2|2|0|1.0000|{ada}
                4|1|0|3|1|0.6667|∅
                7|0|0|2|0|0.6667|{bo,ada}
                12|1|0|3|1|0.4444|∅
                21|0|0|2|0|0.4444|∅
                """
            ),
            (
                """
                select day, kind, asked, accepted, declined, left_meanwhile, open, spoke,
                    accepted_share, spoke_share, wait_seconds_p50, wait_seconds_p99
                from reports.hand_raise_funnel order by kind
                """,
                """
                2026-11-20|hand|1|1|0|0|0|1|1.0000|1.0000|60.000|60.000
                2026-11-20|invitation|1|0|1|0|0|0|0.0000|0.0000|∅|∅
                """
            ),
            (
                """
                select title, uid, is_creator, talk_seconds, stage_seconds, talk_share, place
                from reports.talk_time order by started_at, place
                """,
                """
                Vinyl night|ada|t|60.000|1200.000|0.6667|1
                Vinyl night|bo|f|30.000|390.000|0.3333|2
                Late talk|ada|t|0.000|1200.000|∅|1
                """
            ),
            (
                """
                select title, rsvps, withdrawn, expected, reminded, attended, stayed,
                    attended_share, stayed_share
                from reports.rsvp_conversion
                """, "Vinyl night|4|1|3|1|2|1|0.6667|0.3333"
            ),
            (
                """
                select day, outcome, cause, stays, share, seat_ms_p50, ice_ms_p50, dtls_ms_p50,
                    first_packet_ms_p50, first_packet_ms_p95
                from reports.join_funnel order by day, outcome, cause
                """,
                """
                2026-11-20|heard|circleEnded|2|0.5000|160|40|80|120|174
                2026-11-20|heard|left|1|0.2500|160|40|80|120|120
                2026-11-20|unconnected|left|1|0.2500|∅|∅|∅|∅|∅
                2026-11-21|heard|inside|1|0.5000|200|50|100|150|150
                2026-11-21|heard|left|1|0.5000|120|30|60|90|90
                """
            ),
            (
                """
                select day, uid, direction, minutes, packets_expected, packets_lost, loss,
                    jitter_ms, jitter_ms_p95, rtt_ms_p50, rtt_ms_p95, mos
                from reports.quality
                """,
                "2026-11-20|ada|uplink|2|6000|12|0.00200|5.000|8.000|50.000|59.000|4.16"
            ),
            (
                """
                select host_uid, circles, days_hosted, attendances, members_per_circle,
                    peak_listeners_per_circle, peak_listeners, minutes, promotions, kicks,
                    circles_lost
                from reports.hosts
                """, "ada|2|2|6|3.00|1.50|2|62.167|1|0|0"
            ),
            (
                """
                select week, category, circles, hosts, attendances, minutes, minutes_share, place,
                    minutes_change
                from reports.directory_trends order by place
                """,
                """
                2026-11-16|music|1|1|4|42.167|0.6783|1|∅
                2026-11-16|talk|1|1|2|20.000|0.3217|2|∅
                """
            ),
            (
                """
                select acted_at, title, action, actor_uid, target_uid, reason
                from reports.moderation_log
                """, "2026-11-20 18:07:00+00|Vinyl night|memberMuted|ada|bo|echo"
            ),
        ] as [(String, String)])
    func says(query: String, rows: String) async throws {
        #expect(try await store.text("\(trusted: query)") == rows)
    }

    @Test("retention counts who is back on the very day, once that day is over")
    func countsReturns() async throws {
        try await store.pool.withConnection { connection in
            try connection.script(
                """
                insert into daily_members (uid, day, circle_count, first_day)
                select uid, date '2020-01-01' + later, 1, date '2020-01-01'
                from (values
                    ('p', 0), ('q', 0), ('r', 0), ('s', 0), ('p', 1), ('q', 2), ('r', 7), ('p', 7),
                    ('s', 29), ('q', 30)
                ) as days (uid, later);
                insert into daily_members (uid, day, circle_count, first_day)
                select 'new', (now() at time zone 'UTC')::date, 1, (now() at time zone 'UTC')::date
                """)
        }
        #expect(
            try await store.text(
                """
                select people, day_1, day_7, day_30, day_1_share, day_7_share, day_30_share
                from reports.retention where cohort_day = '2020-01-01'
                """) == "4|1|2|1|0.2500|0.5000|0.2500")
        #expect(
            try await store.text(
                """
                select people, day_1, day_7, day_30 from reports.retention
                where kind = 'member' and cohort_day = (now() at time zone 'UTC')::date
                    and cohort_day > '2026-11-22'
                """
            ).hasPrefix("1|∅|∅|∅"))
    }

    @Test("an analyst reads every report, and no table of people's devices or commands")
    func analystsRead() async throws {
        let names = try await store.text(
            "select viewname from pg_views where schemaname = 'reports'"
        ).components(separatedBy: "\n")
        #expect(names.count >= 13)
        try await store.pool.withConnection { connection in
            try connection.script("set role analyst")
            for name in names {
                _ = try connection.queryText(
                    "select count(*) from reports.\(trusted: "\"\(name)\"")")
            }
            for table in ["circles", "push_tokens", "notifications", "known_members"] {
                #expect(throws: DatabaseError.self, "\(table)") {
                    try connection.queryText("select count(*) from \(trusted: table)")
                }
            }
            try connection.script("reset role")
        }
    }

    @Test("analysts have few sessions and little time a query, and write nothing")
    func limitsAnalysts() async throws {
        #expect(
            try await store.text(
                """
                select rolconnlimit, array_to_string(array(
                    select setting from unnest(rolconfig) as setting order by setting
                ), ' ')
                from pg_roles where rolname = 'analyst'
                """)
                == "10|default_transaction_read_only=on idle_in_transaction_session_timeout=60s"
                + " statement_timeout=30s")
    }
}
