import Domain

/// One push to one device.
public struct Push: Sendable, Equatable {
    /// What it is about; the app's `data.type`.
    public var type: String
    public var circleID: CircleID
    /// Plain text, already cleaned and cut.
    public var title: String
    public var body: String
    /// What the app opens.
    public var deepLink: String
    /// After this nobody wants it any more; a device that is off until then never shows it.
    public var expiresAt: Timestamp

    /// Pushes of one value replace each other on a device: at most 64 bytes, which is what APNs
    /// takes as `apns-collapse-id`.
    public var collapseID: String { "\(type)-\(circleID)" }
}

/// Where a push goes.
public struct PushTarget: Sendable, Equatable {
    public var uid: String
    public var deviceID: String
    /// The registration token of Firebase Cloud Messaging.
    public var token: String
}

/// Hands pushes to whoever brings them to the devices.
public protocol PushSender: Sendable {
    /// Sends one push, once: it does not try again by itself what may have arrived.
    func send(_ push: Push, to target: PushTarget) async -> PushOutcome
}

/// What became of one attempt.
public enum PushOutcome: Sendable, Equatable {
    /// Taken on; `messageName` is what the receiver calls it.
    case sent(messageName: String)
    /// Surely not taken on, and may be later. `waitMilliseconds`: not before; `nil` leaves it to
    /// the caller's backoff.
    case retry(reason: String, waitMilliseconds: Int64?)
    /// The same, and the receiver takes nothing else either until then.
    case rest(reason: String, waitMilliseconds: Int64?)
    /// Never. `isTokenDead`: nor anything else to this token.
    case failed(reason: String, isTokenDead: Bool)
    /// Nobody knows whether it was taken on.
    case uncertain(reason: String)
}

/// How long to wait before the next attempt.
enum PushBackoff {
    /// The first wait and the longest, milliseconds. Source: Firebase, "Best practices when sending
    /// FCM messages at scale": begin at 10 s, exponential, with jitter.
    static let firstMilliseconds: Int64 = 10_000
    static let longestMilliseconds: Int64 = 120_000
    /// Who says to come back at once is asked a second later.
    static let leastMilliseconds: Int64 = 1000
    /// Without Retry-After a refused quota waits a minute at least. Source: the same.
    static let quotaMilliseconds: Int64 = 60_000

    /// - Parameters:
    ///   - attempt: the one that failed, from 1.
    ///   - fraction: of the jitter, 0 to 1: nothing to half of the wait is added.
    static func milliseconds(
        attempt: Int, first: Int64 = firstMilliseconds, fraction: Double
    ) -> Int64 {
        let doublings = min(max(attempt, 1) - 1, 16)
        let wait = min(first << Int64(doublings), max(longestMilliseconds, first))
        return wait + Int64(Double(wait) * 0.5 * min(max(fraction, 0), 1))
    }
}
