/// Who may see and enter a circle.
public enum Privacy: String, Sendable, Codable, CaseIterable {
    /// Listed for everyone; everyone may join.
    case `public`
    /// Listed for everyone; only the host, co-hosts and invited may join.
    case `private`
    /// Seen only by the host, co-hosts and invited; to others it does not exist.
    case secret
}

/// When a member's microphone is open.
public enum MicPolicy: String, Sendable, Codable, CaseIterable {
    case pushToTalk
    case open
    case handRaise
}

/// scheduled → live → ended; scheduled → ended.
public enum CircleStatus: String, Sendable, Codable, CaseIterable {
    case scheduled
    case live
    case ended
}

/// What a seat allows. Moderation rights come from being host or co-host of the circle, not
/// from the seat.
public enum Role: String, Sendable, Codable, CaseIterable {
    case listener
    case speaker
    case coHost
    case host

    /// Whether the seat counts against `maxSpeakers` rather than `maxListeners`.
    public var isOnStage: Bool { self != .listener }
}

public enum EndReason: String, Sendable, Codable, CaseIterable {
    case host
    case overrun
    case empty
    case hostLost
}

public enum LeaveReason: String, Sendable, Codable, CaseIterable {
    /// The member asked to leave.
    case left
    case kicked
    case circleEnded
    /// The SFU lost the peer beyond its window.
    case timeout
    /// The seat's lease ran out.
    case leaseExpired
    /// The same user came in on another device: the newest wins.
    case replaced
}

/// What a user reports another for.
public enum ReportCategory: String, Sendable, Codable, CaseIterable {
    case harassment
    case hateSpeech
    case spam
    case impersonation
    case other
}

public enum LowerReason: String, Sendable, Codable, CaseIterable {
    case withdrawn
    case promoted
    case left
}

/// The description of a circle that its host gives.
public struct CircleDetails: Sendable, Hashable {
    public var title: String
    public var category: String
    public var privacy: Privacy
    public var hostUID: String
    public var coHostUIDs: [String]
    /// Empty when there is none.
    public var coverURL: String
    public var startAt: Timestamp
    public var durationMinutes: Int
    public var maxSpeakers: Int
    public var maxListeners: Int
    public var micPolicy: MicPolicy

    public init(
        title: String, category: String, privacy: Privacy, hostUID: String, coHostUIDs: [String],
        coverURL: String, startAt: Timestamp, durationMinutes: Int, maxSpeakers: Int,
        maxListeners: Int, micPolicy: MicPolicy
    ) {
        self.title = title
        self.category = category
        self.privacy = privacy
        self.hostUID = hostUID
        self.coHostUIDs = coHostUIDs
        self.coverURL = coverURL
        self.startAt = startAt
        self.durationMinutes = durationMinutes
        self.maxSpeakers = maxSpeakers
        self.maxListeners = maxListeners
        self.micPolicy = micPolicy
    }
}
