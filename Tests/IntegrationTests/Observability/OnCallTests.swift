import AsyncHTTPClient
import Database
import Domain
import Embedded
import Foundation
import NIOCore
import TestKit
import Testing

/// The whole system as an operator has it: `circles up`, a real Prometheus that scrapes it and a
/// real Alertmanager that is paged.
@Suite("On call", .serialized)
struct OnCallTests {
    private static let repository = URL(fileURLWithPath: TestCluster.sqlDirectory)
        .deletingLastPathComponent().path

    @Test(
        "8 % of one speaker's packets are lost: one page names the speaker, and is resolved when it stops; meanwhile every dashboard's queries find something"
    )
    func pages() async throws {
        let site = try OnCallSite()
        defer { site.stop() }
        try await site.start(rules: Self.repository + "/deploy/prometheus/circles.rules.yml")
        let swarm = CirclesProcess(
            "swarm",
            [
                "--url", site.apiURL, "--speakers", "3", "--listeners", "5", "--seconds", "170",
                "--no-pauses", "--uplink-loss", "0.08", "--uplink-loss-seconds", "70",
                "--lossy-speaker", "2",
            ], environment: ["CIRCLES_HOME": site.home], log: site.home + "/swarm.log")
        try swarm.start()
        defer { swarm.kill() }

        let page = try await site.wait(seconds: 120) {
            try await site.activeAlerts().first { $0.labels["alertname"] == "packetLoss" }
        }
        #expect(try await site.activeAlerts().count == 1)
        #expect(page.labels["dedup_key"]?.hasPrefix("loss:") == true)
        #expect(page.labels["dedup_key"]?.hasSuffix(":uplink") == true)
        let worst = try await site.worstSpeaker()
        let told = page.annotations.values.joined(separator: "\n") + page.labels.values.joined()
        #expect(told.contains(worst.uid), "\(page)")
        #expect(worst.percent > 5)
        print(
            "paged \(page.labels), \(page.annotations); first bad packet to page:",
            "\(try await site.pageDelaySeconds()) s")

        try await checkDashboards(site)

        // The loss ends after 70 s; nothing bad for 60 s, and it is over.
        _ = try await site.wait(seconds: 150) {
            try await site.activeAlerts().isEmpty ? true : nil
        }
        let told2 = try await site.deliveries()
        #expect(told2 == "trigger sent, resolve sent")
    }

    /// Metrics that are only there once something went wrong or was sent.
    private static let rare = [
        "circles_api_problems_total", "circles_api_rate_limited_total",
        "circles_api_connections_refused_total", "circles_api_idempotency_total",
        "circles_jobs_mails_total", "circles_jobs_pushes_total", "circles_live",
        "circles_sfu_datagrams_rejected_total",
    ]

    private func checkDashboards(_ site: OnCallSite) async throws {
        let folder = Self.repository + "/deploy/grafana/dashboards"
        var count = 0
        for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
            let dashboard = try JSONDecoder().decode(Dashboard.self, from: data)
            for panel in dashboard.panels {
                for target in panel.targets {
                    count += 1
                    let query = target.expr.replacing("$__rate_interval", with: "1m")
                    let mayBeEmpty = Self.rare.contains { query.contains($0) }
                    do {
                        // A rate is there from the second sample on.
                        try await site.wait(seconds: 40) {
                            try await site.query(query) > 0 || mayBeEmpty ? () : nil
                        }
                    } catch {
                        Issue.record("\(file), \(panel.title): \(query): \(error)")
                    }
                }
            }
        }
        #expect(count > 40)
    }

    private struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable { let expr: String }
            let title: String
            let targets: [Target]
        }
        let panels: [Panel]
    }
}

/// The processes of `OnCallTests`, in a folder of their own.
final class OnCallSite: Sendable {
    struct Alert: Decodable, Sendable {
        let labels: [String: String]
        let annotations: [String: String]
    }

    let home: String
    private let up: CirclesProcess
    private let ports: (api: Int, sfu: Int, prometheus: Int, alertmanager: Int)
    private let processes = ProcessList()

    var apiURL: String { "http://127.0.0.1:\(ports.api)" }

