import AsyncHTTPClient
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import TestKit
import Testing

@testable import API

@Suite("Uploading covers")
struct UploadRouteTests {
    /// A PNG of 8 × 6 pixels, written by Pillow 13.
    private static let png = Array(
        Data(
            base64Encoded:
                "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGAQAAAADWfuJWAAAAFElEQVR4nGNYxRDKFMoQyhTKxAAAD24CBRCd"
                + "u7YAAAAASUVORK5CYII=")!)  // written down here

    private struct Ticket {
        let uploadURL: String
        let coverURL: String

        /// Without the host.
        var path: String { String(uploadURL.dropFirst(TestAPI.publicURL.count)) }
        var name: String { String(coverURL.split(separator: "/").last ?? "") }
    }

    private static func ticket(
        _ api: TestAPI, type: String = "image/png", byteCount: Int = png.count
    ) async throws -> Ticket {
        let answer = try await api.send(
            .post, "/v1/upload/cover", as: "ada",
            json: #"{"contentType":"\#(type)","byteCount":\#(byteCount)}"#)
        try #require(answer.status == 201)
        return Ticket(
            uploadURL: try #require(answer.text("uploadUrl")),
            coverURL: try #require(answer.text("coverUrl")))
    }

    private static func put(
        _ api: TestAPI, _ path: String, _ body: [UInt8] = png, type: String? = "image/png"
    ) async throws -> TestAPI.Answer {
        var headers: HTTPFields = [:]
        headers[.contentType] = type
        return try await api.send(.put, path, headers: headers, body: body)
    }

    @Test("a cover is uploaded by its signed URL, read by everyone, and taken by a circle")
    func uploads() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let answer = try await api.send(
                .post, "/v1/upload/cover", as: "ada",
                json: #"{"contentType":"image/png","byteCount":\#(Self.png.count)}"#)
            #expect(answer.status == 201 && answer.text("method") == "PUT")
            #expect(answer.json["headers"] as? [String: String] == ["Content-Type": "image/png"])
            #expect(answer.text("expiresAt") == "2026-11-23T18:10:00Z")
            let cover = try #require(answer.text("coverUrl"))
            #expect(cover.hasPrefix("http://api.test/uploads/"))
            let upload = try #require(answer.text("uploadUrl"))
            #expect(upload.hasPrefix("\(cover)?"))
            let path = String(cover.dropFirst(TestAPI.publicURL.count))

            let missing = try await api.send(.get, path, headers: [:])
            #expect(missing.mismatches(404, "cover_not_found") == [])
            let stored = try await Self.put(
                api, String(upload.dropFirst(TestAPI.publicURL.count)))
            #expect(stored.status == 201 && stored.headers[.location] == cover)
            let read = try await api.send(.get, path, headers: [:])
            #expect(read.status == 200 && read.body == Self.png)
            #expect(read.contentType == "image/png")
            #expect(read.headers[.xContentTypeOptions] == "nosniff")
            #expect(read.headers[.cacheControl] == "public, max-age=31536000, immutable")
            let tag = try #require(read.headers[.eTag])
            let again = try await api.send(.get, path, headers: [.ifNoneMatch: tag])
            #expect(again.status == 304 && again.body.isEmpty)
            let head = try await api.send(.head, path, headers: [:])
            #expect(head.status == 200 && head.body.isEmpty && head.headers[.eTag] == tag)

            let circle = try await api.send(
                .post, "/v1/circles", as: "ada", json: #"{"title":"x","coverUrl":"\#(cover)"}"#)
            let id = try #require(circle.text("circleId"))
            let shown = try await api.send(.get, "/v1/circles/\(id)", as: "ada")
            #expect(shown.text("coverUrl") == cover)
        }
    }

    @Test("what is asked for is checked")
    func checksRequests() async throws {
        try await TestAPI.run { api in
            let cases: [(json: String, fields: Set<String>)] = [
                ("{}", ["contentType", "byteCount"]),
                (#"{"contentType":"image/gif","byteCount":1}"#, ["contentType"]),
                (#"{"contentType":"image/svg+xml","byteCount":1}"#, ["contentType"]),
                (#"{"contentType":"image/png","byteCount":0}"#, ["byteCount"]),
                (#"{"contentType":"image/png","byteCount":-1}"#, ["byteCount"]),
                (#"{"contentType":"image/png","byteCount":5242881}"#, ["byteCount"]),
                (#"{"contentType":"image/png","byteCount":1.5}"#, ["byteCount"]),
                (#"{"contentType":"image/png","byteCount":1,"name":"../x"}"#, ["name"]),
            ]
            for (json, fields) in cases {
                let answer = try await api.send(.post, "/v1/upload/cover", as: "ada", json: json)
                #expect(answer.mismatches(422, "validation_failed", fields) == [], "\(json)")
            }
            let stranger = try await api.send(.post, "/v1/upload/cover", headers: [:])
            #expect(stranger.mismatches(401, "api_key_missing") == [])
            let largest = try await Self.ticket(api, type: "image/webp", byteCount: 5 << 20)
            #expect(largest.name.hasSuffix(".webp"))
        }
    }

    @Test("a signed URL is good for what was signed, and for nothing else")
    func refusesOtherUploads() async throws {
        let clock = ManualClock()
        try await TestAPI.run(clock: clock) { api in
            let ticket = try await Self.ticket(api)
            let other = try await Self.ticket(api)
            let path = ticket.path
            let (name, query) = (ticket.name, try #require(path.split(separator: "?").last))
            let forged = [
                "/uploads/\(other.name)?\(query)",
                path.replacing("image%2Fpng", with: "image%2Fjpeg"),
                path.replacing("byteCount=", with: "byteCount=1"),
                path.replacing("expires=", with: "expires=9"), String(path.dropLast()),
                path + "&byteCount=1", path + "0", "/uploads/\(name)", "/uploads/\(name)?",
                "/uploads/\(name)?signature=%00", path.replacing("signature=", with: "signature=%"),
            ]
            for path in forged {
                let answer = try await Self.put(api, path)
                #expect(answer.mismatches(403, "upload_signature_invalid") == [], "\(path)")
            }
            let bodies: [(body: [UInt8], type: String?, status: Int, code: String)] = [
                (Self.png + [0], "image/png", 413, "image_too_large"),
                (Array(Self.png.dropLast()), "image/png", 422, "upload_incomplete"),
                ([], "image/png", 422, "upload_incomplete"),
                (Self.png, "image/jpeg", 415, "unsupported_image"),
                (Self.png, "text/html", 415, "unsupported_image"),
                (Self.png, nil, 415, "unsupported_image"),
                (Self.png.map { $0 ^ 1 }, "image/png", 415, "unsupported_image"),
                (Self.png.dropLast() + [0], "image/png", 415, "unsupported_image"),
            ]
            for (body, type, status, code) in bodies {
                let answer = try await Self.put(api, path, body, type: type)
                #expect(answer.mismatches(status, code) == [], "\(body.count) \(type ?? "-")")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: api.uploadsFolder) == [])

            #expect(try await Self.put(api, path).status == 201)
            #expect(try await Self.put(api, path).status == 200)
            clock.advance(seconds: 600)
            #expect(try await Self.put(api, path).mismatches(403, "upload_expired") == [])
            let files = try FileManager.default.contentsOfDirectory(atPath: api.uploadsFolder)
            #expect(files == [name])
        }
    }

    @Test("dimensions are bounded, whatever the length is")
    func refusesHugeDimensions() async throws {
        try await TestAPI.run { api in
            // A lossless WebP that says 16384 × 16384, in 26 bytes.
            let webp =
                Array("RIFF".utf8) + [18, 0, 0, 0] + Array("WEBPVP8L".utf8)
                + [6, 0, 0, 0, 0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0]
            let ticket = try await Self.ticket(api, type: "image/webp", byteCount: webp.count)
            let answer = try await Self.put(api, ticket.path, webp, type: "image/webp")
            #expect(answer.mismatches(413, "image_too_large") == [])
        }
    }

    @Test("no text of a client's is a path")
    func refusesPaths() async throws {
        try await TestAPI.run { api in
            let secret = "\(api.uploadsFolder)/../circles-outside.png"
            #expect(FileManager.default.createFile(atPath: secret, contents: Data([1])))
            defer { try? FileManager.default.removeItem(atPath: secret) }  // made just above
            let names = [
                "..%2fcircles-outside.png", "..%2Fcircles-outside.png",
                "%2e%2e/circles-outside.png",
                "../circles-outside.png", "%2e%2e%2fcircles-outside.png",
                "..%5ccircles-outside.png",
                "..%252fcircles-outside.png", "%00.png", "%2fetc%2fpasswd", "/etc/passwd", ".",
                "..",
                "%c0%ae%c0%ae%2fcircles-outside.png", "", "circles-outside.png%00",
            ]
            for name in names {
                for method in [HTTPRequest.Method.get, .head, .put] {
                    let answer = try await api.send(method, "/uploads/\(name)", headers: [:])
                    // A path that means something else to somebody is refused as such.
                    #expect([400, 404].contains(answer.status), "\(method) \(name)")
                }
            }
            let other = try await api.send(.delete, "/uploads/x.png", headers: [:])
            #expect(other.mismatches(405, "method_not_allowed") == [])
            #expect(other.headers[.allow] == "GET, HEAD, PUT")
        }
    }

    // MARK: Over a socket

    /// Sends a body in chunks, without a length.
    private static func stream(
        _ chunks: [[UInt8]], to ticket: Ticket, port: Int
    ) async throws -> (status: UInt, code: String?) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(ticket.path)")
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: "image/png")
        let buffers = AsyncStream { stream in
            for chunk in chunks { stream.yield(ByteBuffer(bytes: chunk)) }
            stream.finish()
        }
        request.body = .stream(buffers, length: .unknown)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 1 << 16)
        let json = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))
        return (response.status.code, (json as? [String: Any])?["code"] as? String)
    }

    @Test("chunks without a length are counted: too many are refused, the right ones taken")
    func countsChunks() async throws {
        try await TestAPI.run(isLive: true) { api in
            let ticket = try await Self.ticket(api)
            let zeros = [UInt8](repeating: 0, count: 1 << 16)
            let long = try await Self.stream(
                [Self.png] + (0..<16).map { _ in zeros }, to: ticket, port: api.port)
            #expect(long == (413, "image_too_large"))
            let short = try await Self.stream(
                [Array(Self.png.prefix(10))], to: ticket, port: api.port)
            #expect(short == (422, "upload_incomplete"))
            let exact = try await Self.stream(
                Self.png.map { [$0] }, to: ticket, port: api.port)
            #expect(exact.status == 201)
        }
    }
}
