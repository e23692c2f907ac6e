import CryptoExtras
import Domain
import Embedded
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOSSL
import Synchronization

@testable import Jobs

/// Firebase Cloud Messaging and Google's token endpoint on a socket of their own: TLS with HTTP/2,
/// assertions checked to the signature, messages checked to the last field.
final class FCMServer: Sendable {
    static let clientEmail = "push@mixer-1.iam.gserviceaccount.com"
    static let project = "mixer-1"

    struct Accepted: Sendable {
        let token: String
        let title: String
        let body: String
        let circleID: String
        let isHTTP2: Bool
    }

    /// What the next requests get.
    enum Behaviour: Sendable {
        case accept
        case answer(Int, body: String, headers: [String: String] = [:])
        /// No answer until the server ends.
        case hang
        /// The connection dies once the request is there.
        case drop
        /// Accepts the message; then the connection dies without an answer.
        case acceptAndDrop
    }

    struct State {
        var accepted: [Accepted] = []
        var requestCount = 0
        /// What was wrong with messages and assertions.
        var complaints: [String] = []
        var grantCount = 0
        var goodTokens: Set<String> = []
        /// One for each request in turn; then `standing`.
        var script: [Behaviour] = []
        var standing = Behaviour.accept
        var grant = Behaviour.accept
        var lifetimeSeconds = 3600
        /// Called for each request of a message, before it is answered.
        var onMessage: (@Sendable (Int) -> Void)?
    }

    let state = Mutex(State())
    private let clock: any WallClock
    private let isTLS: Bool
    private let boundPort = Mutex(0)

