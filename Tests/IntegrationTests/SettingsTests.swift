import Foundation
import TestKit
import Testing

@testable import circles

@Suite("Settings (environment variables, .env, README)")
struct SettingsTests {
    private static let secret = String(repeating: "s", count: 32)

    /// What has no default, and the one folder that is looked for.
    private static let base = [
        "DATABASE_URL": "host=/nowhere", "SMTP_URL": "smtp://127.0.0.1:25",
        "MEDIA_API_SECRET": secret, "SQL_DIR": TestCluster.sqlDirectory,
        "FIREBASE_PROJECT_ID": "mixer",
    ]

    /// Reads everything that any command reads.
    private func read(_ values: [String: String]) throws {
        let settings = try Settings(Environment(Self.base.merging(values) { $1 }))
        _ = try settings.databaseURL()
        _ = try settings.api()
        _ = try settings.relay(databaseURL: "")
        _ = try settings.ingest(databaseURL: "")
        _ = try settings.summaryMail()
        _ = try settings.sweeps()
        _ = try settings.metrics()
        _ = try settings.alerts()
        _ = try settings.tokenVerifier()
        _ = try settings.mediaTokens()
        _ = try settings.fcm()
        _ = try settings.environment.string(.home)
    }

    // MARK: Variables

    private static let badValues: [(name: String, value: String)] = [
        ("DATABASE_URL", ""),
        ("DATABASE_POOL_SIZE", "201"), ("DATABASE_POOL_SIZE", "-1"),
        ("DATABASE_POOL_SIZE", "many"), ("DATABASE_POOL_SIZE", "1.5"), ("DATABASE_POOL_SIZE", ""),
        ("DATABASE_POOL_SIZE", " 16"), ("DATABASE_POOL_SIZE", "99999999999999999999"),
        ("KAFKA_BROKERS", ""),
        ("KAFKA_PROPERTIES", "linger.ms"), ("KAFKA_PROPERTIES", "linger.ms=5;acks"),
        ("KAFKA_PROPERTIES", "=5"),
        ("KAFKA_PARTITIONS", "0"), ("KAFKA_PARTITIONS", "1001"),
        ("KAFKA_REPLICATION", "0"), ("KAFKA_REPLICATION", "-2"), ("KAFKA_REPLICATION", "33"),
        ("KAFKA_SESSION_TIMEOUT_MS", "999"), ("KAFKA_SESSION_TIMEOUT_MS", "300001"),
        ("API_HOST", ""),
        ("API_PORT", "-1"), ("API_PORT", "65536"), ("API_PORT", "http"),
        ("API_PUBLIC_URL", "api.example.com"), ("API_PUBLIC_URL", "https://"),
        ("API_PUBLIC_URL", "https://a b"), ("API_PUBLIC_URL", "https://a?b=c"),
        ("UPLOAD_URL_SECONDS", "29"), ("UPLOAD_URL_SECONDS", "604801"),
        ("GCS_BUCKET", "covers"), ("GCS_BUCKET", "Covers"), ("GCS_BUCKET", "../covers"),
        ("GCS_KEY_FILE", "/nowhere/key.json"),
        ("LIVEKIT_URL", "livekit.example.com"), ("LIVEKIT_URL", "wss://livekit.example.com"),
        ("LIVEKIT_API_KEY", "key"), ("LIVEKIT_API_SECRET", secret),
        ("LIVEKIT_API_SECRET", "short"),
        ("WEB_API_KEY", "a b"), ("WEB_API_KEY", "schlüssel"),
        ("API_CONCURRENCY", "0"), ("API_CONCURRENCY", "100001"),
        ("API_RATE_PER_USER", "-1"), ("API_RATE_PER_USER", "1000001"),
        ("API_RATE_PER_KEY", "many"), ("API_RATE_PER_ADDRESS", "-1"),
        ("API_CONNECTIONS_PER_ADDRESS", "100001"),
        ("API_HEAD_SECONDS", "0"), ("API_HEAD_SECONDS", "301"),
        ("API_TRUSTED_PROXIES", "proxy"), ("API_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("API_CORS_ORIGINS", "example.org"), ("API_CORS_ORIGINS", "https://a/,*"),
        ("API_HSTS", "maybe"),
        ("RELAY_SHARDS", "0"), ("RELAY_SHARDS", "65"),
        ("INGEST_BATCH", "0"), ("INGEST_BATCH", "100001"),
        ("INGEST_GROUP", ""),
        ("SEAT_LEASE_SECONDS", "9"), ("SEAT_LEASE_SECONDS", "86401"),
        ("HOST_GRACE_SECONDS", "0"), ("HOST_GRACE_SECONDS", "3601"),
        ("METRICS_HOST", ""), ("METRICS_PORT", "65536"),
        ("OVERRUN_GRACE_MINUTES", "0"), ("EMPTY_MINUTES", "1441"),
        ("HISTORY_RETENTION_DAYS", "29"),
        ("AUTH_DEV_SECRET", "short"), ("AUTH_DEV_SECRET", String(secret.dropLast())),
        ("FIREBASE_JWKS_URL", ""),
        ("MEDIA_API_KEY", ""),
        ("MEDIA_API_SECRET", ""), ("MEDIA_API_SECRET", String(secret.dropLast())),
        ("MEDIA_TOKEN_SECONDS", "29"), ("MEDIA_TOKEN_SECONDS", "86401"),
        ("SFU_NODE_ID", ""), ("SFU_NODE_ID", "api"), ("SFU_NODE_ID", "a b"),
        ("SFU_HOST", ""), ("SFU_PORT", "-1"), ("SFU_PORT", "65536"),
        ("SFU_MEDIA_HOST", ""), ("SFU_MEDIA_HOST", "localhost"),
        ("SFU_MEDIA_PORT", "65536"), ("SFU_MEDIA_PORT", "65535"),
        ("SFU_CANDIDATE_HOST", "sfu.example.com"),
        ("SFU_PUBLIC_URL", "sfu.example.com"),
        ("SFU_WORKERS", "-1"), ("SFU_WORKERS", "65"),
        ("SFU_RESUME_SECONDS", "0"), ("SFU_RESUME_SECONDS", "3601"),
        ("SFU_QUALITY_SECONDS", "0"), ("SFU_QUALITY_SECONDS", "61"),
        ("SMTP_URL", ""), ("SMTP_URL", "smtp://ada:secret@mail.example.org"),
        ("SMTP_STARTTLS", "maybe"), ("SMTP_STARTTLS", ""),
        ("SMTP_CA_FILE", "/nowhere/authorities.pem"),
        ("MAIL_FROM", ""),
        ("REMINDER_MINUTES", "0"), ("REMINDER_MINUTES", "1441"),
        ("PUSH_DEEP_LINK", "mixercloud://circles"), ("PUSH_DEEP_LINK", "a b {id}"),
        ("FCM_SERVICE_ACCOUNT", "/nowhere/key.json"),
        ("FCM_PROJECT_ID", "../other"), ("FCM_PROJECT_ID", "Mixer"),
        ("FCM_URL", "http://fcm.example.com"), ("FCM_URL", "https://"), ("FCM_URL", ""),
        ("REPORT_URL", "reports.example.org"), ("REPORT_URL", "https://"),
        ("REPORT_URL", "https://a b"), ("REPORT_URL", "https://a/\r\nBcc:e@f"),
        ("UNSUBSCRIBE_SECRET", "short"), ("UNSUBSCRIBE_MAILTO", "nobody"),
        ("UNSUBSCRIBE_MAILTO", "a@b\r\nBcc: e@f"),
        ("DKIM_KEY_FILE", "/nowhere/key.pem"), ("DKIM_SELECTOR", "mail"),
        ("DKIM_DOMAIN", "a..b"), ("DKIM_DOMAIN", "example.org; d=example.com"),
        ("PAGERDUTY_ROUTING_KEY", "short"),
        ("PAGERDUTY_ROUTING_KEY", String(repeating: "-", count: 32)),
        ("PAGERDUTY_URL", "events.pagerduty.com"), ("ALERTMANAGER_URL", "alertmanager:9093"),
        ("ALERT_WEBHOOK_URL", "https://"), ("ALERT_WEBHOOK_URL", "https://a b"),
        ("ALERT_RUNBOOK_URL", "docs"), ("ALERT_RULES_OFF", "packetLoss,noise"),
        ("CIRCLES_HOME", ""),
        ("LOG_LEVEL", "loud"), ("LOG_LEVEL", "INFO"), ("LOG_LEVEL", ""),
    ]

    /// Any text will do for these.
    private static let free: Set = [
        "FIREBASE_PROJECT_ID", "SMTP_USER", "SMTP_PASSWORD", "SQL_DIR", "UPLOADS_DIR",
        "SWAGGER_UI_DIR",
    ]

    @Test("a value that makes no sense is refused and its variable named", arguments: badValues)
    func refusesBadValues(name: String, value: String) throws {
        let failure = #expect(throws: Environment.Failure.self) {
            try self.read([name: value])
        }
        #expect(failure?.name == name)
        #expect(failure?.description.hasPrefix("\(name): ") == true)
    }

