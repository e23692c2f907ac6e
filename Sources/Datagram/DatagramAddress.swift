internal import CLinuxNet

/// An IP address and a UDP port; IPv4 is held IPv6-mapped. The layout is that of
/// `circles_address` in `CLinuxNet` and of `TransportAddress` in `RTC`.
@frozen
public struct DatagramAddress: Hashable, Sendable {
    /// The first eight bytes of the address, as a big-endian number.
    public var high: UInt64
    /// The last eight.
    public var low: UInt64
    /// In host byte order.
    public var port: UInt16

    @inlinable
    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// An address from an IPv4 or IPv6 literal; `nil` when `host` is neither.
    public init?(host: String, port: UInt16) {
        var parsed = circles_address()
        guard circles_address_parse(host, port, &parsed) == 0 else { return nil }
        self.init(high: parsed.high, low: parsed.low, port: parsed.port)
    }
}
