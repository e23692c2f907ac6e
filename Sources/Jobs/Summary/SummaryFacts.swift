import Domain

/// What the host's summary tells of a circle.
struct SummaryFacts: Sendable, Equatable {
    var circleID: CircleID
    var title: String
    var startedAt: Timestamp
    var endedAt: Timestamp
    /// As `circle_sessions` has it: host, overrun, empty or hostLost.
    var endReason = "host"
    /// Different people.
    var memberCount = 0
    var peakListeners = 0
    var peakListenersAt: Timestamp?
    var peakSpeakers = 0
    var peakSpeakersAt: Timestamp?
    /// Participant-minutes.
    var totalMinutes = 0.0
    var moderation = Moderation()
    /// Minutes that half of the people stayed at least; `nil` when nobody came.
    var medianStayMinutes: Double?
    var retention: [Retention] = []
    var hands = Hands()
    /// Who talked longest, longest first; at most `speakerCountMax`.
    var speakers: [Speaker] = []
    /// Of everyone, also of those whom the list leaves out.
    var talkMicroseconds: Int64 = 0
    /// How many people talked.
    var talkerCount = 0
    var quality: [Quality] = []
    /// Worst first; at most `worstMinuteCountMax`.
    var worstMinutes: [WorstMinute] = []
    var rsvpCount = 0
    /// Of those who meant to come.
    var attendedCount = 0
    /// The host's circle before this one, if there was one.
    var previous: Previous?
    /// Most at once in each of `sliceCount` equal slices of the circle's time; empty when nobody
    /// came.
    var listenerSlices: [Int] = []
    var speakerSlices: [Int] = []

    static let speakerCountMax = 8
    static let worstMinuteCountMax = 3
    static let sliceCount = 240

    var durationMinutes: Double {
        Double(endedAt.microseconds - startedAt.microseconds) / 60_000_000
    }

    struct Moderation: Sendable, Equatable {
        var muteCount = 0
        var demotionCount = 0
        var kickCount = 0
        var banCount = 0
    }

    /// Who was still there at a moment of the circle.
    struct Retention: Sendable, Equatable {
        /// Of the circle's time, 0 to 1.
        var share: Double
        /// People who had come by then.
        var comeCount: Int
        /// Those of them who were in the circle then.
        var presentCount: Int
    }

    /// People, each counted once however often they did it.
    struct Hands: Sendable, Equatable {
        var raisedCount = 0
        /// Those of them who were then invited or brought onto the stage.
        var calledCount = 0
        /// Those of them who then spoke there.
        var spokeCount = 0
    }

    struct Speaker: Sendable, Equatable {
        var uid: String
        var talkMicroseconds: Int64
    }

    enum Direction: String, Sendable {
        /// From the member to the server.
        case uplink
        /// From the server to the member.
        case downlink
    }

    /// Of one direction, over all members and the whole circle.
    struct Quality: Sendable, Equatable {
        var direction: Direction
        /// 0 to 1.
        var lostShare: Double
        var jitterMilliseconds: Double
        /// In 95 of 100 minutes of a member it was not more.
        var jitterMillisecondsP95: Double
        /// `nil` when no report told it.
        var roundTripMilliseconds: Double?
        var roundTripMillisecondsP95: Double?
    }

    /// One minute of one member in which audio suffered.
    struct WorstMinute: Sendable, Equatable {
        var at: Timestamp
        var uid: String
        var direction: Direction
        var lostShare: Double
        var jitterMilliseconds: Double
    }

    struct Previous: Sendable, Equatable {
        var title: String
        var startedAt: Timestamp
        var durationMinutes: Double
        var memberCount: Int
        var peakListeners: Int
        var totalMinutes: Double
    }
}
