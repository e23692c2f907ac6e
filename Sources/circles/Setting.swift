import Foundation

/// One environment variable: the only place that names, documents and defaults it.
struct Setting: Sendable {
    let name: String
    /// `nil` when there is none: the variable must be set where it is needed.
    let defaultValue: String?
    let summary: String
    var isSecret = false

    static let databaseURL = Setting(
        name: "DATABASE_URL", defaultValue: nil,
        summary:
            "PostgreSQL as a libpq URI. Without it `up` and `demo` run their own cluster; the other commands need it.",
        isSecret: true)
    static let databasePoolSize = Setting(
        name: "DATABASE_POOL_SIZE", defaultValue: "0",
        summary:
            "Sessions of the API and of an SFU node, 1 to 200; 0: one per core here, 2 at least. A database elsewhere needs more: its answers take longer."
    )
    static let kafkaBrokers = Setting(
        name: "KAFKA_BROKERS", defaultValue: "embedded",
        summary:
            "`host:port,…` of a Kafka cluster, or `embedded` for the development broker, which is a transport and forgets everything when it stops."
    )
    static let kafkaProperties = Setting(
        name: "KAFKA_PROPERTIES", defaultValue: "",
        summary: "Further librdkafka properties, `name=value;…` (security, compression).",
        isSecret: true)
    static let kafkaPartitions = Setting(
        name: "KAFKA_PARTITIONS", defaultValue: "24",
        summary:
            "Partitions of a topic that we create, 1 to 1000; the development broker has two.")
    static let kafkaReplication = Setting(
        name: "KAFKA_REPLICATION", defaultValue: "-1",
        summary: "Replicas of a topic that we create; -1 takes the cluster's default.")
    static let kafkaSessionTimeout = Setting(
        name: "KAFKA_SESSION_TIMEOUT_MS", defaultValue: "6000",
        summary: "After this silence another Ingest takes the partitions over, 1000 to 300000.")
    static let apiHost = Setting(
        name: "API_HOST", defaultValue: "127.0.0.1", summary: "Address that the API listens on.")
    static let apiPort = Setting(
        name: "API_PORT", defaultValue: "8080", summary: "Its port; 0 takes a free one.")
    static let apiConcurrency = Setting(
        name: "API_CONCURRENCY", defaultValue: "1024",
        summary: "Requests answered at once; more get 503, 1 to 100000.")
    static let apiRatePerUser = Setting(
        name: "API_RATE_PER_USER", defaultValue: "600",
        summary: "Requests a minute of one user to one API process, 0 to 1000000; 0: no limit.")
    static let apiRatePerKey = Setting(
        name: "API_RATE_PER_KEY", defaultValue: "60000",
        summary:
            "The same for one API key, which a whole app shares. `up` and `demo` set no limit unless this is set."
    )
    static let apiRatePerAddress = Setting(
        name: "API_RATE_PER_ADDRESS", defaultValue: "6000",
        summary:
            "The same for one client address, with or without a key; many users may share one. `up` and `demo` set no limit unless this is set."
    )
    static let apiConnectionsPerAddress = Setting(
        name: "API_CONNECTIONS_PER_ADDRESS", defaultValue: "1024",
        summary: "Connections of one client address at once, 0 to 100000; 0: no limit.")
    static let apiHeadSeconds = Setting(
        name: "API_HEAD_SECONDS", defaultValue: "10",
        summary: "How long a request's head may take to arrive, 1 to 300.")
    static let apiTrustedProxies = Setting(
        name: "API_TRUSTED_PROXIES", defaultValue: "",
        summary:
            "Addresses of our own proxies, `10.0.0.0/8,2001:db8::/32`: their X-Forwarded-For is believed."
    )
    static let apiCORSOrigins = Setting(
        name: "API_CORS_ORIGINS", defaultValue: "",
        summary:
            "Web pages that may call the API, `https://app.example.org,…`, or `*`; empty: none.")
    static let apiHSTS = Setting(
        name: "API_HSTS", defaultValue: "false",
        summary:
            "Whether clients reach the API by HTTPS only and shall remember it, true or false.")
    static let apiPublicURL = Setting(
        name: "API_PUBLIC_URL", defaultValue: "",
        summary: "How clients reach the API; empty: `http://API_HOST:API_PORT`.")
    static let uploadsDirectory = Setting(
        name: "UPLOADS_DIR", defaultValue: "",
        summary:
            "Folder where the API keeps covers, the same for all of them; empty: `CIRCLES_HOME/uploads`."
    )
    static let uploadSeconds = Setting(
        name: "UPLOAD_URL_SECONDS", defaultValue: "600",
        summary: "How long an upload URL is good, 30 to 604800.")
    static let gcsBucket = Setting(
        name: "GCS_BUCKET", defaultValue: "",
        summary:
            "Bucket of Google Cloud Storage where covers go instead; everyone must be allowed to read it."
    )
    static let gcsKeyFile = Setting(
        name: "GCS_KEY_FILE", defaultValue: "",
        summary: "JSON key file of the service account that may create objects in it.")
    static let webAPIKey = Setting(
        name: "WEB_API_KEY", defaultValue: "",
        summary:
            "The API key that the page at `/` sends, so everyone who opens the page has it; empty: the page asks for one. `up` gives its own."
    )
    static let relayShards = Setting(
        name: "RELAY_SHARDS", defaultValue: "1",
        summary:
            "Shards of the outbox, each published by one process, 1 to 64. The same everywhere.")
    static let ingestBatch = Setting(
        name: "INGEST_BATCH", defaultValue: "20000",
        summary: "Records in one Ingest transaction at most, 1 to 100000.")
    static let ingestGroup = Setting(
        name: "INGEST_GROUP", defaultValue: "circles-ingest", summary: "Ingest's consumer group.")
    static let seatLease = Setting(
        name: "SEAT_LEASE_SECONDS", defaultValue: "3600",
        summary: "How long a seat is kept without a sign of its member, 10 to 86400.")
    static let hostGrace = Setting(
        name: "HOST_GRACE_SECONDS", defaultValue: "60",
        summary:
            "How long a live circle waits for its host before a co-host takes over or it ends, 1 to 3600."
    )
    static let overrunGrace = Setting(
        name: "OVERRUN_GRACE_MINUTES", defaultValue: "60",
        summary: "How much longer than planned a circle may last before it is ended, 1 to 1440.")
    static let emptyTime = Setting(
        name: "EMPTY_MINUTES", defaultValue: "10",
        summary: "How long a live circle may stand empty before it is ended, 1 to 1440.")
    static let historyRetention = Setting(
        name: "HISTORY_RETENTION_DAYS", defaultValue: "400",
        summary: "Days of events and quality samples that are kept, 30 to 3650.")
    static let developmentSecret = Setting(
        name: "AUTH_DEV_SECRET", defaultValue: "",
        summary:
            "Accepts tokens of `circles token`, signed with this secret (HS256, at least 32 bytes). Leave empty in production.",
        isSecret: true)
    static let firebaseProject = Setting(
        name: "FIREBASE_PROJECT_ID", defaultValue: "",
        summary: "Accepts Firebase ID tokens (RS256) of this project.")
    static let firebaseJWKS = Setting(
        name: "FIREBASE_JWKS_URL",
        defaultValue:
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        summary: "Where Firebase's keys are.")
    static let mediaKey = Setting(
        name: "MEDIA_API_KEY", defaultValue: "circles",
        summary: "`iss` of the media tokens for our own SFU.")
    static let mediaSecret = Setting(
        name: "MEDIA_API_SECRET", defaultValue: nil,
        summary:
            "Signs the media tokens for our own SFU and the upload URLs (HS256, at least 32 bytes); `up` makes its own.",
        isSecret: true)
    static let mediaTokenSeconds = Setting(
        name: "MEDIA_TOKEN_SECONDS", defaultValue: "600",
        summary: "How long a media token is valid, 30 to 86400.")
    static let liveKitURL = Setting(
        name: "LIVEKIT_URL", defaultValue: "",
        summary:
            "Sends every client of the API to a hosted LiveKit (`wss://…`). Empty: to the SFU node that the circle lives on."
    )
    static let liveKitKey = Setting(
        name: "LIVEKIT_API_KEY", defaultValue: "",
        summary: "LiveKit's API key: `iss` of the media tokens and of its webhooks.")
    static let liveKitSecret = Setting(
        name: "LIVEKIT_API_SECRET", defaultValue: "",
        summary: "Its secret, at least 32 bytes: signs the media tokens and its webhooks.",
        isSecret: true)
    static let sfuNodeID = Setting(
        name: "SFU_NODE_ID", defaultValue: "sfu-1",
        summary: "This SFU node's name: another one each, and the same after a restart.")
    static let sfuHost = Setting(
        name: "SFU_HOST", defaultValue: "127.0.0.1",
        summary: "Address that the node's signalling (WHIP, WHEP) listens on.")
    static let sfuPort = Setting(
        name: "SFU_PORT", defaultValue: "7880", summary: "Its port; 0 takes a free one.")
    static let sfuPublicURL = Setting(
        name: "SFU_PUBLIC_URL", defaultValue: "",
        summary: "How clients reach the node's signalling; empty: `http://SFU_HOST:SFU_PORT`.")
    static let sfuMediaHost = Setting(
        name: "SFU_MEDIA_HOST", defaultValue: "127.0.0.1",
        summary: "IP address that media (UDP) listens on.")
    static let sfuMediaPort = Setting(
        name: "SFU_MEDIA_PORT", defaultValue: "0",
        summary: "UDP port of the first worker, the next ones follow; 0 takes free ones.")
    static let sfuCandidateHost = Setting(
        name: "SFU_CANDIDATE_HOST", defaultValue: "",
        summary: "IP address that clients send media to; empty: SFU_MEDIA_HOST.")
    static let sfuWorkers = Setting(
        name: "SFU_WORKERS", defaultValue: "0",
        summary: "Media threads, 0 to 64; 0 takes one per core.")
    static let sfuResume = Setting(
        name: "SFU_RESUME_SECONDS", defaultValue: "60",
        summary: "How long a member whose media is gone keeps seat, hand and mute, 1 to 3600.")
    static let sfuQuality = Setting(
        name: "SFU_QUALITY_SECONDS", defaultValue: "5",
        summary: "How often each circle's packet counts go to Kafka, 1 to 60.")
    static let smtpURL = Setting(
        name: "SMTP_URL", defaultValue: nil,
        summary:
            "`smtp://host:port` or `smtps://host:port`. Without it `up` and `demo` run a local mailbox server."
    )
    static let smtpUser = Setting(
        name: "SMTP_USER", defaultValue: "", summary: "User for SMTP authentication.")
    static let smtpPassword = Setting(
        name: "SMTP_PASSWORD", defaultValue: "", summary: "Its password.", isSecret: true)
    static let smtpTLS = Setting(
        name: "SMTP_STARTTLS", defaultValue: "false",
        summary:
            "Whether the connection must be upgraded to TLS, true or false; needed where `SMTP_USER` signs in at another machine."
    )
    static let smtpAuthorityFile = Setting(
        name: "SMTP_CA_FILE", defaultValue: "",
        summary:
            "PEM file of the authorities that may sign the server's certificate; the system's by default."
    )
    static let mailFrom = Setting(
        name: "MAIL_FROM", defaultValue: "circles@localhost.localdomain",
        summary: "Sender of the summaries.")
    static let metricsHost = Setting(
        name: "METRICS_HOST", defaultValue: "127.0.0.1",
        summary: "Address of `/metrics` of Ingest and Jobs; API and SFU have it at their own.")
    static let metricsPort = Setting(
        name: "METRICS_PORT", defaultValue: "",
        summary: "Its port; 0 takes a free one; empty: 9464 for Ingest, 9465 for Jobs.")
    static let reminderMinutes = Setting(
        name: "REMINDER_MINUTES", defaultValue: "10",
        summary: "How long before a circle's planned start its RSVPs are reminded, 1 to 1440.")
    static let pushDeepLink = Setting(
        name: "PUSH_DEEP_LINK", defaultValue: "mixercloud://circles/{id}",
        summary: "What a push opens; `{id}` stands for the circle's id.")
    static let fcmServiceAccount = Setting(
        name: "FCM_SERVICE_ACCOUNT", defaultValue: "",
        summary:
            "JSON key file of the service account that sends pushes through Firebase; empty: they are written to `CIRCLES_HOME/pushes.jsonl` only."
    )
    static let fcmProject = Setting(
        name: "FCM_PROJECT_ID", defaultValue: "",
        summary: "The Firebase project of the pushes; empty: the key file's.")
    static let fcmURL = Setting(
        name: "FCM_URL", defaultValue: "https://fcm.googleapis.com",
        summary: "Where FCM is: `https://…`, or `http://127.0.0.1:…` for tests.")
    static let reportURL = Setting(
        name: "REPORT_URL", defaultValue: "",
        summary:
            "Where a mail's link to the full report leads, `{circleId}` stands for the circle; empty: the API's page."
    )
    static let unsubscribeSecret = Setting(
        name: "UNSUBSCRIBE_SECRET", defaultValue: "",
        summary:
            "Signs the links by which hosts stop mail (at least 32 bytes), the same for API and Jobs; empty: drawn from MEDIA_API_SECRET.",
        isSecret: true)
    static let unsubscribeAddress = Setting(
        name: "UNSUBSCRIBE_MAILTO", defaultValue: "",
        summary:
            "A mailbox for clients that stop mail by mail; somebody must read it and open the links. Empty: none."
    )
    static let dkimKeyFile = Setting(
        name: "DKIM_KEY_FILE", defaultValue: "",
        summary:
            "PEM file of the private key (RSA or Ed25519) that signs mail; empty: unsigned, for a relay that signs."
    )
    static let dkimSelector = Setting(
        name: "DKIM_SELECTOR", defaultValue: "",
        summary: "The key's name: it is published at `<selector>._domainkey.<domain>`.")
    static let dkimDomain = Setting(
        name: "DKIM_DOMAIN", defaultValue: "",
        summary: "Whose key it is; empty: the domain of MAIL_FROM.")
    static let pagerDutyRoutingKey = Setting(
        name: "PAGERDUTY_ROUTING_KEY", defaultValue: "",
        summary:
            "Integration key of a PagerDuty service (Events API v2) that incidents page. Without any receiver they go to the log.",
        isSecret: true)
    static let pagerDutyURL = Setting(
        name: "PAGERDUTY_URL", defaultValue: "https://events.pagerduty.com",
        summary: "Where PagerDuty takes events, without `/v2/enqueue`.")
    static let alertmanagerURL = Setting(
        name: "ALERTMANAGER_URL", defaultValue: "",
        summary: "A Prometheus Alertmanager that is told too, without `/api/v2/alerts`.",
        isSecret: true)
    static let alertWebhookURL = Setting(
        name: "ALERT_WEBHOOK_URL", defaultValue: "",
        summary: "A chat's incoming webhook (Slack's format) that is told too.", isSecret: true)
    static let alertRunbookURL = Setting(
        name: "ALERT_RUNBOOK_URL", defaultValue: "",
        summary: "Where on-call finds `docs/runbook.md`: pages link to its sections.")
    static let alertRulesOff = Setting(
        name: "ALERT_RULES_OFF", defaultValue: "",
        summary:
            "Rules that page nobody, `packetLoss,deadLetters,…`; `docs/runbook.md` has them all.")
    static let home = Setting(
        name: "CIRCLES_HOME", defaultValue: ".circles",
        summary: "Where `up` keeps its database, secrets and mailbox.")
    static let sqlDirectory = Setting(
        name: "SQL_DIR", defaultValue: "",
        summary: "The `sql` folder; found beside the program or above the working folder if empty.")
    static let swaggerUIDirectory = Setting(
        name: "SWAGGER_UI_DIR", defaultValue: "",
        summary:
            "Swagger UI's files for `/docs`, as `scripts/install-swagger-ui.sh` fetches them; found beside the program or above the working folder if empty."
    )
    static let logLevel = Setting(
        name: "LOG_LEVEL", defaultValue: "info",
        summary: "trace, debug, info, notice, warning, error or critical.")

