import Foundation
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

    @Test(
        "a header that is none is refused each time",
        arguments: ["", "{}x", "[]", #"{"alg":1}"#, #"{"alg":{"a":"b"}}"#, "null"])
    func badHeaders(header: String) {
        for _ in 0..<2 {
            #expect(UnverifiedToken(token(header: header), as: Claims.self) == nil)
        }
    }
}
