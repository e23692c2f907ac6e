import Crypto
import Foundation

/// The page's files as the server hands them out: a fixed list, read once at the start.
struct WebFiles: Sendable {
    struct File: Sendable {
        let contentType: String
        let bytes: [UInt8]
        /// Names the content; the page of a newer program has another one.
        let entityTag: String

        init(contentType: String, bytes: [UInt8]) {
            self.contentType = contentType
            self.bytes = bytes
            entityTag = Self.entityTag(of: bytes)
        }

        static func entityTag(of bytes: [UInt8]) -> String {
            let digest = SHA256.hash(data: Data(bytes)).prefix(12)
            return
                "\"\(digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())\""
        }
    }

    /// The document at `/`; the other names are their own paths.
    static let document = "index.html"

    private static let contentTypes = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
        "webmanifest": "application/manifest+json",
    ]

    static let names = [
        document, "app.css", "room.css", "icon.svg", "app.webmanifest",
        "app.js", "api.js", "audio.js", "directory.js", "dom.js", "live.js", "media.js",
        "moderation.js",
        "room.js", "room-media.js", "room-state.js", "room-view.js", "session.js", "sse.js",
    ]

    let files: [String: File]

    /// - Throws: what reading a file throws: the program was installed without its resources.
    init(bundle: Bundle = .module) throws {
        var files: [String: File] = [:]
        for name in Self.names {
            let url = bundle.bundleURL.appendingPathComponent("Web/\(name)")
            let suffix = name.split(separator: ".").last.map(String.init) ?? ""
            guard let type = Self.contentTypes[suffix] else {
                preconditionFailure("every file of the list has a type: \(name)")
            }
            files[name] = File(contentType: type, bytes: Array(try Data(contentsOf: url)))
        }
        self.files = files
    }
}
