import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// What a member is told of their media when they create or join a circle.
struct SwarmAdmission: Decodable, Sendable {
    let token: String
    let sfuUrl: String?
    /// To speak; on stage only.
    let whipUrl: String?
    /// To listen.
    let whepUrl: String?
}

extension SwarmClient {
    /// Posts an offer by WHIP or WHEP.
    ///
    /// - Returns: the answer, and where the transport can be ended.
    func exchange(
        offer: String, at url: String, mediaToken: String
    ) async throws -> (answer: String, resource: String) {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(mediaToken)")
        request.headers.add(name: "Content-Type", value: "application/sdp")
        request.body = .bytes(ByteBuffer(string: offer))
        let response = try await http.execute(request, timeout: .seconds(30))
        let body = String(buffer: try await response.body.collect(upTo: 1 << 20))
        guard response.status == .created,
            let location = response.headers.first(name: "Location"),
            let resource = URL(string: location, relativeTo: URL(string: url))
        else {
            throw Unexpected(
                description: "\(uid): POST \(url) answered \(response.status.code) \(body)")
        }
        return (body, resource.absoluteString)
    }

    /// Ends a transport.
    func disconnect(_ resource: String, mediaToken: String) async throws {
        var request = HTTPClientRequest(url: resource)
        request.method = .DELETE
        request.headers.add(name: "Authorization", value: "Bearer \(mediaToken)")
        let response = try await http.execute(request, timeout: .seconds(30))
        guard response.status == .ok else {
            throw Unexpected(
                description: "\(uid): DELETE \(resource) answered \(response.status.code)")
        }
    }
}