    init() throws {
        home = NSTemporaryDirectory() + "circles-oncall-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        ports = (
            try freePort(), try freePort(), try freePort(), try freePort()
        )
        up = CirclesProcess(
            "up",
            environment: [
                "CIRCLES_HOME": home, "API_PORT": "\(ports.api)", "SFU_PORT": "\(ports.sfu)",
                "ALERTMANAGER_URL": "http://127.0.0.1:\(ports.alertmanager)",
            ], log: home + "/up.log")
    }

    func start(rules: String) async throws {
        try write(
            "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n", to: "alertmanager.yml")
        try write(
            """
            global: {scrape_interval: 2s, evaluation_interval: 2s}
            rule_files: ["\(rules)"]
            scrape_configs:
              - job_name: circles-api
                static_configs: [{targets: ["127.0.0.1:\(ports.api)"]}]
            """, to: "prometheus.yml")
        processes.add(
            try ChildProcess(
                [
                    "prometheus-alertmanager", "--config.file=\(home)/alertmanager.yml",
                    "--storage.path=\(home)/alertmanager", "--cluster.listen-address=",
                    "--web.listen-address=127.0.0.1:\(ports.alertmanager)",
                ], output: home + "/alertmanager.log"))
        processes.add(
            try ChildProcess(
                [
                    "prometheus", "--config.file=\(home)/prometheus.yml",
                    "--storage.tsdb.path=\(home)/prometheus",
                    "--web.listen-address=127.0.0.1:\(ports.prometheus)",
                ], output: home + "/prometheus.log"))
        try up.start()
        _ = try await wait(seconds: 120) {
            try await self.body("\(self.apiURL)/metrics").isEmpty ? nil : true
        }
        _ = try await wait(seconds: 60) {
            try await self.activeAlerts().isEmpty ? true : nil
        }
    }

    func stop() {
        _ = up.stop()
        processes.stop()
        try? FileManager.default.removeItem(atPath: home)  // what stays is in a temporary folder
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: home + "/" + name, atomically: false, encoding: .utf8)
    }

    // MARK: Asking

    /// Asks each half second until there is an answer; what cannot be reached yet is asked again.
    func wait<Answer: Sendable>(
        seconds: Int, _ ask: @Sendable () async throws -> Answer?
    ) async throws -> Answer {
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        var failure: (any Error)?
        while ContinuousClock.now < end {
            do {
                if let answer = try await ask() { return answer }
            } catch {
                failure = error
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        let log = (try? String(contentsOfFile: home + "/up.log", encoding: .utf8)) ?? ""
        throw Failure(
            description: "no answer in \(seconds) s: \(failure.map { "\($0)" } ?? "")\n"
                + log.suffix(3000))
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private func body(_ url: String) async throws -> Data {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: url), timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 16 << 20)
        guard response.status == .ok else {
            throw Failure(description: "\(url): \(response.status) \(String(buffer: body))")
        }
        return Data(buffer: body)
    }

    func activeAlerts() async throws -> [Alert] {
        try JSONDecoder().decode(
            [Alert].self,
            from: try await body(
                "http://127.0.0.1:\(ports.alertmanager)/api/v2/alerts?active=true"))
    }

    /// - Returns: how many series a query finds.
    func query(_ query: String) async throws -> Int {
        struct Answer: Decodable {
            struct Content: Decodable { let result: [Anything] }
            struct Anything: Decodable { init(from _: any Decoder) {} }
            let data: Content
        }
        let text =
            query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let data = try await body("http://127.0.0.1:\(ports.prometheus)/api/v1/query?query=\(text)")
        return try JSONDecoder().decode(Answer.self, from: data).data.result.count
    }

    private func database<Value: Sendable>(
        _ read: @escaping @Sendable (Connection) throws -> Value
    ) async throws -> Value {
        // As `circles up` says it.
        let log = try String(contentsOfFile: home + "/up.log", encoding: .utf8)
        guard let url = log.firstMatch(of: /PostgreSQL psql "([^"]+)"/)?.output.1 else {
            throw Failure(description: "circles up has not said where its PostgreSQL is")
        }
        let pool = ConnectionPool(url: String(url), applicationName: "tests", size: 1)
        defer { pool.close() }
        return try await pool.withConnection(read)
    }

    func worstSpeaker() async throws -> (uid: String, percent: Double) {
        try await database { connection in
            let row = try connection.query(
                """
                select uid, (100.0 * sum(packets_lost) / sum(packets_expected))::float8
                from quality_minutes
                where direction = 'uplink'
                group by uid
                having sum(packets_expected) > 0
                order by 2 desc
                limit 1
                """)[0]
            return (try row.get(0), try row.get(1))
        }
    }

    /// From the first sample with the loss to the page's delivery.
    func pageDelaySeconds() async throws -> Double {
        try await database { connection in
            try connection.query(
                """
                select extract(epoch from
                    (select min(updated_at) from alert_deliveries where action = 'trigger')
                    - (
                        select min(sampled_at) - interval '5 seconds'
                        from quality_samples
                        where direction = 'uplink' and packets_lost > 0
                    )
                )::float8
                """)[0].get(0)
        }
    }

    func deliveries() async throws -> String {
        try await database { connection in
            try connection.query(
                """
                select string_agg(action || ' ' || status, ', ' order by created_at, action desc)
                from alert_deliveries
                """)[0].get(0)
        }
    }
}

/// Processes of others, ended by their ids.
private final class ProcessList: @unchecked Sendable {
    // @unchecked: one test uses it.
    private var processes: [ChildProcess] = []

    func add(_ process: ChildProcess) { processes.append(process) }

    func stop() {
        for process in processes {
            process.terminate()
            process.wait()
        }
    }
}