    static let all = [
        databaseURL, databasePoolSize, kafkaBrokers, kafkaProperties, kafkaPartitions,
        kafkaReplication, kafkaSessionTimeout, apiHost, apiPort, apiPublicURL, apiConcurrency,
        webAPIKey,
        apiRatePerUser, apiRatePerKey, apiRatePerAddress, apiConnectionsPerAddress, apiHeadSeconds,
        apiTrustedProxies, apiCORSOrigins, apiHSTS, uploadsDirectory, uploadSeconds, gcsBucket,
        gcsKeyFile, relayShards, ingestBatch, ingestGroup, seatLease, hostGrace,
        overrunGrace, emptyTime, historyRetention, developmentSecret,
        firebaseProject, firebaseJWKS, mediaKey, mediaSecret, mediaTokenSeconds, liveKitURL,
        liveKitKey, liveKitSecret, sfuNodeID, sfuHost, sfuPort,
        sfuPublicURL, sfuMediaHost, sfuMediaPort, sfuCandidateHost, sfuWorkers, sfuResume,
        sfuQuality, smtpURL, smtpUser, smtpPassword,
        smtpTLS, smtpAuthorityFile, mailFrom, metricsHost, metricsPort, reminderMinutes,
        pushDeepLink,
        fcmServiceAccount, fcmProject, fcmURL,
        reportURL, unsubscribeSecret, unsubscribeAddress, dkimKeyFile, dkimSelector, dkimDomain,
        pagerDutyRoutingKey, pagerDutyURL, alertmanagerURL, alertWebhookURL, alertRunbookURL,
        alertRulesOff, home, sqlDirectory, swaggerUIDirectory, logLevel,
    ]

