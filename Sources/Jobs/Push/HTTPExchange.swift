import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One bounded POST, told apart by whether the other side can have seen it.
struct HTTPExchange: Sendable {
    enum Result: Sendable {
        /// `body` is `nil` when it broke off, took too long or was longer than `byteCountMax`.
        case answer(status: Int, headers: HTTPHeaders, body: [UInt8]?)
        /// There was no connection to send it on.
        case notSent(String)
        /// It may have arrived.
        case unknown(String)
    }

    /// FCM's and Google's answers have a few hundred bytes.
    static let byteCountMax = 64 * 1024

    let client: HTTPClient
    /// Until the answer's head, and again for its body.
    let timeout: TimeAmount

    /// What the client of a push sender is like.
    ///
    /// - Parameter tls: `nil` for the machine's own certificate authorities.
    static func configuration(
        tls: TLSConfiguration?, timeout: TimeAmount
    ) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = tls
        // A redirect would carry the access token and the message to wherever it points.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: timeout, read: timeout)
        // Whether to try again is the job's to say.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .automatic
        return configuration
    }

    func post(_ url: String, headers: HTTPHeaders, body: [UInt8]) async -> Result {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = headers
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await client.execute(request, timeout: timeout)
            return .answer(
                status: Int(response.status.code), headers: response.headers,
                body: await collect(response.body))
        } catch {
            // Texts of errors may hold parts of the request; their types do not.
            let name = Self.name(error)
            return Self.isBeforeSending(error) ? .notSent(name) : .unknown(name)
        }
    }

    private func collect(_ body: HTTPClientResponse.Body) async -> [UInt8]? {
        let timeout = timeout
        return await withTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                // The status counts without it.
                guard let buffer = try? await body.collect(upTo: Self.byteCountMax) else {
                    return nil
                }
                return Array(buffer: buffer)
            }
            group.addTask {
                // Cancelled when the body is there.
                try? await Task.sleep(for: .nanoseconds(timeout.nanoseconds))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    /// Errors of making a connection; every other one may come after the request went out.
    private static func isBeforeSending(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            return [
                .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout,
                .invalidURL, .emptyHost, .emptyScheme, .alreadyShutdown,
            ].contains(error)
        case is NIOConnectionError: return true
        case let error as NIOSSLError:
            if case .handshakeFailed = error { return true }
            return false
        case let error as NIOSSLExtraError: return error == .failedToValidateHostname
        default: return false
        }
    }

    private static func name(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case is NIOConnectionError: "no connection"
        case is NIOSSLError, is NIOSSLExtraError: "TLS failed"
        default: "\(type(of: error))"
        }
    }
}
