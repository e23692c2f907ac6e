/// The bounds of what a request may ask for; each is checked where the value enters.
public enum Limits {
    public static let titleCharacterCount = 1...120
    public static let categoryCharacterCount = 0...40
    public static let uidByteCount = 1...128
    public static let coverURLByteCountMax = 2048
    public static let reasonCharacterCountMax = 500
    public static let durationMinutes = 5...720
    public static let maxSpeakers = 1...8
    public static let maxListeners = 1...100
    public static let coHostCountMax = 8
    public static let invitedCountMax = 500
    /// How far ahead a circle may be scheduled.
    public static let scheduleAheadSecondsMax: Int64 = 366 * 86_400
    /// A start time this far in the past still counts as "now".
    public static let startGraceSeconds: Int64 = 60
    /// How long before its start the host may open a scheduled circle by joining it.
    public static let earlyStartSeconds: Int64 = 15 * 60
    public static let creationsPerHostAndDay = 5
    public static let reportsPerUserAndCircle = 20
    public static let reportCommentCharacterCountMax = 1000
    public static let deviceIDByteCount = 1...128
    public static let pushTokenByteCount = 1...4096
    /// A user's further device takes the place of the one that was silent longest.
    public static let devicesPerUser = 20
    public static let pageSize = 1...100
    public static let pageSizeDefault = 20

    /// Names of users and sources are printable ASCII: Swift and PostgreSQL then agree on which
    /// of them are equal.
    public static func isName(_ text: String, byteCount: ClosedRange<Int>) -> Bool {
        byteCount.contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    public static let maxSpeakersDefault = 8
    public static let maxListenersDefault = 100
    public static let durationMinutesDefault = 60

    /// A node that was not heard of for so long gets no circle, and its circles may move.
    public static let nodeSilenceSecondsMax: Int64 = 10
    /// Nodes that a page is told of: their names stand in one header.
    public static let listedNodeCountMax: Int64 = 100
    /// Sessions in a node's snapshot or quality batch of one circle.
    public static let nodeMemberCountMax = 1000
}
