/// What a payload type stands for.
///
/// Source: RFC 8866 §6.6.
public struct RTPMap: Sendable, Hashable {
    public var name: String
    /// In Hz.
    public var clockRate: UInt32
    public var channels: UInt8

    public init(name: String, clockRate: UInt32, channels: UInt8 = 1) {
        self.name = name
        self.clockRate = clockRate
        self.channels = channels
    }

    /// From `opus/48000/2`.
    init?(_ text: Substring) {
        let parts = text.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).map { Substring($0) }
        guard (2...3).contains(parts.count), !parts[0].isEmpty,
            let clockRate = parts[1].number(as: UInt32.self)
        else { return nil }
        var channels: UInt8 = 1
        if parts.count == 3 {
            guard let count = parts[2].number(as: UInt8.self) else { return nil }
            channels = count
        }
        self.init(name: String(parts[0]), clockRate: clockRate, channels: channels)
    }

    var text: String {
        channels == 1 ? "\(name)/\(clockRate)" : "\(name)/\(clockRate)/\(channels)"
    }

    /// Whether it is a codec, whose names do not tell cases apart.
    func isCodec(_ name: String, clockRate: UInt32, channels: UInt8) -> Bool {
        self.name.lowercased() == name && self.clockRate == clockRate
            && self.channels == channels
    }
}