    @Test("every variable has a value that is refused, or takes any text")
    func checksEveryVariable() {
        let checked = Set(Self.badValues.map(\.name))
        #expect(checked.isDisjoint(with: Self.free))
        #expect(checked.union(Self.free) == Set(Setting.all.map(\.name)))
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
    }

    @Test(
        "the ends of each range are within it",
        arguments: [
            ("DATABASE_POOL_SIZE", ["0", "1", "200"]), ("KAFKA_PARTITIONS", ["1", "1000"]),
            ("KAFKA_REPLICATION", ["-1", "1", "32"]),
            ("KAFKA_SESSION_TIMEOUT_MS", ["1000", "300000"]), ("API_PORT", ["0", "65535"]),
            ("API_CONCURRENCY", ["1", "100000"]), ("API_RATE_PER_USER", ["0", "1000000"]),
            ("API_TRUSTED_PROXIES", ["", "10.0.0.0/8, ::1"]),
            ("API_CORS_ORIGINS", ["", "*", "https://a.example,http://localhost:3000"]),
            ("RELAY_SHARDS", ["1", "64"]),
            ("INGEST_BATCH", ["1", "100000"]), ("SEAT_LEASE_SECONDS", ["10", "86400"]),
            ("HOST_GRACE_SECONDS", ["1", "3600"]), ("OVERRUN_GRACE_MINUTES", ["1", "1440"]),
            ("EMPTY_MINUTES", ["1", "1440"]), ("METRICS_PORT", ["0", "65535"]),
            ("HISTORY_RETENTION_DAYS", ["30", "3650"]),
            ("REMINDER_MINUTES", ["1", "1440"]), ("FCM_URL", ["http://127.0.0.1:80"]),
            ("AUTH_DEV_SECRET", ["", secret]), ("MEDIA_TOKEN_SECONDS", ["30", "86400"]),
            ("KAFKA_PROPERTIES", ["", "a=b", "a=b;c=d=e;", " a = b ; c = d "]),
            ("SMTP_STARTTLS", ["true", "FALSE", "yes", "no", "1", "0"]),
            ("LOG_LEVEL", ["trace", "critical"]), ("KAFKA_BROKERS", ["embedded", "a:1,b:2"]),
        ])
    func takesGoodValues(name: String, values: [String]) {
        for value in values {
            #expect(throws: Never.self, "\(name)=\(value)") { try self.read([name: value]) }
        }
    }

