import API
import Database
import Domain
import EventLog
import Foundation
import Ingest
import Jobs
import Logging
import RTC
import SFU
import Tokens

/// The environment, checked and typed. Every value is read at the start, so that a mistake shows
/// then and names its variable.
struct Settings: Sendable {
    let environment: Environment
    let isKafkaEmbedded: Bool
    let kafkaPartitions: Int
    let kafkaReplication: Int
    let poolSize: Int
    let seatLeaseSeconds: Int64
    let hostGraceSeconds: Int64
    let sqlDirectory: String
    let logLevel: Logger.Level
    private let kafkaProperties: [String: String]
    private let kafkaSessionTimeout: Int

    init(_ environment: Environment) throws {
        self.environment = environment
        isKafkaEmbedded = try environment.string(.kafkaBrokers) == "embedded"
        kafkaPartitions = try environment.integer(.kafkaPartitions, 1...1000)
        kafkaReplication = try environment.integer(.kafkaReplication, -1...32)
        guard kafkaReplication != 0 else {
            throw Environment.Failure(
                name: Setting.kafkaReplication.name, message: "must not be 0")
        }
        kafkaSessionTimeout = try environment.integer(.kafkaSessionTimeout, 1000...300_000)
        kafkaProperties = try Self.properties(environment)
        let poolSize = try environment.integer(.databasePoolSize, 0...200)
        self.poolSize = poolSize > 0 ? poolSize : ConnectionPool.sizeOfMachine
        seatLeaseSeconds = Int64(try environment.integer(.seatLease, 10...86_400))
        hostGraceSeconds = Int64(try environment.integer(.hostGrace, 1...3600))
        sqlDirectory = try Self.findSQLDirectory(environment)
        let level = try environment.string(.logLevel)
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw Environment.Failure(
                name: Setting.logLevel.name,
                message:
                    "must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.logLevel = logLevel
        // The rest is checked by building what it configures.
        _ = try api()
        _ = try relay(databaseURL: "")
        _ = try ingest(databaseURL: "")
        _ = try tokenVerifier()
        _ = try sfu()
        _ = try alerts()
        try checkUploads()
        try checkPushes()
        _ = try environment.integer(.mediaTokenSeconds, 30...86_400)
        _ = try environment.bool(.smtpTLS)
        guard MailMessage.isAddress(try environment.string(.mailFrom)) else {
            throw Environment.Failure(
                name: Setting.mailFrom.name, message: "must be a plain address, local@domain")
        }
        try checkMail()
        if let url = environment.optional(.smtpURL) {
            guard url.hasPrefix("smtp://") || url.hasPrefix("smtps://") else {
                throw Environment.Failure(
                    name: Setting.smtpURL.name, message: "must begin with smtp:// or smtps://")
            }
            guard !url.contains("@") else {
                throw Environment.Failure(
                    name: Setting.smtpURL.name,
                    message: "must not name a user: SMTP_USER and SMTP_PASSWORD do")
            }
            try checkPasswordIsEncrypted(url)
        }
    }

    private static func properties(_ environment: Environment) throws -> [String: String] {
        var properties: [String: String] = [:]
        for part in (environment.optional(.kafkaProperties) ?? "").split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard pair.count == 2 else {
                throw Environment.Failure(
                    name: Setting.kafkaProperties.name, message: "must be name=value;name=value")
            }
            properties[pair[0]] = pair[1]
        }
        return properties
    }

    /// The folder that holds `migrations`: as configured, or found above the working folder or
    /// the program.
    private static func findSQLDirectory(_ environment: Environment) throws -> String {
        if let directory = environment.optional(.sqlDirectory)
            ?? findAbove("sql", holding: "migrations")
        {
            return directory
        }
        throw Environment.Failure(
            name: Setting.sqlDirectory.name,
            message: "is needed: there is no sql/migrations above the working folder or the program"
        )
    }

    /// The first folder of this name above the working folder or the program that holds `file`.
    private static func findAbove(_ name: String, holding file: String) -> String? {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let starts = [
            URL(fileURLWithPath: FileManager.default.currentDirectoryPath),
            program.deletingLastPathComponent(),
        ]
        for start in starts {
            var folder = start
            for _ in 0..<8 {
                let candidate = folder.appendingPathComponent(name).path
                if FileManager.default.fileExists(atPath: candidate + "/" + file) {
                    return candidate
                }
                folder.deleteLastPathComponent()
            }
        }
        return nil
    }

    // MARK: What it configures

