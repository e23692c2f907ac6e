/// A 128-bit UUID of one kind of entity; ids of different kinds do not mix.
public struct Identifier<Entity>: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A UUID version 7: the time in its first 48 bits, random bits after it.
    /// Source: RFC 9562 §5.7.
    ///
    /// - Parameters:
    ///   - now: goes in with millisecond resolution, and the rest of the microseconds as the
    ///     first 10 bits of `rand_a`, so that ids of one process sort by time.
    public init(now: Timestamp, random: inout some RandomNumberGenerator) {
        let milliseconds = UInt64(clamping: now.microseconds / 1000)
        let fraction = UInt64(clamping: now.microseconds % 1000)
        let entropy: UInt64 = random.next()
        high =
            milliseconds << 16 | 0x7000 | fraction << 2 & 0x0FFC | entropy & 0x3
        low = 0x8000_0000_0000_0000 | random.next() >> 2
    }

    public init(now: Timestamp) {
        var random = SystemRandomNumberGenerator()
        self.init(now: now, random: &random)
    }

    /// - Returns: `nil` unless there are exactly 16 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// The canonical text form (RFC 9562 §4), in either case.
    public init?(_ text: some StringProtocol) {
        var value: (high: UInt64, low: UInt64) = (0, 0)
        var digitCount = 0
        var position = 0
        for byte in text.utf8 {
            defer { position += 1 }
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt64
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - 87)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - 55)
            default: return nil
            }
            if digitCount < 16 {
                value.high = value.high << 4 | digit
            } else {
                value.low = value.low << 4 | digit
            }
            digitCount += 1
            guard digitCount <= 32 else { return nil }
        }
        guard digitCount == 32, position == 36 else { return nil }
        high = value.high
        low = value.low
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: high >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: low >> UInt64(shift)))
        }
        return bytes
    }

    /// Half of a UUID's random bits tell ids apart well enough.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(low)
    }

    /// When a version-7 id was made, to the millisecond; `nil` for other versions.
    public var createdAt: Timestamp? {
        guard high >> 12 & 0xF == 7 else { return nil }
        return Timestamp(microseconds: Int64(high >> 16) * 1000)
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var count = 0
            for (index, byte) in bytes.enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[count] = UInt8(ascii: "-")
                    count += 1
                }
                for digit in [byte >> 4, byte & 0xF] {
                    text[count] = digit < 10 ? digit + 48 : digit + 87
                    count += 1
                }
            }
            return count
        }
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

public enum CircleEntity {}
public enum SessionEntity {}
public enum EventEntity {}

/// A circle.
public typealias CircleID = Identifier<CircleEntity>
/// One stay of one member in a circle: from a join to its leave, resumes included.
public typealias SessionID = Identifier<SessionEntity>
/// One event.
public typealias EventID = Identifier<EventEntity>