    /// A key of 2048 bits, made once.
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    /// What a client needs to trust the server.
    static func trust() throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(try LocalhostCertificate.good.get().chain)
        return tls
    }

    private init(clock: any WallClock, isTLS: Bool) {
        self.clock = clock
        self.isTLS = isTLS
    }

    var url: String {
        let port = boundPort.withLock { $0 }
        return isTLS ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)"
    }

    /// Runs `body` with a server that stops afterwards.
    static func run(
        clock: any WallClock, isTLS: Bool = true,
        _ body: @escaping @Sendable (FCMServer) async throws -> Void
    ) async throws {
        let server = FCMServer(clock: clock, isTLS: isTLS)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "fcm")
        logger.logLevel = .critical
        let application = Application(
            router: server.router(), server: try isTLS ? encrypted() : .http1(),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await application.run()
            }
            guard let port = await ports.first(where: { _ in true }) else {
                try await group.next()
                return
            }
            server.boundPort.withLock { $0 = port }
            defer { group.cancelAll() }
            try await body(server)
        }
    }

    private static func encrypted() throws -> HTTPServerBuilder {
        let files = try LocalhostCertificate.good.get()
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.chain).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
        tls.applicationProtocols = ["h2", "http/1.1"]
        return try .http2Upgrade(tlsConfiguration: tls)
    }

    /// The JSON key file of the service account that it knows.
    func keyFile(tokenURL: String? = nil) throws -> [UInt8] {
        Array(
            try JSONEncoder().encode([
                "type": "service_account", "project_id": Self.project, "private_key_id": "k1",
                "private_key": try Self.key.get().pemRepresentation,
                "client_email": Self.clientEmail, "token_uri": tokenURL ?? "\(url)/token",
            ]))
    }

    func client(
        tls: TLSConfiguration? = nil, timeoutMilliseconds: Int64 = 60_000
    ) throws -> FCMClient {
        FCMClient(
            .init(account: try ServiceAccount(keyFile: try keyFile()), baseURL: url),
            clock: clock, tls: try tls ?? Self.trust(), timeoutMilliseconds: timeoutMilliseconds)
    }

    var accepted: [Accepted] { state.withLock { $0.accepted } }

    // MARK: Requests

    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            coreContext = .init(source: source)
            channel = source.channel
        }

        /// A stream's channel has the connection's as parent, and that the listening one.
        var isHTTP2: Bool { channel.parent?.parent != nil }

        func drop() async {
            let connection: any Channel = (isHTTP2 ? channel.parent : nil) ?? channel
            try? await connection.close()  // it may be closed
        }
    }

    private func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.post("/token") { request, context in
            let form = String(buffer: try await request.body.collect(upTo: 100_000))
            return try await self.grant(form, context)
        }
        router.post("/v1/projects/:project/messages:send") { request, context in
            let bytes = Data(buffer: try await request.body.collect(upTo: 100_000))
            let project = context.parameters.get("project") ?? ""
            return try await self.message(bytes, request.headers, project: project, context)
        }
        return router
    }

    private func grant(_ form: String, _ context: Context) async throws -> Response {
        let behaviour = state.withLock { state in
            state.grantCount += 1
            return state.grant
        }
        guard case .accept = behaviour else {
            return try await act(behaviour, context)
        }
        if let complaint = complaint(aboutForm: form) {
            state.withLock { $0.complaints.append(complaint) }
            return Self.response(400, #"{"error":"invalid_grant"}"#)
        }
        let (token, lifetime) = state.withLock { state in
            let token = "ya29.\(state.grantCount)"
            state.goodTokens.insert(token)
            return (token, state.lifetimeSeconds)
        }
        return Self.response(
            200,
            #"{"access_token":"\#(token)","expires_in":\#(lifetime),"token_type":"Bearer"}"#)
    }

    private func message(
        _ bytes: Data, _ headers: HTTPFields, project: String, _ context: Context
    ) async throws -> Response {
        let (count, onMessage) = state.withLock { state in
            state.requestCount += 1
            return (state.requestCount, state.onMessage)
        }
        onMessage?(count)
        let bearer = (headers[.authorization] ?? "").replacingOccurrences(of: "Bearer ", with: "")
        guard state.withLock({ $0.goodTokens.contains(bearer) }) else {
            return Self.response(401, FCMServer.error(401, "UNAUTHENTICATED"))
        }
        let behaviour = state.withLock { state in
            state.script.isEmpty ? state.standing : state.script.removeFirst()
        }
        if case .answer = behaviour { return try await act(behaviour, context) }
        if case .hang = behaviour { return try await act(behaviour, context) }
        if case .drop = behaviour { return try await act(behaviour, context) }
        let check = FCMMessageCheck(bytes)
        guard project == Self.project, let message = check.message, check.complaints.isEmpty else {
            state.withLock { $0.complaints += check.complaints + ["project \(project)"] }
            return Self.response(400, FCMServer.error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"))
        }
        state.withLock {
            $0.accepted.append(
                Accepted(
                    token: message.token, title: message.title, body: message.body,
                    circleID: message.circleID, isHTTP2: context.isHTTP2))
        }
        if case .acceptAndDrop = behaviour { return try await act(.drop, context) }
        return Self.response(200, #"{"name":"projects/\#(project)/messages/\#(count)"}"#)
    }

    private func act(_ behaviour: Behaviour, _ context: Context) async throws -> Response {
        switch behaviour {
        case .answer(let status, let body, let headers):
            return Self.response(status, body, headers)
        case .hang:
            // Ended by the client, or with the server.
            try await Task.sleep(for: .seconds(600))
        default:
            await context.drop()
        }
        return Self.response(500, "")
    }

    private static func response(
        _ status: Int, _ body: String, _ headers: [String: String] = [:]
    ) -> Response {
        var fields: HTTPFields = [.contentType: "application/json; charset=UTF-8"]
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return Response(
            status: .init(code: status), headers: fields,
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    /// An error as FCM writes it.
    static func error(_ status: Int, _ rpc: String, _ code: String? = nil) -> String {
        let detail = code.map {
            #"{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"\#($0)"}"#
        }
        return #"{"error":{"code":\#(status),"message":"m","status":"\#(rpc)","#
            + #""details":[\#(detail ?? "")]}}"#
    }

    // MARK: Assertions

    /// What is wrong with a request for an access token. Source: RFC 7523 §2.1, §3.
    private func complaint(aboutForm form: String) -> String? {
        var fields: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { fields[parts[0]] = parts[1].removingPercentEncoding }
        }
        guard fields.count == 2,
            fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        else { return "grant_type" }
        let parts = (fields["assertion"] ?? "").split(separator: ".").map(String.init)
        guard parts.count == 3, let header = Self.json(parts[0]), let claims = Self.json(parts[1]),
            let signature = Self.bytes(parts[2]), let key = try? Self.key.get().publicKey
        else { return "assertion" }
        guard header["alg"] as? String == "RS256", header["typ"] as? String == "JWT",
            header["kid"] as? String == "k1"
        else { return "header" }
        guard
            key.isValidSignature(
                .init(rawRepresentation: signature), for: Data("\(parts[0]).\(parts[1])".utf8),
                padding: .insecurePKCS1v1_5)
        else { return "signature" }
        let now = Int(clock.now().microseconds / 1_000_000)
        guard claims["iss"] as? String == Self.clientEmail else { return "iss" }
        guard claims["aud"] as? String == "\(url)/token" else { return "aud" }
        guard
            claims["scope"] as? String == "https://www.googleapis.com/auth/firebase.messaging"
        else { return "scope" }
        guard let issued = claims["iat"] as? Int, abs(issued - now) <= 60,
            let expires = claims["exp"] as? Int, expires > now, expires - issued <= 3600
        else { return "exp" }
        return nil
    }

    private static func bytes(_ part: String) -> Data? {
        let text = part.replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4))
    }

    private static func json(_ part: String) -> [String: Any]? {
        bytes(part).flatMap { try? JSONSerialization.jsonObject(with: $0) as? [String: Any] }
    }
}
