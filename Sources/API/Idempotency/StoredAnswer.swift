import HTTPTypes
import Hummingbird
import NIOCore

/// An answer as it is kept for a retry.
struct StoredAnswer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// - Returns: `nil` when the body is a stream: it has no end that could be kept.
    init?(_ response: Response) async throws {
        guard let body = try await response.body.bytes() else { return nil }
        status = response.status.code
        headers = response.headers.map { ($0.name.rawName, $0.value) }
        self.body = body
    }

    /// Whether a retry shall get the same answer. Those that say "try again" are not kept, or the
    /// retry that they ask for could never succeed.
    static func isKept(_ status: HTTPResponse.Status) -> Bool {
        status.code < 500 && ![401, 408, 429].contains(status.code)
    }

    var response: Response {
        var fields: HTTPFields = [:]
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }  // came from such a name
            fields.append(HTTPField(name: name, value: value))
        }
        return Response(
            status: .init(code: status), headers: fields,
            body: body.isEmpty
                ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension ResponseBody {
    /// The whole body; `nil` when it is a stream of unknown length.
    func bytes() async throws -> [UInt8]? {
        guard contentLength != nil else { return nil }
        let collector = BodyCollector()
        try await write(collector)
        return collector.bytes
    }
}

/// Takes a body in place of the network. One task uses it.
private final class BodyCollector: ResponseBodyWriter {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: ByteBuffer) async throws {
        bytes.append(contentsOf: buffer.readableBytesView)
    }

    func finish(_: HTTPFields?) async throws {}
}
