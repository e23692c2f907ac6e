import Domain

/// A UTC day.
public struct ExportDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 1970-01-01.
    let number: Int64

    init(number: Int64) {
        self.number = number
    }

    /// - Returns: `nil` unless the text is a date such as `2026-11-23`.
    public init?(_ text: String) {
        guard text.utf8.count == 10, let time = Timestamp(rfc3339: text) else { return nil }
        number = time.microseconds / 86_400_000_000
        // Tables hold nothing from before, and the division is exact.
        guard time.microseconds >= 0, description == text else { return nil }
    }

    public var next: ExportDay { ExportDay(number: number + 1) }

    /// When the day is over.
    var end: Timestamp { Timestamp(seconds: (number + 1) * 86_400) }

    public var description: String {
        String("\(Timestamp(seconds: number * 86_400))".prefix(10))
    }

    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}
