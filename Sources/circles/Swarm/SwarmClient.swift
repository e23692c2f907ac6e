import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// One user's HTTP client.
struct SwarmClient: Sendable {
    let uid: String
    let baseURL: String
    let apiKey: String
    let token: String
    let http: HTTPClient
    let latencies: Latencies

    /// An answer that was not what the scenario needs.
    struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    struct Answer: Sendable {
        let status: Int
        let body: Data

        /// The `code` of a problem document.
        var code: String? { (try? JSONDecoder().decode(Problem.self, from: body))?.code }

        private struct Problem: Decodable {
            let code: String
        }

        func decode<Body: Decodable>(_: Body.Type = Body.self) throws -> Body {
            try JSONDecoder().decode(Body.self, from: body)
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: [String: any Sendable]? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = method
        request.headers.add(name: "X-API-Key", value: apiKey)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(
                ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: body)))
        }
        let began = ContinuousClock.now
        let response = try await http.execute(request, timeout: .seconds(30))
        let data = Data(buffer: try await response.body.collect(upTo: 4 << 20))
        latencies.record(began.duration(to: .now))
        return Answer(status: Int(response.status.code), body: data)
    }

    /// Sends and insists on a status (and, for a refusal, on its code).
    @discardableResult
    func expect(
        _ status: Int, code: String? = nil, _ method: HTTPMethod, _ path: String,
        _ body: [String: any Sendable]? = nil
    ) async throws -> Answer {
        let answer = try await send(method, path, body)
        guard answer.status == status, code == nil || answer.code == code else {
            throw Unexpected(
                description:
                    "\(uid): \(method) \(path) answered \(answer.status) \(answer.code ?? "") instead of \(status) \(code ?? "")"
            )
        }
        return answer
    }
}
