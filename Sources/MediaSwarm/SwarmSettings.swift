import Datagram
import Domain

/// What a swarm's peers say, and how bad their networks are.
public struct SwarmSettings: Sendable, Hashable {
    /// Decides voices, losses and delays.
    public var seed: UInt64
    /// Of the packets to the server, 0…1.
    public var uplinkLossProbability: Double
    /// How long a speaker's uplink loses packets, from its first word; `nil`: to the end.
    public var uplinkLossSeconds: Int?
    /// Of the packets from the server, 0…1.
    public var downlinkLossProbability: Double
    /// The most by which a media packet is late, each way.
    public var jitterMicrosecondsMax: Int64
    /// Whether voices fall silent between sentences; nothing is sent then.
    public var hasPauses: Bool
    /// Opus packets are padded to at least so many bytes.
    public var payloadBytesMin: Int
    /// Different voices, 1…64; peers share them.
    public var voiceCount: Int
    /// Of each voice, before it begins anew: 1…120.
    public var recordingSeconds: Int
    /// Of the Opus encoder, 0…10.
    public var encoderComplexity: Int
    /// Whether peers offer to ask for missing packets.
    public var requestsRetransmission: Bool

    public init(
        seed: UInt64 = 1, uplinkLossProbability: Double = 0, uplinkLossSeconds: Int? = nil,
        downlinkLossProbability: Double = 0,
        jitterMicrosecondsMax: Int64 = 0, hasPauses: Bool = true, payloadBytesMin: Int = 0,
        voiceCount: Int = 8, recordingSeconds: Int = 16, encoderComplexity: Int = 5,
        requestsRetransmission: Bool = false
    ) {
        self.seed = seed
        self.uplinkLossProbability = uplinkLossProbability
        self.uplinkLossSeconds = uplinkLossSeconds
        self.downlinkLossProbability = downlinkLossProbability
        self.jitterMicrosecondsMax = jitterMicrosecondsMax
        self.hasPauses = hasPauses
        self.payloadBytesMin = payloadBytesMin
        self.voiceCount = voiceCount
        self.recordingSeconds = recordingSeconds
        self.encoderComplexity = encoderComplexity
        self.requestsRetransmission = requestsRetransmission
    }

    /// One way of one peer: the same seed, number and direction give the same link.
    func link(lossProbability: Double, peer: Int, isUplink: Bool) -> ImpairedLink {
        var random = SplitMix64(seed: seed ^ UInt64(truncatingIfNeeded: peer &* 2 &+ 1))
        let linkSeed = random.next() ^ (isUplink ? 0 : 0xA5A5_A5A5_A5A5_A5A5)
        return ImpairedLink(
            .init(
                lossProbability: lossProbability, jitterMicrosecondsMax: jitterMicrosecondsMax,
                jitterShape: .normal, isMediaOnly: true),
            seed: linkSeed)
    }
}
