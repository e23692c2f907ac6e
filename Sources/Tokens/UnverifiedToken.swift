import Foundation
import Synchronization

/// The header and claims of a JSON Web Token that nobody has verified yet.
///
/// Read here and not by JWTKit, whose header traps on a number that fits no `Int` (5.7.1): it
/// sees only tokens that passed here, with headers of plain strings.
public struct UnverifiedToken<Claims: Decodable> {
    public let algorithm: String?
    public let keyID: String?
    public let claims: Claims

    /// The longest token that is looked at, in bytes.
    public static var byteCountMax: Int { 8192 }

    /// - Returns: `nil` when the text is no token with such claims.
    public init?(_ token: String, as _: Claims.Type = Claims.self) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= Self.byteCountMax, parts.count == 3,
            let fields = TokenHeaders.fields(parts[0]),
            let claimBytes = Base64URL.decode(parts[1]),
            let claims = try? JSONDecoder().decode(Claims.self, from: claimBytes)
        else { return nil }
        algorithm = fields["alg"]
        keyID = fields["kid"]
        self.claims = claims
    }
}

/// Headers of tokens by their text: an issuer's tokens share one for each of its keys.
private enum TokenHeaders {
    /// Past it all are forgotten at once.
    private static let countMax = 64
    private static let known = Mutex<[String: [String: String]]>([:])

    /// - Returns: `nil` for what is no object of strings.
    static func fields(_ text: Substring) -> [String: String]? {
        let key = String(text)
        if let fields = known.withLock({ $0[key] }) { return fields }
        guard let bytes = Base64URL.decode(text),
            let fields = try? JSONDecoder().decode([String: String].self, from: bytes)
        else { return nil }
        known.withLock { known in
            if known.count >= countMax { known.removeAll() }
            known[key] = fields
        }
        return fields
    }
}

/// The token of an `Authorization: Bearer …` header (RFC 6750 §2.1); `nil` when it is none.
public func bearerToken(_ authorization: String?) -> String? {
    guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { return nil }
    return String(authorization.dropFirst(7).drop { $0 == " " })
}
