import Crypto
import Domain
import Foundation

/// Names a person and a kind of mail in the links by which they stop getting it. Whoever holds
/// the link needs no login; nobody else can make one. It does not expire: a mail may be read
/// years later.
public struct UnsubscribeTokens: Sendable {
    /// Who gets no more of what.
    public struct Request: Sendable, Hashable {
        public var uid: String
        /// As in `notifications`: `summary`.
        public var kind: String

        public init(uid: String, kind: String) {
            self.uid = uid
            self.kind = kind
        }

        /// A line break is in no kind.
        fileprivate var bytes: Data { Data("\(kind)\n\(uid)".utf8) }
    }

    private static let tokenByteCountMax = 512

    private let key: SymmetricKey

    /// - Parameter secret: may have other uses; the key is drawn from it. Source: RFC 5869 (HKDF).
    public init(secret: String) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Data(secret.utf8)),
            info: Data("circles unsubscribe links".utf8), outputByteCount: 32)
    }

    /// The token: letters, digits, `-`, `_` and one `.`.
    public func token(for request: Request) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: request.bytes, using: key)
        return "\(Base64URL.encode(request.bytes)).\(Base64URL.encode(code))"
    }

    /// - Returns: `nil` for a token that we did not make.
    public func request(of token: String) -> Request? {
        guard token.utf8.count <= Self.tokenByteCountMax else { return nil }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let bytes = Base64URL.decode(parts[0]),
            let code = Base64URL.decode(parts[1]),
            // Compares in constant time.
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: bytes, using: key),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        let fields = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard fields.count == 2 else { return nil }
        return Request(uid: String(fields[1]), kind: String(fields[0]))
    }
}
