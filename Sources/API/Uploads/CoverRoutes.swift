import BlockingThread
import Crypto
import Domain
import HTTPTypes
import Hummingbird
import Metrics

/// `PUT` and `GET /uploads/{name}`: the embedded default's store of covers. A signed URL is all
/// that an upload needs; reading needs nothing.
struct CoverRoutes: Sendable {
    let folder: CoverFolder
    let key: SymmetricKey
    let address: PublicAddress
    let clock: any WallClock
    private let files = FileIO()

    init(folder: CoverFolder, key: SymmetricKey, address: PublicAddress, clock: any WallClock) {
        self.folder = folder
        self.key = key
        self.address = address
        self.clock = clock
    }

    /// What all of our covers' URLs begin with.
    static func url(_ publicURL: String) -> String { "\(publicURL)/uploads/" }

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("uploads/{name}", [.get: show, .head: head, .put: store])
    }

    private func name(_ context: CirclesRequestContext) throws(Problem) -> CoverName {
        guard let name = context.parameters.get("name").flatMap({ CoverName($0) }) else {
            throw .coverNotFound
        }
        return name
    }

    // MARK: Reading

    @Sendable
    private func show(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        let name = try name(context)
        guard let path = folder.existingPath(of: name) else { throw Problem.coverNotFound }
        // Bytes under a name never change, so the name is their tag.
        let tag = "\"\(name.id)\""
        var headers: HTTPFields = [
            .eTag: tag, .cacheControl: "public, max-age=31536000, immutable",
            .xContentTypeOptions: "nosniff",
            // A cover is shown by pages of any origin, and is no page itself.
            .contentSecurityPolicy: "default-src 'none'; sandbox",
        ]
        headers[HTTPField.Name("Cross-Origin-Resource-Policy")!] = "cross-origin"  // a valid name
        if let known = request.headers[.ifNoneMatch], Self.matches(known, tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = name.type.rawValue
        return Response(
            status: .ok, headers: headers,
            body: try await files.loadFile(path: path, context: context))
    }

    @Sendable
    private func head(_ request: Request, _ context: CirclesRequestContext) async throws -> Response
    {
        try await show(request, context).createHeadResponse()
    }

    /// Source: RFC 9110 §13.1.2: the comparison is weak.
    private static func matches(_ field: String, _ tag: String) -> Bool {
        field == "*"
            || field.split(separator: ",").contains { entry in
                let entry = entry.filter { $0 != " " && $0 != "\t" }
                return entry == tag || entry == "W/\(tag)"
            }
    }

    // MARK: Writing

    @Sendable
    private func store(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let name = try name(context)
        let query = request.uri.queryParameters.map { (String($0), String($1)) }
        let now = clock.now()
        let permit = try UploadPermit(name: name, query: query, key: key, now: now)
        guard request.headers[.contentType]?.lowercased() == name.type.rawValue else {
            throw Problem.unsupportedImage("Content-Type must be \(name.type.rawValue)")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            try Self.requireLength(length, permit)
        }
        try folder.reserve(permit.byteCount)
        var isStored = false
        defer { folder.release(permit.byteCount, isStored: isStored) }
        let bytes = try await read(request.body, permit, startedAt: now)
        let folder = folder
        let outcome = try await BlockingThread.run(name: "upload") {
            do throws(ImageDefect) {
                _ = try name.type.check(bytes)
            } catch {
                throw error.problem
            }
            return try folder.store(bytes, as: name)
        }
        isStored = outcome == .stored
        Counter(label: "circles_api_covers_total", dimensions: [("outcome", "\(outcome)")])
            .increment()
        return Response(
            status: outcome == .stored ? .created : .ok,
            headers: [
                .location: Self.url(address.url) + name.description, .eTag: "\"\(name.id)\"",
            ])
    }

    /// Reads exactly as many bytes as were signed, and never holds more.
    private func read(
        _ body: RequestBody, _ permit: UploadPermit, startedAt: Timestamp
    ) async throws -> [UInt8] {
        let deadline = startedAt.adding(seconds: UploadLimits.uploadSecondsMax)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(permit.byteCount)
        for try await chunk in body {
            try Self.requireAtMost(bytes.count + chunk.readableBytes, permit)
            guard clock.now() <= deadline else { throw Problem.uploadTooSlow }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        try Self.requireLength(bytes.count, permit)
        return bytes
    }

    private static func requireAtMost(_ byteCount: Int, _ permit: UploadPermit) throws(Problem) {
        guard byteCount <= permit.byteCount else {
            throw .imageTooLarge("The body is longer than the \(permit.byteCount) bytes announced")
        }
    }

    private static func requireLength(_ byteCount: Int, _ permit: UploadPermit) throws(Problem) {
        try requireAtMost(byteCount, permit)
        guard byteCount == permit.byteCount else { throw .uploadIncomplete }
    }
}
