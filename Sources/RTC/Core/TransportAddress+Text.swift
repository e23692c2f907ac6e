// IP literals. No names, no zones.

extension TransportAddress {
    /// From an IPv4 or IPv6 literal; `nil` for anything else, such as a name.
    ///
    /// Source: RFC 4291 §2.2; IPv4 as four decimal numbers without leading zeros.
    public init?(ip text: some StringProtocol, port: UInt16) {
        let bytes = Array(text.utf8.prefix(Self.textByteCountMax + 1))
        guard bytes.count <= Self.textByteCountMax else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let words = Self.ipv6Words(bytes) else { return nil }
            let halves = (words[0..<4], words[4..<8]) as (ArraySlice<UInt16>, ArraySlice<UInt16>)
            self.init(
                high: halves.0.reduce(0) { $0 << 16 | UInt64($1) },
                low: halves.1.reduce(0) { $0 << 16 | UInt64($1) }, port: port)
        } else {
            guard let ipv4 = Self.ipv4(bytes[...]) else { return nil }
            self.init(ipv4: ipv4, port: port)
        }
    }

    /// The address without the port. Source: RFC 5952 §4.
    public var ip: String {
        if let ipv4 {
            return "\(ipv4 >> 24).\(ipv4 >> 16 & 0xFF).\(ipv4 >> 8 & 0xFF).\(ipv4 & 0xFF)"
        }
        let words = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - index % 4 * 16))
        }
        let zeros = Self.longestZeroRun(words)
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let zeros else { return text(words[...]) }
        return text(words[..<zeros.lowerBound]) + "::" + text(words[zeros.upperBound...])
    }

    /// The longest literal: eight groups whose last two are written as IPv4.
    private static let textByteCountMax = 45

    private static func ipv4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0")
            else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    private static func ipv6Words(_ bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard
            let gap = bytes.indices.dropLast().first(where: {
                bytes[$0] == colon && bytes[$0 + 1] == colon
            })
        else {
            guard let words = groups(bytes[...]), words.count == 8 else { return nil }
            return words
        }
        guard let before = groups(bytes[..<gap]), let after = groups(bytes[(gap + 2)...]),
            // The IPv4 form is for the end of the whole address only.
            !bytes[..<gap].contains(UInt8(ascii: ".")), before.count + after.count <= 7
        else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Groups between colons; the last may be an IPv4 literal.
    private static func groups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var words: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if part.contains(UInt8(ascii: ".")) {
                guard index == parts.count - 1, let ipv4 = ipv4(part) else { return nil }
                words.append(UInt16(truncatingIfNeeded: ipv4 >> 16))
                words.append(UInt16(truncatingIfNeeded: ipv4))
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var word: UInt16 = 0
            for byte in part {
                guard let digit = hexadecimalDigit(byte) else { return nil }
                word = word << 4 | digit
            }
            words.append(word)
        }
        return words
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The first of the longest runs of at least two zero words.
    private static func longestZeroRun(_ words: [UInt16]) -> Range<Int>? {
        var longest: Range<Int>?
        var start = 0
        while start < words.count {
            guard words[start] == 0 else {
                start += 1
                continue
            }
            let end = words[start...].firstIndex { $0 != 0 } ?? words.count
            if end - start >= 2, end - start > (longest?.count ?? 0) { longest = start..<end }
            start = end
        }
        return longest
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `192.0.2.1:5000` or `[2001:db8::1]:5000`.
    public var description: String {
        ipv4 == nil ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