    func databaseURL() throws -> String { try environment.string(.databaseURL) }

    func kafka(bootstrapServers: String) -> KafkaSettings {
        KafkaSettings(
            bootstrapServers: bootstrapServers, properties: kafkaProperties,
            sessionTimeoutMilliseconds: kafkaSessionTimeout)
    }

    func api() throws -> APIServer.Configuration {
        var configuration = APIServer.Configuration(
            host: try environment.string(.apiHost),
            port: try environment.integer(.apiPort, 0...65_535),
            publicURL: try publicURL(.apiPublicURL),
            concurrentRequestCountMax: try environment.integer(.apiConcurrency, 1...100_000),
            sfuURL: try liveKit()?.url ?? "",
            swaggerUIDirectory: environment.optional(.swaggerUIDirectory)
                ?? Self.findAbove(".build/swagger-ui", holding: "swagger-ui-bundle.js")
                ?? Self.findAbove("swagger-ui", holding: "swagger-ui-bundle.js") ?? "")
        try configure(&configuration)
        configuration.webAPIKey = environment.optional(.webAPIKey) ?? ""
        guard
            configuration.webAPIKey.isEmpty
                || Limits.isName(configuration.webAPIKey, byteCount: 1...256)
        else {
            throw Environment.Failure(
                name: Setting.webAPIKey.name,
                message: "must have at most 256 printable ASCII characters and no space")
        }
        return configuration
    }

    func sfu() throws -> SFUService.Configuration {
        let nodeID = try environment.string(.sfuNodeID)
        guard Limits.isName(nodeID, byteCount: 1...64), nodeID != SourcePosition.apiSource else {
            throw Environment.Failure(
                name: Setting.sfuNodeID.name,
                message: "must have 1 to 64 printable ASCII characters and not be 'api'")
        }
        let workers = try environment.integer(.sfuWorkers, 0...64)
        let workerCount = workers == 0 ? ProcessInfo.processInfo.activeProcessorCount : workers
        let mediaPort = try environment.integer(.sfuMediaPort, 0...65_535)
        guard mediaPort == 0 || mediaPort + workerCount <= 65_536 else {
            throw Environment.Failure(
                name: Setting.sfuMediaPort.name,
                message: "leaves no room for \(workerCount) workers' ports below 65536")
        }
        for setting in [Setting.sfuMediaHost, .sfuCandidateHost] {
            guard let host = environment.optional(setting) else { continue }
            guard TransportAddress(ip: host, port: 1) != nil else {
                throw Environment.Failure(name: setting.name, message: "must be an IP address")
            }
        }
        return SFUService.Configuration(
            nodeID: nodeID, host: try environment.string(.sfuHost),
            port: try environment.integer(.sfuPort, 0...65_535),
            mediaHost: try environment.string(.sfuMediaHost),
            mediaPort: mediaPort,
            candidateHost: environment.optional(.sfuCandidateHost) ?? "",
            publicURL: try publicURL(.sfuPublicURL), workerCount: workerCount,
            resumeSeconds: Int64(try environment.integer(.sfuResume, 1...3600)),
            qualitySeconds: Int64(try environment.integer(.sfuQuality, 1...60)))
    }

    func relay(databaseURL: String) throws -> OutboxRelay.Configuration {
        OutboxRelay.Configuration(
            databaseURL: databaseURL, shardCount: try environment.integer(.relayShards, 1...64))
    }

    func ingest(databaseURL: String) throws -> IngestService.Configuration {
        IngestService.Configuration(
            databaseURL: databaseURL, group: try environment.string(.ingestGroup),
            batchCountMax: try environment.integer(.ingestBatch, 1...100_000))
    }

    func tokenVerifier() throws -> TokenVerifier.Configuration {
        TokenVerifier.Configuration(
            developmentSecret: try environment.secret(.developmentSecret),
            firebase: try environment.optional(.firebaseProject).map {
                .init(projectID: $0, jwksURL: try environment.string(.firebaseJWKS))
            })
    }

    func mediaTokens() throws -> MediaTokens.Configuration {
        guard let secret = try environment.secret(.mediaSecret) else {
            throw Environment.Failure(
                name: Setting.mediaSecret.name,
                message: "is required here. \(Setting.mediaSecret.summary)")
        }
        return MediaTokens.Configuration(
            apiKey: try environment.string(.mediaKey), apiSecret: secret,
            lifetimeSeconds: Int64(try environment.integer(.mediaTokenSeconds, 30...86_400)))
    }
}
