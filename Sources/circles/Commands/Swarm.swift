import API
import ArgumentParser
import Database
import Domain
import Foundation
import MediaSwarm

struct Swarm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fill circles with clients that join, talk, listen, are moderated and leave.",
        discussion: """
            Needs a running API that accepts development tokens: AUTH_DEV_SECRET, or the secrets \
            that `circles up` keeps in CIRCLES_HOME. Hosts speak by WHIP; everybody else connects \
            by WHEP with a section to send on, so that who is promoted speaks without connecting \
            again. All peers live on one thread and each has its own port. Losses and delays are \
            made inside the swarm. Delays are right only when server and swarm share a machine, \
            whose CPU they then share as well.
            """)

    @Option(help: "The API's address.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "The API key; without it that of CIRCLES_HOME.")
    var apiKey: String?

    @Option(help: "On stage at once, host included, 1 to 8.")
    var speakers = 8

    @Option(help: "In the audience at once, 1 to 100.")
    var listeners = 100

    @Option(help: "How many circles at once, 1 to 100.")
    var circles = 1

    @Option(help: "How long media is measured, 0 to 86400; 0 for a life over REST alone.")
    var seconds = 10

    @Option(help: "Share of the speakers' packets that is lost before the server, 0 to 1.")
    var uplinkLoss = 0.0

    @Option(help: "How long it is lost, in seconds; without it, to the end.")
    var uplinkLossSeconds: Int?

    @Option(help: "Only this speaker of each circle has it; 1 is the host.")
    var lossySpeaker: Int?

    @Option(help: "Share of packets that is lost behind the server, 0 to 1.")
    var downlinkLoss = 0.0

    @Option(help: "The most by which a packet is late, each way, 0 to 1000; half of it on average.")
    var jitterMs = 0

    @Option(help: "Decides voices, losses and delays.")
    var seed: UInt64 = 1

    @Flag(help: "All speakers talk all the time.")
    var noPauses = false

    @Option(help: "The least bytes of Opus in a packet, 0 to 1100; shorter ones are padded.")
    var payloadBytes = 0

    @Flag(help: "Peers offer NACK, which browsers do not for Opus.")
    var nack = false

    @Option(help: "The server's process on this machine, to tell its CPU time and memory.")
    var serverPid: Int32?

    @Option(help: "Where the SFU's metrics are; without it below the address that members get.")
    var metricsUrl: String?

    @Flag(help: "Print the measurement as one line of JSON, last, for programs.")
    var json = false

    func validate() throws {
        guard Limits.maxSpeakers.contains(speakers) else {
            throw ValidationError("--speakers must be from 1 to 8")
        }
        guard Limits.maxListeners.contains(listeners), listeners >= speakers else {
            throw ValidationError("--listeners must be from --speakers to 100")
        }
        guard (1...100).contains(circles) else {
            throw ValidationError("--circles must be from 1 to 100")
        }
        guard (0...86_400).contains(seconds) else {
            throw ValidationError("--seconds must be from 0 to 86400")
        }
        guard (0.0...1.0).contains(uplinkLoss), (0.0...1.0).contains(downlinkLoss) else {
            throw ValidationError("--uplink-loss and --downlink-loss must be from 0 to 1")
        }
        guard (0...1000).contains(jitterMs) else {
            throw ValidationError("--jitter-ms must be from 0 to 1000")
        }
        guard (0...1100).contains(payloadBytes) else {
            throw ValidationError("--payload-bytes must be from 0 to 1100")
        }
        if let uplinkLossSeconds, !(1...86_400).contains(uplinkLossSeconds) {
            throw ValidationError("--uplink-loss-seconds must be 1 to 86400")
        }
        if let lossySpeaker, !(1...speakers).contains(lossySpeaker) {
            throw ValidationError("--lossy-speaker must be from 1 to --speakers")
        }
    }

    func run() async throws {
        let (key, secret) = try credentials()
        let run = EventID(now: SystemWallClock().now()).description.prefix(13)
        let outcome = try await SwarmRun(
            scenarios: (1...circles).map { number in
                let prefix = circles > 1 ? "[\(number)] " : ""
                return SwarmScenario(
                    baseURL: url, apiKey: key, developmentSecret: secret, hostEmail: nil,
                    speakerCount: speakers, listenerCount: listeners, name: "\(run)-\(number)",
                    say: { Runtime.say(prefix + $0) })
            },
            media: seconds == 0 ? nil : plan
        ).run()
        for circle in outcome.outcomes { Runtime.say(circle.latencies.summary) }
        guard let report = outcome.report else { return }
        Runtime.say("\n" + report.text)
        if json {
            Runtime.say(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
        }
    }

    private var plan: SwarmMedia.Plan {
        SwarmMedia.Plan(
            settings: SwarmSettings(
                seed: seed, uplinkLossProbability: uplinkLoss,
                uplinkLossSeconds: uplinkLossSeconds,
                downlinkLossProbability: downlinkLoss,
                jitterMicrosecondsMax: Int64(jitterMs) * 1000, hasPauses: !noPauses,
                payloadBytesMin: payloadBytes, requestsRetransmission: nack),
            seconds: seconds, lossySpeaker: lossySpeaker, serverPID: serverPid,
            metricsURL: metricsUrl)
    }

    /// The API key and the secret of development tokens.
    private func credentials() throws -> (key: String, secret: String) {
        let environment = try Environment.load()
        let path = try environment.string(.home) + "/secrets.env"
        let secrets = try (try? String(contentsOfFile: path, encoding: .utf8)).map(
            Environment.parse)
        guard let key = apiKey ?? secrets?["API_KEY"] else {
            throw ValidationError("--api-key is needed: there are no secrets in CIRCLES_HOME")
        }
        guard
            let secret = try environment.secret(.developmentSecret)
                ?? secrets?[Setting.developmentSecret.name]
        else {
            throw Environment.Failure(
                name: Setting.developmentSecret.name, message: "is required here")
        }
        return (key, secret)
    }
}
