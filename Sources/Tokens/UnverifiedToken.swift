import Crypto
import Foundation
import JWTKit
import Synchronization

/// The header and claims of a JSON Web Token that nobody has verified yet.
///
/// Read here and not by JWTKit, whose header traps on a number that fits no `Int` (5.7.1), and
/// which would read all of it once more to check the signature.
public struct UnverifiedToken<Claims: Decodable> {
    public let algorithm: String?
    public let keyID: String?
    public let claims: Claims
    /// What the signature is of (RFC 7515 §5.1).
    private let signingInput: ArraySlice<UInt8>
    private let signature: Data

    /// The longest token that is looked at, in bytes.
    public static var byteCountMax: Int { 8192 }

    /// - Returns: `nil` when the text is no token with such claims.
    public init?(_ token: String, as _: Claims.Type = Claims.self) {
        guard token.utf8.count <= Self.byteCountMax else { return nil }
        let text = Array(token.utf8)
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let fields = TokenHeaders.fields(parts[0]),
            let claimBytes = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]),
            let claims = try? JSONDecoder().decode(Claims.self, from: claimBytes)
        else { return nil }
        signingInput = text[..<parts[1].endIndex]
        self.signature = signature
        algorithm = fields["alg"]
        keyID = fields["kid"]
        self.claims = claims
    }

    /// Whether this secret made the signature, by HS256; in the same time whatever differs.
    public func isSigned(by secret: SymmetricKey) -> Bool {
        algorithm == "HS256"
            && HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: signingInput, using: secret)
    }

    /// Whether the key that the header names made the signature, with the algorithm that it names.
    ///
    /// - Parameter keys: one key without an id, or those with the ids that are known.
    public func isSigned(by keys: JWTKeyCollection) async -> Bool {
        do {
            let key = try await keys.getKey(
                for: keyID.map { JWKIdentifier(string: $0) }, alg: algorithm)
            guard key.name == algorithm else { return false }
            return try key.verify(signature, signs: signingInput)
        } catch {
            return false  // there is no such key, or the signature is none of its kind
        }
    }
}

/// Headers of tokens by their text: an issuer's tokens share one for each of its keys.
private enum TokenHeaders {
    /// Past it all are forgotten at once.
    private static let countMax = 64
    private static let known = Mutex<[ArraySlice<UInt8>: [String: String]]>([:])

    /// - Returns: `nil` for what is no object of strings.
    static func fields(_ text: ArraySlice<UInt8>) -> [String: String]? {
        if let fields = known.withLock({ $0[text] }) { return fields }
        guard let bytes = Base64URL.decode(text),
            let fields = try? JSONDecoder().decode([String: String].self, from: bytes)
        else { return nil }
        known.withLock { known in
            if known.count >= countMax { known.removeAll() }
            known[ArraySlice(Array(text))] = fields  // without the rest of its token
        }
        return fields
    }
}

/// The token of an `Authorization: Bearer …` header (RFC 6750 §2.1); `nil` when it is none.
public func bearerToken(_ authorization: String?) -> String? {
    guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { return nil }
    return String(authorization.dropFirst(7).drop { $0 == " " })
}
