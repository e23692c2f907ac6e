import API
import Domain
import Foundation
import TestKit
import Testing

@Suite("Attacks on the HTTP face, over real sockets (RFC 9112)", .serialized)
struct HTTPAttackTests {
    private static func quick(_ configuration: inout APIServer.Configuration) {
        configuration.connectionLimits.headSeconds = 1
        configuration.connectionLimits.bodySeconds = 1
    }

    /// A request that is in order, to see that the server still serves.
    private func serves(_ api: LiveAPI) async throws -> Bool {
        let head = "GET /v1/circles HTTP/1.1\r\n" + (try await api.credentials("ada"))
        return status(
            of: try await RawHTTP.exchange(head + "Connection: close\r\n\r\n", port: api.port))
            == 200
    }

    @Test("heads and targets past 16 KiB are answered 431 and 414, and the rest thrown away")
    func boundsHeads() async throws {
        try await LiveAPI.run { api in
            let huge = String(repeating: "x", count: 10 << 20)
            let big = String(repeating: "x", count: 20 << 10)
            let many = (0..<200).map { "X-\($0): y\r\n" }.joined()
            for (text, expected) in [
                ("GET /healthz HTTP/1.1\r\nHost: t\r\nX-Big: \(huge)\r\n\r\n", 431),
                ("GET /healthz HTTP/1.1\r\nHost: t\r\nX-Big: \(big)\r\n\r\n", 431),
                ("GET /healthz HTTP/1.1\r\nHost: t\r\n\(big): y\r\n\r\n", 431),
                ("GET /healthz HTTP/1.1\r\nHost: t\r\n\(many)\r\n", 431),
                ("GET /\(huge) HTTP/1.1\r\nHost: t\r\n\r\n", 414),
                ("GET /v1/circles?\(big) HTTP/1.1\r\nHost: t\r\n\r\n", 414),
            ] {
                let answer = try await RawHTTP.exchange(text, port: api.port)
                #expect(status(of: answer) == expected, "\(text.prefix(60)): \(answer)")
            }
            #expect(try await serves(api))
        }
    }

    @Test("a head that never ends is cut off, and many of them hurt nobody else")
    func cutsSlowHeads() async throws {
        try await LiveAPI.run(configure: Self.quick) { api in
            let slow = try (0..<200).map { _ in try RawHTTP(port: api.port) }
            for connection in slow { try await connection.send("GET /healthz HTTP/1.1\r\nX-A: ") }
            #expect(try await serves(api))
            // A byte now and then buys no time.
            for _ in 0..<3 { try await slow[0].send("b") }
            for connection in slow {
                #expect(try await connection.receive() == "")
            }
            #expect(try await serves(api))
        }
    }

