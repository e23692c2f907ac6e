import HTTPTypes
import Testing

@testable import API

@Suite("Client addresses (X-Forwarded-For, RFC 4632, RFC 4291)")
struct ClientAddressTests {
    private func clients(_ ranges: String...) -> ClientAddress {
        ClientAddress(trustedProxies: ranges.compactMap(NetworkRange.init))
    }

    private func address(_ peer: String, _ forwarded: [String], _ clients: ClientAddress) throws
        -> NetworkAddress
    {
        var headers: HTTPFields = [:]
        for value in forwarded { headers.append(.init(name: .forwardedFor, value: value)) }
        return clients.address(peer: try #require(NetworkAddress(peer)), headers: headers)
    }

    @Test(
        "the right-most hop that is not ours is the client",
        arguments: [
            ("198.51.100.9", ["192.0.2.1"], "198.51.100.9"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", ["203.0.113.5, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", ["192.0.2.1, 10.2.3.4"], "192.0.2.1"),
            ("10.0.0.1", ["192.0.2.1", "10.2.3.4"], "192.0.2.1"),
            ("10.0.0.1", ["203.0.113.5", "192.0.2.1,10.2.3.4 ,\t10.1.1.1"], "192.0.2.1"),
            ("10.0.0.1", ["10.9.9.9, 10.8.8.8"], "10.9.9.9"),
            ("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
            ("fd00::1", ["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", ["192.0.2.1, "], "10.0.0.1"),
            ("10.0.0.1", ["192.0.2.1, junk, 10.5.5.5"], "10.5.5.5"),
            ("10.0.0.1", ["' or 1=1 --"], "10.0.0.1"),
        ])
    func findsTheClient(peer: String, forwarded: [String], client: String) throws {
        let clients = clients("10.0.0.0/8", "fd00::/8")
        #expect(try address(peer, forwarded, clients) == NetworkAddress(client))
    }

    @Test("with no trusted proxy the header counts for nothing")
    func trustsNobody() throws {
        #expect(
            try address("10.0.0.1", ["192.0.2.1"], clients()) == NetworkAddress("10.0.0.1"))
    }

    @Test(
        "a range has the addresses that share its first bits",
        arguments: [
            ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false), ("2001:db8::/65", "2001:db8::1", true),
            ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
            ("2001:db8::1/128", "2001:db8::1", true), ("2001:db8::1/128", "2001:db8::2", false),
        ])
    func matchesRanges(range: String, address: String, isIn: Bool) throws {
        let range = try #require(NetworkRange(range))
        #expect(range.contains(try #require(NetworkAddress(address))) == isIn)
    }

    @Test(
        "what is no range is refused",
        arguments: [
            "", "/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8",
            "::/129", "host", "10.0.0.0/+8", "1.2.3.4.5", "10.0.0.0/ 8", ":::/8",
        ])
    func refusesRanges(text: String) {
        #expect(NetworkRange(text) == nil)
    }

    @Test("an IPv6 client is its network")
    func groupsIPv6() throws {
        let one = try #require(NetworkAddress("2001:db8:1:2:3:4:5:6"))
        let other = try #require(NetworkAddress("2001:db8:1:2:ffff::1"))
        #expect(one != other)
        #expect(one.client == other.client)
        let four = try #require(NetworkAddress("192.0.2.1"))
        #expect(four.client == four)
    }
}
