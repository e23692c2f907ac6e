import BlockingThread
import Crypto
import Domain

/// Where covers go, and what lets clients bring them there.
public struct Uploads: Sendable {
    /// Where covers are kept.
    public enum Storage: Sendable {
        /// A folder of ours, behind `PUT` and `GET /uploads/{name}`.
        ///
        /// - secret: signs the URLs; whoever has it may upload.
        case folder(path: String, secret: String)
        case google(GoogleBucket)
    }

    enum Backend: Sendable {
        case folder(CoverFolder, key: SymmetricKey)
        case google(GoogleBucket)
    }

    let backend: Backend
    private let lifetimeSeconds: Int

    /// - Parameters:
    ///   - lifetimeSeconds: how long an upload URL is good, 30 to 604800.
    /// - Throws: what makes the folder impossible to use.
    public init(_ storage: Storage, lifetimeSeconds: Int = 600, now: Timestamp) async throws {
        switch storage {
        case .folder(let path, let secret):
            let folder = try await BlockingThread.run(name: "uploads") {
                try CoverFolder(path: path, now: now)
            }
            self.init(
                .folder(folder, key: UploadPermit.key(from: secret)),
                lifetimeSeconds: lifetimeSeconds)
        case .google(let bucket):
            self.init(.google(bucket), lifetimeSeconds: lifetimeSeconds)
        }
    }

    init(_ backend: Backend, lifetimeSeconds: Int) {
        self.backend = backend
        self.lifetimeSeconds = lifetimeSeconds
    }

    /// What the URLs of covers in our own folder begin with; `nil` when they are elsewhere.
    func coverURLPrefix(_ address: PublicAddress) -> String? {
        if case .folder = backend { CoverRoutes.url(address.url) } else { nil }
    }

    /// What lets a client upload one cover.
    ///
    /// - Parameter publicURL: how clients reach this API.
    func ticket(
        type: ImageType, byteCount: Int, now: Timestamp, publicURL: String
    ) throws -> UploadTicket {
        let name = CoverName(id: Identifier(now: now), type: type)
        switch backend {
        case .google(let bucket):
            return try bucket.ticket(
                for: name, byteCount: byteCount, now: now, lifetimeSeconds: lifetimeSeconds)
        case .folder(_, let key):
            let expires = now.microseconds / 1_000_000 + Int64(lifetimeSeconds)
            let permit = UploadPermit(
                name: name, byteCount: byteCount, expiresAtSeconds: expires)
            let cover = "\(CoverRoutes.url(publicURL))\(name)"
            return UploadTicket(
                uploadUrl: "\(cover)?\(permit.query(key: key))",
                headers: ["Content-Type": type.rawValue], coverUrl: cover,
                expiresAt: Timestamp(seconds: expires))
        }
    }
}

/// How to upload a cover: the body of `POST /upload/cover`.
struct UploadTicket: Encodable, Equatable {
    let uploadUrl: String
    let method = "PUT"
    /// What the client must send exactly so.
    let headers: [String: String]
    /// Goes into a circle's `coverUrl` once the upload is done.
    let coverUrl: String
    let expiresAt: Timestamp

    private enum CodingKeys: CodingKey {
        case uploadUrl, method, headers, coverUrl, expiresAt
    }
}