    @Test("a kept connection may wait, but its next head has no more time than the first")
    func cutsSlowNextHeads() async throws {
        try await LiveAPI.run(configure: Self.quick) { api in
            let connection = try RawHTTP(port: api.port)
            try await connection.send("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
            let answer = try await connection.receive(until: { $0.hasSuffix("\"ok\"}") })
            #expect(status(of: answer) == 200)
            try await connection.send("GET /hea")
            #expect(try await connection.receive() == "")
        }
    }

    @Test("a body that stalls is answered 408; one that trickles in time is read")
    func cutsSlowBodies() async throws {
        try await LiveAPI.run(configure: Self.quick) { api in
            let head = "POST /v1/circles HTTP/1.1\r\n" + (try await api.credentials("ada"))
            let json = "Content-Type: application/json\r\n"
            for length in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
                let connection = try RawHTTP(port: api.port)
                let begin = length.hasPrefix("T") ? "a\r\n{\"title\":" : "{\"title\":\"x\"}"
                try await connection.send(head + json + length + "\r\n" + begin)
                #expect(status(of: try await connection.receive()) == 408)
            }
            #expect(
                try await api.store.number("select count(*) from circles") == 0,
                "what was not whole has created nothing")
        }
        try await LiveAPI.run { api in
            let body = #"{"title":"Vinyl"}"#
            let connection = try RawHTTP(port: api.port)
            try await connection.send(
                "POST /v1/circles HTTP/1.1\r\n" + (try await api.credentials("ada"))
                    + "Content-Type: application/json\r\nConnection: close\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n")
            for byte in body.utf8 { try await connection.send([byte]) }
            #expect(status(of: try await connection.receive()) == 201)
        }
    }

    @Test("a connection that ends amid a body has asked for nothing")
    func refusesCutBodies() async throws {
        try await LiveAPI.run { api in
            let head = "POST /v1/circles HTTP/1.1\r\n" + (try await api.credentials("ada"))
            let connection = try RawHTTP(port: api.port)
            try await connection.send(
                head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
                    + #"{"title":"Vinyl"}"#)
            connection.finish()
            let answer = try await connection.receive()
            #expect([nil, 400].contains(status(of: answer)), "\(answer)")
            #expect(try await serves(api))
            #expect(try await api.store.number("select count(*) from circles") == 0)
        }
    }

    @Test("requests in a row are answered in their order")
    func answersPipelines() async throws {
        try await LiveAPI.run { api in
            let credentials = try await api.credentials("ada")
            let one = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
            let two = "GET /v1/circles HTTP/1.1\r\n\(credentials)\r\n"
            let last = "GET /nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
            let answer = try await RawHTTP.exchange(one + two + two + one + last, port: api.port)
            let statuses = answer.components(separatedBy: "HTTP/1.1 ").dropFirst()
                .map { $0.prefix(3) }
            #expect(statuses == ["200", "200", "200", "200", "404"])
        }
    }

    @Test("what is no HTTP, or could be read in two ways, is refused and the connection closed")
    func refusesAmbiguity() async throws {
        try await LiveAPI.run { api in
            let credentials = try await api.credentials("ada")
            let smuggled = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
            let requests = [
                "\r\n\r\nnonsense\r\n\r\n", "BREW /v1/circles HTTP/1.1\r\nHost: t\r\n\r\n",
                "get /healthz HTTP/1.1\r\nHost: t\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nHost : t\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nX A: t\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nX: a\u{0}b\r\n\r\n",
                "POST /v1/circles HTTP/1.1\r\n\(credentials)Content-Length: 4\r\n"
                    + "Content-Length: 50\r\n\r\n{}\r\n" + smuggled,
                "POST /v1/circles HTTP/1.1\r\n\(credentials)Content-Length: 4\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
                "POST /v1/circles HTTP/1.1\r\n\(credentials)Content-Length: -1\r\n\r\n",
                "POST /v1/circles HTTP/1.1\r\n\(credentials)Content-Length: 1x\r\n\r\n",
                "POST /v1/circles HTTP/1.1\r\n\(credentials)Transfer-Encoding: chunked\r\n\r\n"
                    + "zz\r\n",
            ]
            for request in requests {
                let connection = try RawHTTP(port: api.port)
                try await connection.send(request)
                connection.finish()
                let answer = try await connection.receive()
                let text = "\(request.prefix(80)): \(answer)"
                #expect([nil, 400].contains(status(of: answer)), "\(text)")
                #expect(answer.components(separatedBy: "HTTP/1.1 ").count <= 2, "\(text)")
            }
            #expect(try await serves(api))
            #expect(try await api.store.number("select count(*) from circles") == 0)
        }
    }

    @Test("no header of ours can be written by a client")
    func isNotInjected() async throws {
        try await LiveAPI.run { api in
            let credentials = try await api.credentials("ada")
            for value in ["a\rSet-Cookie: x=1", "a\nSet-Cookie: x=1", "a%0d%0aSet-Cookie: x=1"] {
                let answer = try await RawHTTP.exchange(
                    "GET /v1/circles HTTP/1.1\r\n\(credentials)X-Request-Id: \(value)\r\n"
                        + "Origin: https://a.example\r\nConnection: close\r\n\r\n", port: api.port)
                let head = answer.components(separatedBy: "\r\n\r\n")[0].lowercased()
                #expect(!head.contains("set-cookie"), "\(head)")
            }
            for path in ["/v1/circles/%0d%0aSet-Cookie:x", "/v1/circles?status=%0d%0aSet-Cookie:x"]
            {
                let answer = try await RawHTTP.exchange(
                    "GET \(path) HTTP/1.1\r\n\(credentials)Connection: close\r\n\r\n",
                    port: api.port)
                #expect(!answer.lowercased().contains("\nset-cookie"), "\(answer)")
                #expect([400, 404, 422].contains(status(of: answer)), "\(answer)")
            }
        }
    }

    @Test("paths that hide where they lead are refused, known or not")
    func refusesTricks() async throws {
        try await LiveAPI.run { api in
            let credentials = try await api.credentials("ada")
            for path in [
                "//v1/circles", "/v1//circles", "/v1/%2e%2e/metrics", "/v1/../metrics",
                "/v1%2fcircles", "/v1/circles/%zz", "/v1/circles/%", "/v1\\circles", "/%2e/healthz",
                "/v1/circles/..%2f..%2fmetrics", "http://other.test//v1/circles",
            ] {
                let answer = try await RawHTTP.exchange(
                    "GET \(path) HTTP/1.1\r\n\(credentials)Connection: close\r\n\r\n",
                    port: api.port)
                #expect(status(of: answer) == 400, "\(path): \(answer)")
            }
            let query = String(repeating: "limit=1&", count: 1500)
            let answer = try await RawHTTP.exchange(
                "GET /v1/circles?\(query) HTTP/1.1\r\n\(credentials)Connection: close\r\n\r\n",
                port: api.port)
            #expect(status(of: answer) != nil)
            #expect(try await serves(api))
        }
    }

    @Test("one address has so many connections and no more, and gets them back")
    func boundsConnections() async throws {
        try await LiveAPI.run(configure: { $0.connectionLimits.perAddress = 4 }) { api in
            let request = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
            let isWhole: @Sendable (String) -> Bool = { $0.contains("\"status\":\"ok\"}") }
            /// Tries again while the server has not yet seen the end of earlier ones.
            @Sendable func open() async throws -> RawHTTP? {
                for _ in 0..<200 {
                    let connection = try RawHTTP(port: api.port)
                    try await connection.send(request)
                    let answer = try await connection.receive(until: isWhole)
                    if status(of: answer) == 200 { return connection }
                }
                return nil
            }
            for _ in 0..<3 {
                var connections: [RawHTTP] = []
                for _ in 0..<4 { connections.append(try #require(try await open())) }
                let fifth = try await RawHTTP.exchange(request, port: api.port)
                #expect(fifth == "")
                for connection in connections { connection.finish() }
            }
        }
    }

    @Test("limits by address look behind a trusted proxy, and at nothing else")
    func limitsByForwardedAddress() async throws {
        try await LiveAPI.run(
            clock: ManualClock(),
            configure: {
                $0.rateLimits.perAddress = 2
                $0.rateLimits.trustedProxies = [NetworkRange("127.0.0.0/8")].compactMap { $0 }
            }
        ) { api in
            func ask(_ forwarded: String) async throws -> Int? {
                status(
                    of: try await RawHTTP.exchange(
                        "GET /v1/circles HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: \(forwarded)\r\n"
                            + "Connection: close\r\n\r\n", port: api.port))
            }
            // Without a key: refused as such until the address has asked too often.
            var statuses: [Int?] = []
            for forwarded in [
                "192.0.2.1", "198.51.100.1, 192.0.2.1", "198.51.100.2, 192.0.2.1, 127.0.0.9",
                "192.0.2.1, 192.0.2.2",
            ] {
                statuses.append(try await ask(forwarded))
            }
            #expect(statuses == [401, 401, 429, 401])
        }
        try await LiveAPI.run(
            clock: ManualClock(), configure: { $0.rateLimits.perAddress = 2 }
        ) { api in
            var statuses: [Int?] = []
            for number in 1...3 {
                statuses.append(
                    status(
                        of: try await RawHTTP.exchange(
                            "GET /v1/rooms HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                                + "X-Forwarded-For: 192.0.2.\(number)\r\n\r\n", port: api.port)))
            }
            #expect(statuses == [404, 404, 429])
            // Who watches the server is not limited.
            let watched = try await RawHTTP.exchange(
                "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", port: api.port)
            #expect(status(of: watched) == 200)
        }
    }
}
