import Domain
import Foundation

/// The header `Retry-After`. Source: RFC 9110 §10.2.3, dates §5.6.7.
enum RetryAfter {
    /// Who asks for more gets this; a reminder is over long before.
    static let millisecondsMax: Int64 = 3_600_000

    /// - Returns: milliseconds from `now`, 0 to `millisecondsMax`; `nil` when it is neither
    ///   seconds nor a date.
    static func milliseconds(_ value: String, now: Timestamp) -> Int64? {
        let text = value.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            // More digits than fit are more than the limit.
            let seconds = Int64(text) ?? Int64.max
            return min(seconds, millisecondsMax / 1000) * 1000
        }
        guard text.utf8.count <= 40, let date = date(text) else { return nil }
        let until = date.timeIntervalSince1970 * 1000 - Double(now.microseconds) / 1000
        return Int64(min(max(until, 0), Double(millisecondsMax)).rounded(.up))
    }

    /// The form that is sent, and the two old ones that must still be read.
    private static func date(_ text: String) -> Date? {
        for format in [
            "EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'",
            "EEE MMM d HH:mm:ss yyyy",
        ] {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(secondsFromGMT: 0)
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return date }
        }
        return nil
    }
}
