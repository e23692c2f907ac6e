import Foundation

/// An IP address; IPv4 in its IPv6 form (RFC 4291 §2.5.5.2).
struct NetworkAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter text: an address alone, in any form that `inet_pton` takes.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        guard text.utf8.count <= 45 else { return nil }
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            high = 0
            low = 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: four.s_addr))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            (high, low) = withUnsafeBytes(of: &six) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
        } else {
            return nil
        }
    }

    var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// What one client is taken to have: an IPv4 address, or an IPv6 network of 64 bits, within
    /// which it chooses addresses as it likes.
    var client: NetworkAddress { isIPv4 ? self : NetworkAddress(high: high, low: 0) }
}

/// A range of addresses, `address/bits` (RFC 4632 §3.1, RFC 4291 §2.3).
public struct NetworkRange: Sendable, Hashable {
    private let address: NetworkAddress
    /// 0 to 128, in the IPv6 form.
    private let bitCount: Int

    /// - Returns: `nil` when the text is neither an address nor a range.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = NetworkAddress(parts[0]) else {
            return nil
        }
        let most = address.isIPv4 ? 32 : 128
        var bitCount = most
        if parts.count == 2 {
            guard let number = Int(parts[1]), (0...most).contains(number),
                parts[1].allSatisfy(\.isNumber)
            else { return nil }
            bitCount = number
        }
        self.bitCount = address.isIPv4 ? 96 + bitCount : bitCount
        self.address = address
    }

    func contains(_ other: NetworkAddress) -> Bool {
        // Shifts by 64 give 0, so an empty mask matches everything.
        let highMask = ~UInt64(0) << UInt64(64 - min(bitCount, 64))
        let lowMask = ~UInt64(0) << UInt64(64 - max(0, bitCount - 64))
        return (address.high ^ other.high) & highMask == 0
            && (address.low ^ other.low) & lowMask == 0
    }
}
