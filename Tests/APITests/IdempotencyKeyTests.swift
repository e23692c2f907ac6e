import Testing

@testable import API

@Suite("Idempotency-Key (draft-ietf-httpapi-idempotency-key-header §2.1, RFC 9651 §3.3.3)")
struct IdempotencyKeyTests {
    @Test(
        "a string in quotes and the bare value are the same key",
        arguments: [
            (#""8e03978e-40d5-43e8-bc93-6894a57f9324""#, "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            (#""a b""#, "a b"), (#""a\"b""#, #"a"b"#), (#""a\\b""#, #"a\b"#), (#"a\b"#, #"a\b"#),
            ("x", "x"), (String(repeating: "k", count: 255), String(repeating: "k", count: 255)),
        ])
    func reads(value: String, key: String) throws {
        #expect(try IdempotencyKey([value]).text == key)
    }

    @Test(
        "anything else is refused",
        arguments: [
            [], [""], [#""""#], [#"""#], [#""a"#], [#""a"b"#], [#""a\b""#], [#""a\"#],
            [#""a";x=1"#], ["ä"], ["a\u{7F}"], ["a\tb"], ["a\u{0}"], ["a", "a"],
            [#""a""#, #""b""#],
            [String(repeating: "k", count: 256)],
        ])
    func refuses(values: [String]) {
        let problem = #expect(throws: Problem.self) { try IdempotencyKey(values) }
        #expect(problem?.code == "idempotency_key_invalid")
        #expect(problem?.status.code == 400)
    }
}
