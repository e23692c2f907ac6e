import Foundation
import Hummingbird
import JSONText
import NIOCore

/// How bodies are read and written.
enum JSON {
    static let bodyByteCountMax = 64 << 10
    /// No request nests deeper than an array in an object; decoding costs more the deeper it is.
    static let nestingDepthMax = 8

    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        do {
            return Array(try encoder.encode(value))
        } catch {
            // Our own response types hold no NaN and no foreign encoders.
            preconditionFailure("a response always encodes: \(error)")
        }
    }

    static func encode(_ value: some JSONWritable) -> [UInt8] {
        JSONWriter.text(value)
    }

    static func response(
        _ value: some JSONWritable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        response(encoded: encode(value), status: status, headers: headers)
    }

    static func response(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        response(encoded: encode(value), status: status, headers: headers)
    }

    static func response(
        encoded bytes: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Reads a body whole.
    ///
    /// - Throws: `Problem` for one that is too large, or shorter than it said: a connection that
    ///   ends amid a body must not pass for its end (RFC 9112 §8).
    static func bytes(of request: Request) async throws -> [UInt8] {
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard length <= bodyByteCountMax else { throw Problem.bodyTooLarge }
        do {
            let bytes = Array(buffer: try await request.body.collect(upTo: bodyByteCountMax))
            guard bytes.count >= length else { throw Problem.requestIncomplete }
            return bytes
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
    }

    /// For commands without parameters: no body, or an empty object.
    static func requireEmpty(_ request: Request) async throws {
        var fields = try await fields(of: request, mayBeEmpty: true)
        try fields.finish()
    }

    /// Reads a body as an object.
    ///
    /// - Throws: `Problem` for a body that is too large, of another media type, not UTF-8, not
    ///   JSON or no object. An empty body reads as `{}` where that is allowed.
    static func fields(of request: Request, mayBeEmpty: Bool = false) async throws -> JSONFields {
        let bytes = try await bytes(of: request)
        if bytes.isEmpty, mayBeEmpty { return JSONFields([:]) }
        let type = request.headers[.contentType] ?? ""
        let mediaType = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard mediaType == "application/json" else { throw Problem.unsupportedMediaType }
        guard String(validating: bytes, as: UTF8.self) != nil,
            nestingDepth(bytes) <= nestingDepthMax,
            let object = try? JSONDecoder().decode([String: JSONValue].self, from: Data(bytes))
        else { throw Problem.malformedJSON }
        return JSONFields(object)
    }
}

/// How deep arrays and objects nest in a JSON text.
private func nestingDepth(_ bytes: [UInt8]) -> Int {
    var (depth, deepest) = (0, 0)
    var (isInString, isEscaped) = (false, false)
    for byte in bytes {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            continue
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            depth += 1
            deepest = max(deepest, depth)
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        default: break
        }
    }
    return deepest
}

/// Any JSON value.
enum JSONValue: Decodable, Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }
}
