import Testing

/// A request that must be refused, and how.
struct MediaRefusal {
    var name: String
    var method = "POST"
    var url: String
    var token: String?
    var type: String? = "application/sdp"
    var ifMatch: String?
    var body: String? = MediaHTTP.sdp
    var status: UInt
    var code: String

    func check() async throws {
        var headers: [String: String] = [:]
        headers["Authorization"] = token.map { "Bearer \($0)" }
        headers["Content-Type"] = type
        headers["If-Match"] = ifMatch
        let answer = try await MediaHTTP.send(method, url, headers: headers, body: body)
        #expect(answer.status == status, "\(name): \(answer.body)")
        #expect(answer.code == code, "\(name)")
        #expect(answer.headers["content-type"] == "application/problem+json", "\(name)")
    }
}
