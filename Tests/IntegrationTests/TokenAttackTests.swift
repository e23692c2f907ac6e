import Foundation
import HTTPTypes
import TestKit
import Testing

/// RFC 4648 §5, without padding.
private func encoded(_ text: String) -> String {
    Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        .replacing("=", with: "")
}

@Suite("Tokens that try something (RFC 8725)")
struct TokenAttackTests {
    /// A header, and the code that it is refused with; the claims and the signature are good.
    private static let headers: [(header: String, code: String)] = [
        (#"{"alg":"none"}"#, "token_invalid"), (#"{"alg":"None"}"#, "token_invalid"),
        (#"{"alg":"nOnE"}"#, "token_invalid"), (#"{"alg":""}"#, "token_invalid"),
        (#"{"typ":"JWT"}"#, "token_invalid"), (#"{"alg":"HS512"}"#, "token_invalid"),
        (#"{"alg":"RS256","kid":"first"}"#, "token_invalid"),
        (#"{"alg":"ES256"}"#, "token_invalid"),
        (#"{"alg":"HS256","crit":["exp"]}"#, "token_malformed"),
        (#"{"alg":"HS256","crit":["unheard-of"],"unheard-of":1}"#, "token_malformed"),
        (#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, "token_malformed"),
        (#"{"alg":"HS256","kid":7}"#, "token_malformed"),
        (#"{"alg":"HS256","kid":99999999999999999999999}"#, "token_malformed"),
        (#"{"alg":["HS256"]}"#, "token_malformed"), (#"{"alg":null}"#, "token_malformed"),
        (#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#, "token_malformed"),
        (#"{"alg":"HS256","x5c":["MII"]}"#, "token_malformed"),
        (#"["HS256"]"#, "token_malformed"), ("", "token_malformed"), ("{", "token_malformed"),
        (#"{"alg":"HS256","kid":"../../../../dev/null"}"#, "token_invalid"),
        (#"{"alg":"HS256","kid":"' or '1'='1"}"#, "token_invalid"),
        (#"{"alg":"HS256","kid":"http://evil.test/key"}"#, "token_invalid"),
        (#"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 5000))"}"#, "token_invalid"),
        (#"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 9000))"}"#, "token_malformed"),
        (#"{"alg":"HS256","jku":"http://evil.test/jwks"}"#, "token_invalid"),
        (#"{"alg":"HS256","cty":"JWT"}"#, "token_invalid"),
    ]

    @Test("no header makes a token good whose signature is another's")
    func refusesHeaders() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let valid = try await api.token("ada")
            let parts = valid.split(separator: ".").map(String.init)
            for (header, code) in Self.headers {
                for signature in [parts[2], ""] {
                    let token = [encoded(header), parts[1], signature].joined(separator: ".")
                    let answer = try await api.send(
                        .get, "/v1/circles", headers: api.headers("Bearer \(token)"))
                    #expect(answer.mismatches(401, code) == [], "\(header.prefix(80))")
                }
            }
        }
    }

    @Test("a token of other shape, or inside another, is none")
    func refusesShapes() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let valid = try await api.token("ada")
            let parts = valid.split(separator: ".").map(String.init)
            let nested = [parts[0], encoded("\"\(valid)\""), parts[2]].joined(separator: ".")
            for token in [
                "", ".", "..", "...", valid + ".", valid + ".x", parts[0] + "." + parts[1], nested,
                parts[1], valid.replacing(".", with: "%2e"), String(repeating: "A", count: 9000),
                // Five parts: an encrypted one (RFC 7516).
                valid + ".AAAA.AAAA",
            ] {
                let answer = try await api.send(
                    .get, "/v1/circles", headers: api.headers("Bearer \(token)"))
                #expect(answer.status == 401, "\(token.prefix(60))")
                #expect(["token_malformed", "token_missing"].contains(answer.code), "\(token)")
            }
            #expect(
                try await api.send(
                    .get, "/v1/circles", headers: api.headers("Bearer \(valid)")
                ).status == 200)
        }
    }
}
