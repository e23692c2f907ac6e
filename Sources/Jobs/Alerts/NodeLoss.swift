/// How many circles of one node lose packets at once.
///
/// A node whose network is bad would page once per circle. From three bad circles on, if they
/// are half of what the node carries, there is one incident for the node, and none is opened for
/// its circles while that lasts. What was paged before stays.
public struct NodeLoss: Sendable, Equatable {
    /// Fewer are taken one by one: each names who is heard badly.
    public static let circlesMin = 3
    /// Percent of the measured circles that are bad.
    public static let thresholds = AlertThresholds(firesAbove: 49.9, clearsBelow: 25)

    public let circleCount: Int
    public let badCircleCount: Int

    public init(circleCount: Int, badCircleCount: Int) {
        precondition(badCircleCount <= circleCount, "bad circles are measured ones")
        self.circleCount = circleCount
        self.badCircleCount = badCircleCount
    }

    /// Percent of the circles that are bad.
    public var value: Double {
        circleCount == 0 ? 0 : Double(badCircleCount) / Double(circleCount) * 100
    }

    public var level: AlertReading.Level {
        badCircleCount < Self.circlesMin ? .calm : Self.thresholds.level(value)
    }
}
