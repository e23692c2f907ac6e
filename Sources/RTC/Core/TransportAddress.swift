/// An IP address and a UDP port. IPv4 addresses are held in their IPv6-mapped form
/// (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2), so that two addresses are equal when their bits are.
///
/// The layout is that of `circles_address` in `CLinuxNet`: a batch of datagrams passes between
/// the two without conversion.
@frozen
public struct TransportAddress: Hashable, Sendable {
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

    /// An IPv4 address from its 32 bits.
    @inlinable
    public init(ipv4: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4), port: port)
    }

    /// The IPv4 address's 32 bits; `nil` for a true IPv6 address.
    @inlinable
    public var ipv4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }
}
