import RTC
import Testing

@Suite("IP literals (RFC 4291 §2.2, RFC 5952 §4)")
struct TransportAddressTextTests {
    @Test(
        "literals are read and written in their shortest form",
        arguments: [
            ("192.0.2.1", "192.0.2.1:9"), ("0.0.0.0", "0.0.0.0:9"),
            ("255.255.255.255", "255.255.255.255:9"), ("::", "[::]:9"), ("::1", "[::1]:9"),
            ("1::", "[1::]:9"), ("2001:DB8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:9"),
            ("2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:9"),
            ("::ffff:192.0.2.1", "192.0.2.1:9"), ("64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:9"),
            ("fe80::0202:B3ff:fe1e:8329", "[fe80::202:b3ff:fe1e:8329]:9"),
            ("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:9"),
            ("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255:9"),
        ])
    func literals(text: String, description: String) {
        #expect(TransportAddress(ip: text, port: 9)?.description == description)
    }

    @Test(
        "what is no literal is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..3.4", "a.b.c.d",
            "1.2.3.-4", "1.2.3.1000", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "::12345", "::g",
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "[::1]", "1.2.3.4::",
            "::1.2.3.4:5", "::1.2.3", "4f2a.local",
            "0000:0000:0000:0000:0000:0000:ffff:255.255.255.2555",
        ])
    func refusals(text: String) {
        #expect(TransportAddress(ip: text, port: 9) == nil)
    }

    @Test("every address reads as it is written", arguments: [91] as [UInt64])
    func roundTrip(seed: UInt64) {
        var random = PacketMutator(seed: seed)
        for _ in 0..<2000 {
            // Masks make runs of zeros likely.
            let address = TransportAddress(
                high: random.next() & random.next() & random.next(),
                low: random.next() & random.next() & random.next(), port: 1)
            #expect(TransportAddress(ip: address.ip, port: 1) == address, "seed \(seed)")
        }
    }
}