    @Test("with nothing set there are the defaults of the table, and what is required is named")
    func hasDefaults() throws {
        let environment = Environment([:])
        for setting in Setting.all {
            guard let value = setting.defaultValue, !value.isEmpty else {
                #expect(environment.optional(setting) == nil, "\(setting.name)")
                let failure = #expect(throws: Environment.Failure.self) {
                    try environment.string(setting)
                }
                #expect(failure?.name == setting.name)
                continue
            }
            #expect(try environment.string(setting) == value)
        }
    }

    @Test(
        "a password for mail never crosses a network in clear",
        arguments: [
            ("smtp://mail.example.org:587", "false", false),
            ("smtp://[2001:db8::1]:25", "false", false),
            ("smtp://127.0.0.1.example.org", "false", false),
            ("smtp://mail.example.org:587", "true", true),
            ("smtps://mail.example.org", "false", true),
            ("smtp://localhost:25", "false", true), ("smtp://127.0.0.1:25", "false", true),
            ("smtp://[::1]:25", "false", true),
        ])
    func keepsPasswords(url: String, tls: String, isAllowed: Bool) throws {
        let values = ["SMTP_URL": url, "SMTP_STARTTLS": tls]
        #expect(throws: Never.self, "without a user there is none") { try self.read(values) }
        let signedIn = values.merging(["SMTP_USER": "ada", "SMTP_PASSWORD": "x"]) { $1 }
        guard !isAllowed else {
            #expect(throws: Never.self) { try self.read(signedIn) }
            return
        }
        let failure = #expect(throws: Environment.Failure.self) { try self.read(signedIn) }
        #expect(failure?.name == "SMTP_STARTTLS")
    }

    @Test("secrets are marked as such, so that `circles config` does not show them")
    func hidesSecrets() {
        let secrets = Set(Setting.all.filter(\.isSecret).map(\.name))
        for setting in Setting.all where setting.name.hasSuffix("SECRET") {
            #expect(secrets.contains(setting.name))
        }
        #expect(secrets.isSuperset(of: ["DATABASE_URL", "KAFKA_PROPERTIES", "SMTP_PASSWORD"]))
    }

    @Test("LiveKit's three settings go together, and then the API mints with them")
    func unifiesLiveKit() throws {
        let values = [
            "LIVEKIT_URL": "wss://livekit.test", "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": String(repeating: "l", count: 32),
        ]
        let settings = try Settings(Environment(Self.base.merging(values) { $1 }))
        #expect(try settings.api().sfuURL == "wss://livekit.test")
        #expect(try settings.admissionTokens().apiKey == "key")
        #expect(try settings.admissionTokens().apiSecret == values["LIVEKIT_API_SECRET"])
        #expect(try settings.mediaTokens().apiSecret == Self.secret)
        for name in values.keys {
            var incomplete = values
            incomplete[name] = nil
            let failure = #expect(throws: Environment.Failure.self) {
                try Settings(Environment(Self.base.merging(incomplete) { $1 }))
            }
            #expect(failure?.message == "goes only together with \(name)")
        }
        let without = try Settings(Environment(Self.base))
        #expect(try without.liveKit() == nil && without.api().sfuURL == "")
        #expect(try without.admissionTokens().apiSecret == Self.secret)
    }

    @Test("covers go to the home's folder, to another one, or to a bucket with a readable key")
    func findsUploads() throws {
        func path(_ values: [String: String]) throws -> String? {
            let settings = try Settings(Environment(Self.base.merging(values) { $1 }))
            guard case .folder(let path, "secret") = try settings.uploadStorage(secret: "secret")
            else { return nil }
            return path
        }
        #expect(try path([:]) == ".circles/uploads")
        #expect(try path(["CIRCLES_HOME": "/home"]) == "/home/uploads")
        #expect(try path(["UPLOADS_DIR": "/covers"]) == "/covers")
        let failure = #expect(throws: Environment.Failure.self) {
            try path(["GCS_BUCKET": "covers", "GCS_KEY_FILE": "/nowhere/key.json"])
        }
        #expect(failure?.name == "GCS_KEY_FILE")
    }

    // MARK: README

    @Test("the README's table of variables is that of `circles config --markdown`")
    func documentsEveryVariable() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("README.md")
        let lines = try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n")
        let begin = try #require(lines.firstIndex(of: "<!-- settings -->"))
        let end = try #require(lines.firstIndex(of: "<!-- /settings -->"))
        try #require(begin < end)
        let table = lines[(begin + 1)..<end].joined(separator: "\n")
        #expect(
            table.trimmingCharacters(in: .newlines)
                == Setting.markdown.trimmingCharacters(in: .newlines))
    }

    @Test("the table has a row of three cells for each variable")
    func writesTheTable() {
        let rows = Setting.markdown.split(separator: "\n").dropFirst(2)
        #expect(rows.count == Setting.all.count)
        for (row, setting) in zip(rows, Setting.all) {
            #expect(row.hasPrefix("| `\(setting.name)` | "))
            let cells = row.split(separator: "|", omittingEmptySubsequences: false)
            #expect(cells.count == 5, "\(row)")
        }
    }

    // MARK: .env

    @Test("a .env file has NAME=value, comments, quotes and export")
    func parsesFiles() throws {
        let text = """
            # A comment, with=a sign
               # an indented one

            PLAIN=value
              INDENTED=value\u{20}\u{20}
            export EXPORTED=value
            SPACED= two words\u{20}
            QUOTED="  two words  "
            SINGLE='# no "comment"'
            HALF="open
            MIXED="open'
            QUOTE="
            EMPTY=
            EMPTY_QUOTED=""
            EQUATION=a=b==
            HASH=a # b
            LAST=first
            LAST=second
            """
        #expect(
            try Environment.parse(text) == [
                "PLAIN": "value", "INDENTED": "value", "EXPORTED": "value", "SPACED": "two words",
                "QUOTED": "  two words  ", "SINGLE": "# no \"comment\"", "HALF": "\"open",
                "MIXED": "\"open'", "QUOTE": "\"", "EMPTY": "", "EMPTY_QUOTED": "",
                "EQUATION": "a=b==", "HASH": "a # b", "LAST": "second",
            ])
        #expect(try Environment.parse("") == [:])
    }

    @Test("a .env file may end its lines in CRLF")
    func parsesCRLF() throws {
        #expect(
            try Environment.parse("# comment\r\nA=1\r\nB=\"two words\"\r\n")
                == ["A": "1", "B": "two words"])
    }

    @Test(
        "a line that is not NAME=value is refused and its number told",
        arguments: [("A=1\nB\n", 2), ("=1", 1), ("\n\n  =", 3), ("export A", 1), ("A=1\n\n: b", 3)])
    func refusesBadLines(text: String, line: Int) throws {
        let failure = #expect(throws: Environment.Failure.self) {
            try Environment.parse(text)
        }
        #expect(failure?.name == ".env")
        #expect(failure?.message.contains("line \(line) ") == true)
    }
}