    /// The table in the README.
    static var markdown: String {
        "| variable | default | meaning |\n|---|---|---|\n"
            + all.map { setting in
                let value = setting.defaultValue.map { $0.isEmpty ? "" : "`\($0)`" } ?? ""
                return "| `\(setting.name)` | \(value) | \(setting.summary) |\n"
            }.joined()
    }
}

/// The environment as the program sees it: variables, then `.env`, then defaults.
struct Environment: Sendable {
    private var values: [String: String]

    /// A variable that is missing or makes no sense.
    struct Failure: Error, CustomStringConvertible {
        let name: String
        let message: String

        var description: String { "\(name): \(message)" }
    }

    init(_ values: [String: String]) {
        self.values = values
    }

    /// The process's environment, with `.env` of the working folder behind it.
    static func load() throws -> Environment {
        var values: [String: String] = [:]
        if let text = try? String(contentsOfFile: ".env", encoding: .utf8) {
            values = try parse(text)
        }
        values.merge(ProcessInfo.processInfo.environment) { _, variable in variable }
        return Environment(values)
    }

    /// Reads lines `NAME=value`; `#` begins a comment line; quotes around a value are dropped.
    static func parse(_ text: String) throws -> [String: String] {
        var values: [String: String] = [:]
        for (index, line) in text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" }
        )
        .enumerated() {
            var line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("export ") { line.removeFirst(7) }
            guard let equals = line.firstIndex(of: "="), equals > line.startIndex else {
                throw Failure(name: ".env", message: "line \(index + 1) is not NAME=value")
            }
            var value = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            if value.count >= 2, let quote = value.first, quote == value.last, "\"'".contains(quote)
            {
                value = String(value.dropFirst().dropLast())
            }
            values[line[..<equals].trimmingCharacters(in: .whitespaces)] = value
        }
        return values
    }

    mutating func set(_ setting: Setting, _ value: String) {
        values[setting.name] = value
    }

    /// Whether it has a value of its own, not a default.
    func isSet(_ setting: Setting) -> Bool { values[setting.name].map { !$0.isEmpty } ?? false }

    /// The value, or `nil` when it is neither set nor has a default.
    func optional(_ setting: Setting) -> String? {
        let value = values[setting.name] ?? setting.defaultValue
        return value == "" ? nil : value
    }

    func string(_ setting: Setting) throws -> String {
        guard let value = optional(setting) else {
            throw Failure(name: setting.name, message: "is required here. \(setting.summary)")
        }
        return value
    }

    func integer(_ setting: Setting, _ range: ClosedRange<Int>) throws -> Int {
        let text = try string(setting)
        guard let value = Int(text), range.contains(value) else {
            throw Failure(
                name: setting.name,
                message: "must be from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
        }
        return value
    }

    func bool(_ setting: Setting) throws -> Bool {
        switch try string(setting).lowercased() {
        case "true", "yes", "1": return true
        case "false", "no", "0": return false
        default: throw Failure(name: setting.name, message: "must be true or false")
        }
    }

    /// A secret of at least 32 bytes, if it is set.
    func secret(_ setting: Setting) throws -> String? {
        guard let value = optional(setting) else { return nil }
        guard value.utf8.count >= 32 else {
            throw Failure(name: setting.name, message: "must have at least 32 bytes")
        }
        return value
    }
}
