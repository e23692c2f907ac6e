import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// Bytes that stay the same until the program is started again.
struct StaticContent: Sendable {
    let bytes: ByteBuffer
    let contentType: String
    /// A strong validator: the bytes' own hash. Source: RFC 9110 §8.8.3.
    let entityTag: String

    init(_ bytes: [UInt8], contentType: String) {
        self.bytes = ByteBuffer(bytes: bytes)
        self.contentType = contentType
        let hash = SHA256.hash(data: bytes).prefix(16)
        entityTag = "\"" + hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }

    /// The bytes, or 304 for a client that has them.
    ///
    /// - Parameter cacheSeconds: how long a client need not ask again.
    func response(
        to request: Request, cacheSeconds: Int, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.eTag] = entityTag
        headers[.cacheControl] = cacheSeconds > 0 ? "public, max-age=\(cacheSeconds)" : "no-cache"
        if isKnown(to: request) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = contentType
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    /// By the weak comparison that `If-None-Match` asks for. Source: RFC 9110 §13.1.2.
    private func isKnown(to request: Request) -> Bool {
        request.headers[values: .ifNoneMatch].contains { value in
            value.split(separator: ",").contains { candidate in
                let tag = candidate.trimmingCharacters(in: .whitespaces)
                return tag == "*" || tag == entityTag || tag == "W/" + entityTag
            }
        }
    }
}
