import Foundation
import JWTKit
import Testing

@testable import Tokens

@Suite("UnverifiedToken")
struct UnverifiedTokenTests {
    private struct Claims: Decodable {
        let sub: String
    }

    private func token(header: String, uid: String = "ann") -> String {
        [header, #"{"sub":"\#(uid)"}"#, "signature"].map { Base64URL.encode($0.utf8) }
            .joined(separator: ".")
    }

    @Test("headers that come again, more of them than are remembered")
    func headers() throws {
        for _ in 0..<3 {
            for number in 0..<150 {
                let text = token(
                    header: #"{"alg":"RS256","kid":"key-\#(number)"}"#, uid: "u\(number)")
                let read = try #require(UnverifiedToken(text, as: Claims.self))
                #expect(read.algorithm == "RS256")
                #expect(read.keyID == "key-\(number)")
                #expect(read.claims.sub == "u\(number)")
            }
        }
    }

    /// Signed with a key of HS256, whatever the header says.
    private func signed(header: String, _ keys: JWTKeyCollection) async throws -> String {
        let input = [header, #"{"sub":"ann"}"#].map { Base64URL.encode($0.utf8) }
            .joined(separator: ".")
        let signature = try await keys.getKey().sign(Array(input.utf8))
        return "\(input).\(Base64URL.encode(signature))"
    }

    @Test("a signature is of header and claims, by the key, with the algorithm that is named")
    func signatures() async throws {
        let keys = await JWTKeyCollection().add(
            hmac: "a secret that has more than 32 bytes", digestAlgorithm: .sha256)
        let others = await JWTKeyCollection().add(
            hmac: "another secret that has more than 32 bytes", digestAlgorithm: .sha256)
        let good = try await signed(header: #"{"alg":"HS256"}"#, keys)
        let read = try #require(UnverifiedToken(good, as: Claims.self))
        #expect(await read.isSigned(by: keys))
        #expect(await !read.isSigned(by: others))
        let parts = good.split(separator: ".")
        let forged = [
            parts[0], Substring(Base64URL.encode(#"{"sub":"bob"}"#.utf8)), parts[2],
        ].joined(separator: ".")
        #expect(await UnverifiedToken(forged, as: Claims.self)?.isSigned(by: keys) == false)
        let bare = "\(parts[0]).\(parts[1])."
        #expect(await UnverifiedToken(bare, as: Claims.self)?.isSigned(by: keys) == false)
        for header in [#"{"alg":"HS512"}"#, #"{"alg":"none"}"#, #"{"alg":"RS256"}"#, "{}"] {
            let text = try await signed(header: header, keys)
            let token = try #require(UnverifiedToken(text, as: Claims.self))
            #expect(await !token.isSigned(by: keys), "\(header)")
        }
        #expect(UnverifiedToken("\(parts[0]).\(parts[1]).*", as: Claims.self) == nil)
    }

    @Test(
        "a header that is none is refused each time",
        arguments: ["", "{}x", "[]", #"{"alg":1}"#, #"{"alg":{"a":"b"}}"#, "null"])
    func badHeaders(header: String) {
        for _ in 0..<2 {
            #expect(UnverifiedToken(token(header: header), as: Claims.self) == nil)
        }
    }
}
