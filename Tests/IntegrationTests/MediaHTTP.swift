import AsyncHTTPClient
import Domain
import Foundation

/// Signalling spoken by hand, and an offer as browsers make it.
struct MediaHTTP: Sendable {
    struct Answer: Sendable {
        let status: UInt
        let headers: [String: String]
        let body: String

        /// The `code` of a problem document.
        var code: String? {
            ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any])?["code"]
                as? String
        }
    }

    /// Sends exactly these headers and this body.
    static func send(
        _ method: String, _ url: String, headers: [String: String] = [:], body: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .RAW(value: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(Array(body.utf8)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: response.status.code,
            headers: Dictionary(
                response.headers.map { ($0.name.lowercased(), $0.value) },
                uniquingKeysWith: { "\($0), \($1)" }),
            body: String(buffer: bytes))
    }

    /// Posts an offer for a ticket.
    static func offer(_ sdp: String, to endpoint: String, token: String) async throws -> Answer {
        try await send(
            "POST", endpoint,
            headers: ["Authorization": "Bearer \(token)", "Content-Type": "application/sdp"],
            body: sdp)
    }

    /// The first bytes of an answer that does not end, such as server-sent events.
    static func beginning(of url: String, token: String) async throws -> String {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        for try await chunk in response.body { return String(buffer: chunk) }
        return ""
    }

    static let fingerprint =
        "a=fingerprint:sha-256 \((0..<32).map { _ in "5A" }.joined(separator: ":"))\r\n"
    static let group = "a=group:BUNDLE 0 1\r\n"

    /// Two audio sections, of which the first sends and the second receives.
    static let sdp =
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + group
        + section(mid: "0", direction: "sendonly") + section(mid: "1", direction: "recvonly")

    private static func section(mid: String, direction: String) -> String {
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
            + "a=ice-ufrag:Abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=ice-options:trickle\r\n"
            + fingerprint + "a=setup:actpass\r\na=mid:\(mid)\r\n"
            + "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
            + "a=\(direction)\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
            + "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
    }
}

/// What an answer says of the node's transport.
struct MediaCandidate: Sendable {
    let port: UInt16
    let ufrag: String
}

extension MediaStackNode {
    /// Makes a connection that nobody uses, for the UDP port that its answer names; the ticket's
    /// next one replaces it.
    func candidate(for ticket: MediaTicket) async throws -> MediaCandidate {
        let answer = try await MediaHTTP.offer(
            MediaHTTP.sdp, to: endpoint(.whep, ticket.circleID), token: ticket.token)
        let lines = answer.body.split(separator: "\r\n")
        let ufragKey = "a=ice-ufrag:"
        guard answer.status == 201,
            let candidate = lines.first(where: { $0.hasPrefix("a=candidate:") })?
                .split(separator: " "),
            candidate.count > 5, let port = UInt16(candidate[5]),
            let ufrag = lines.first(where: { $0.hasPrefix(ufragKey) })
        else {
            throw MediaClientProcess.Failure(
                description: "no candidate: \(answer.status) \(answer.body)")
        }
        return MediaCandidate(port: port, ufrag: String(ufrag.dropFirst(ufragKey.count)))
    }
}
