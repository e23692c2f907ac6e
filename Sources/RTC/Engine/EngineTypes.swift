import Domain
import MediaCrypto

/// One transport of one member on one engine: an ICE, DTLS and SRTP session. An id is never used
/// twice.
public struct TransportID: Hashable, Sendable {
    let index: Int32
    let generation: UInt32
}

/// What the engine knows of a member session.
public struct MediaMember: Sendable, Equatable {
    public var uid: String
    public var sessionID: SessionID
    public var isOnStage: Bool
    public var isMuted: Bool

    public init(uid: String, sessionID: SessionID, isOnStage: Bool, isMuted: Bool) {
        self.uid = uid
        self.sessionID = sessionID
        self.isOnStage = isOnStage
        self.isMuted = isMuted
    }

    /// As events name it.
    public var eventMember: Event.Member { Event.Member(uid: uid, sessionID: sessionID) }
}

/// What was agreed in an offer and its answer.
public struct TransportConfiguration: Sendable {
    public var circleID: CircleID
    public var sessionID: SessionID
    public var localUfrag: String
    public var localPassword: String
    public var remoteUfrag: String
    public var remoteFingerprint: CertificateFingerprint
    /// What the client sends; `nil` when it only listens.
    public var microphone: Microphone?
    /// What the client receives, one speaker at a time each.
    public var slots: [Slot]
    /// When signalling began; times in events count from here.
    public var signalledAt: MonotonicTime

    public init(
        circleID: CircleID, sessionID: SessionID, localUfrag: String, localPassword: String,
        remoteUfrag: String, remoteFingerprint: CertificateFingerprint, microphone: Microphone?,
        slots: [Slot], signalledAt: MonotonicTime
    ) {
        self.circleID = circleID
        self.sessionID = sessionID
        self.localUfrag = localUfrag
        self.localPassword = localPassword
        self.remoteUfrag = remoteUfrag
        self.remoteFingerprint = remoteFingerprint
        self.microphone = microphone
        self.slots = slots
        self.signalledAt = signalledAt
    }

    public struct Microphone: Sendable {
        public var opusPayloadType: UInt8
        /// 0 when RED was not agreed.
        public var redPayloadType: UInt8
        /// 0 when the client sends no levels.
        public var audioLevelExtensionID: UInt8
        public var isNACKEnabled: Bool

        public init(
            opusPayloadType: UInt8, redPayloadType: UInt8 = 0, audioLevelExtensionID: UInt8,
            isNACKEnabled: Bool
        ) {
            self.opusPayloadType = opusPayloadType
            self.redPayloadType = redPayloadType
            self.audioLevelExtensionID = audioLevelExtensionID
            self.isNACKEnabled = isNACKEnabled
        }
    }

    public struct Slot: Sendable {
        /// Of what we send.
        public var ssrc: UInt32
        public var opusPayloadType: UInt8
        /// 0 when RED was not agreed.
        public var redPayloadType: UInt8
        public var isNACKEnabled: Bool

        public init(
            ssrc: UInt32, opusPayloadType: UInt8, redPayloadType: UInt8 = 0, isNACKEnabled: Bool
        ) {
            self.ssrc = ssrc
            self.opusPayloadType = opusPayloadType
            self.redPayloadType = redPayloadType
            self.isNACKEnabled = isNACKEnabled
        }
    }
}

/// Why the engine did not take a transport.
public enum EngineRefusal: Error, Sendable, Equatable {
    case unknownCircle
    case unknownMember
    /// No room for another transport, or another circle, on this worker.
    case full
    /// The local user fragment is in use, or not of eight characters.
    case invalidUfrag
    case unknownTransport
}

/// Why a transport is no more.
public enum TransportEnd: String, Sendable, Equatable {
    /// The owner took it away.
    case removed
    /// A newer one of the same member took its place.
    case replaced
    /// The peer closed it (DTLS close_notify).
    case closedByPeer
    /// Nothing authentic came for longer than the limit.
    case silent
    /// The handshake did not succeed.
    case handshakeFailed
    /// The peer's certificate is not the one its description named.
    case fingerprintMismatch
    /// The member was kicked or left, or the circle ended.
    case memberGone
}

/// What happened in the media of an engine.
public enum MediaEvent: Sendable, Equatable {
    /// DTLS is done. Times are milliseconds since signalling began.
    case connected(
        TransportID, CircleID, Event.Member, iceMilliseconds: Int, dtlsMilliseconds: Int)
    /// The first RTP packet came from, or went to, the peer.
    case firstPacket(
        TransportID, CircleID, Event.Member, iceMilliseconds: Int, dtlsMilliseconds: Int,
        firstPacketMilliseconds: Int)
    case ended(TransportID, CircleID, Event.Member, TransportEnd, wasConnected: Bool)
    case speakingStarted(CircleID, Event.Member)
    case speakingStopped(CircleID, Event.Member)
    /// Who is heard on each slot; `nil` when nobody is mapped.
    case slotsMapped(TransportID, [String?])
    /// The last counters of members who are going.
    case counted(CircleID, [MemberQuality])
    /// The last event of a circle.
    case circleClosed(CircleID)
}

/// What the engine counts, by name; all cumulative.
public struct EngineCounters: Sendable, Equatable {
    public var datagramsReceived: UInt64 = 0
    public var packetsForwarded: UInt64 = 0
    public var retransmissionsSent: UInt64 = 0
    /// Of mute, demotion or mic policy.
    public var packetsDiscarded: UInt64 = 0
    public var stunRequests: UInt64 = 0
    public var handshakesCompleted: UInt64 = 0

    public var rejected: [Rejection: UInt64] {
        var counts: [Rejection: UInt64] = [:]
        for rejection in Rejection.allCases where rejections[rejection.rawValue] > 0 {
            counts[rejection] = rejections[rejection.rawValue]
        }
        return counts
    }

    private var rejections = [UInt64](repeating: 0, count: Rejection.allCases.count)

    public init() {}

    /// Why a datagram was not used.
    public enum Rejection: Int, Sendable, CaseIterable {
        case unknownKind
        case malformedSTUN
        case unknownUfrag
        case stunIntegrity
        case notARequest
        case unknownAddress
        case dtlsRateLimited
        case notConnected
        case malformedRTP
        case malformedRTCP
        case srtpAuthentication
        case srtpReplayed
        case unknownPayloadType
        case noMicrophone
        case addressTableFull
        case oversized
    }

    mutating func reject(_ rejection: Rejection) {
        rejections[rejection.rawValue] &+= 1
    }
}
