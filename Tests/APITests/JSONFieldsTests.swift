import Domain
import Foundation
import Testing

@testable import API

@Suite("JSONFields (fields of a request's body)")
struct JSONFieldsTests {
    enum Colour: String, CaseIterable { case red, green }

    /// What `take` made of the object's field `a`, and what was wrong with it.
    private func reading<Value>(
        _ value: JSONValue, _ take: (inout JSONFields) -> Value?
    ) -> (value: Value?, errors: [Problem.FieldError]) {
        var fields = JSONFields(["a": value])
        let taken = take(&fields)
        return (taken, errors(of: &fields))
    }

    private func errors(of fields: inout JSONFields) -> [Problem.FieldError] {
        do throws(Problem) {
            try fields.finish()
            return []
        } catch {
            #expect(error.code == "validation_failed")
            #expect(error.status.code == 422)
            return error.fields
        }
    }

    private static let notStrings: [JSONValue] = [
        .bool(true), .integer(1), .number(1.5), .array([]), .array([.string("x")]),
        .object([:]),
    ]

    // MARK: Strings

    @Test("a string within its bounds is taken", arguments: ["ab", "abcd", "a b", "éüœß", "👩‍👩‍👧🇩🇪"])
    func takesStrings(text: String) {
        let result = reading(.string(text)) { $0.string("a", characterCount: 2...4) }
        #expect(result.value == text)
        #expect(result.errors.isEmpty)
    }

    @Test("a string out of its bounds is refused", arguments: ["", "a", "abcde", "👩‍👩‍👧"])
    func boundsStrings(text: String) {
        let result = reading(.string(text)) { $0.string("a", characterCount: 2...4) }
        #expect(result.value == nil)
        #expect(result.errors == [.init(field: "a", message: "must have 2 to 4 characters")])
    }

    @Test("a string of few characters and many bytes is refused")
    func boundsBytes() {
        let result = reading(.string("e" + String(repeating: "\u{301}", count: 16))) {
            $0.string("a", characterCount: 1...4)
        }
        #expect(result.value == nil)
        #expect(result.errors == [.init(field: "a", message: "must have at most 32 bytes")])
    }

    @Test(
        "NUL is refused, also inside a grapheme", arguments: ["\u{0}", "a\u{0}b", "a\u{0}\u{301}"])
    func refusesNUL(text: String) {
        let result = reading(.string(text)) { $0.string("a", characterCount: 0...9) }
        #expect(result.value == nil)
        #expect(result.errors.count == 1)
    }

    @Test("what is no string is refused as one", arguments: notStrings)
    func requiresStrings(value: JSONValue) {
        let result = reading(value) { $0.string("a", characterCount: 0...9) }
        #expect(result.value == nil)
        #expect(result.errors == [.init(field: "a", message: "must be a string")])
        #expect(reading(value) { $0.uid("a") }.errors.count == 1)
        #expect(reading(value) { $0.time("a") }.errors.count == 1)
        #expect(reading(value) { $0.webURL("a") }.errors.count == 1)
        #expect(reading(value) { $0.choice("a", of: Colour.self) }.errors.count == 1)
    }

    // MARK: Numbers and the rest

    @Test("an integer within its range is taken", arguments: [5, 6, 720] as [Int64])
    func takesIntegers(number: Int64) {
        let result = reading(.integer(number)) { $0.integer("a", range: 5...720) }
        #expect(result.value == Int(number))
        #expect(result.errors.isEmpty)
    }

    @Test("an integer out of its range is refused", arguments: [4, 721, -5, .min, .max] as [Int64])
    func boundsIntegers(number: Int64) {
        let result = reading(.integer(number)) { $0.integer("a", range: 5...720) }
        #expect(result.value == nil)
        #expect(result.errors == [.init(field: "a", message: "must be from 5 to 720")])
    }

    @Test(
        "what is no integer is refused as one",
        arguments: [.number(5.5), .number(1e300), .string("6"), .bool(true), .array([.integer(6)])]
            as [JSONValue])
    func requiresIntegers(value: JSONValue) {
        let result = reading(value) { $0.integer("a", range: 5...720) }
        #expect(result.value == nil)
        #expect(result.errors == [.init(field: "a", message: "must be an integer")])
    }

    @Test("true and false are taken, nothing like them")
    func takesBools() {
        #expect(reading(.bool(true)) { $0.bool("a") }.value == true)
        #expect(reading(.bool(false)) { $0.bool("a") }.value == false)
        for value: JSONValue in [.integer(1), .string("true"), .array([]), .number(0.5)] {
            let result = reading(value) { $0.bool("a") }
            #expect(result.value == nil)
            #expect(result.errors == [.init(field: "a", message: "must be true or false")])
        }
    }

    @Test("a choice is one of its names, to the letter")
    func takesChoices() {
        #expect(reading(.string("green")) { $0.choice("a", of: Colour.self) }.value == .green)
        for text in ["Green", "blue", "", "green "] {
            let result = reading(.string(text)) { $0.choice("a", of: Colour.self) }
            #expect(result.value == nil)
            #expect(result.errors == [.init(field: "a", message: "must be one of red, green")])
        }
    }

    @Test("a time needs its date and its time of day")
    func takesTimes() {
        let result = reading(.string("2026-11-23T10:30:00+01:00")) { $0.time("a") }
        #expect(result.value == FixedClock.start)
        for text in ["2026-11-23", "2026-02-29T00:00:00Z", "tomorrow", "", "1795426200"] {
            let result = reading(.string(text)) { $0.time("a") }
            #expect(result.value == nil)
            #expect(result.errors.count == 1)
        }
    }

    // MARK: Uids

    @Test(
        "a uid is 1 to 128 printable ASCII characters",
        arguments: [
            ("a", true), ("Zm9v-_.:@1", true), ("!", true), ("~", true), ("", false),
            (String(repeating: "a", count: 128), true), (String(repeating: "a", count: 129), false),
            (" ", false), ("a b", false), ("é", false), ("e\u{301}", false), ("a\u{200B}", false),
            ("\u{0}", false), ("a\n", false), ("a\r\nb", false), ("\u{1F}", false),
            ("\u{7F}", false), ("a\u{7F}\u{301}", false), ("\u{FF41}", false),
        ])
    func knowsUIDs(text: String, isValid: Bool) {
        #expect(isUID(text) == isValid)
        let result = reading(.string(text)) { $0.uid("a") }
        #expect(result.value == (isValid ? text : nil))
        #expect(result.errors.isEmpty == isValid)
    }

    @Test("a list of uids loses its repetitions and keeps its order")
    func takesLists() {
        let result = reading(.array([.string("b"), .string("a"), .string("b")])) {
            $0.uids("a", countMax: 3)
        }
        #expect(result.value == ["b", "a"])
        #expect(result.errors.isEmpty)
        #expect(reading(.array([])) { $0.uids("a", countMax: 3) }.value == [])
    }

    @Test(
        "a list with more entries than it may have, or with another thing in it, is refused",
        arguments: [
            .array([.string("a"), .string("b"), .string("c"), .string("d")]),
            .array([.string("a"), .string("")]), .array([.string("a"), .integer(1)]),
            .array([.null]), .array([.array([])]), .string("a"), .object([:]),
        ] as [JSONValue])
    func refusesLists(value: JSONValue) {
        let result = reading(value) { $0.uids("a", countMax: 3) }
        #expect(result.value == nil)
        #expect(result.errors.map(\.field) == ["a"])
    }

    // MARK: URLs

    @Test(
        "a web address is https without blanks, or empty",
        arguments: [
            ("https://example.org/a.png?x=1", true), ("", true), ("http://example.org", false),
            ("HTTPS://example.org", false), ("javascript:alert(1)", false),
            ("https://a b", false), ("https://a\nb", false), (" https://a", false),
            ("example.org", false), ("data:text/html,x", false),
            ("https://example.org:8443", true), ("https://192.0.2.7?x", true),
            ("https://a#b[", true), ("https://", false), ("https://[", false),
            ("https://[::1]/", false), ("https:///a", false), ("https://a@b", false),
            ("https://a:b", false), ("https://a:123456", false), ("https://-a", false),
            ("https://a\\b", false),
        ])
    func knowsWebURLs(text: String, isValid: Bool) {
        let result = reading(.string(text)) { $0.webURL("a") }
        #expect(result.value == (isValid ? text : nil))
        #expect(result.errors.isEmpty == isValid)
    }

    @Test("a web address has at most 2048 bytes")
    func boundsWebURLs() {
        let fitting = "https://" + String(repeating: "a", count: Limits.coverURLByteCountMax - 8)
        #expect(reading(.string(fitting)) { $0.webURL("a") }.value == fitting)
        let result = reading(.string(fitting + "a")) { $0.webURL("a") }
        #expect(result.value == nil)
        #expect(result.errors.count == 1)
    }

    // MARK: The whole object

    @Test("null is as good as absent")
    func readsNull() {
        var fields = JSONFields(["a": .null, "b": .null])
        #expect(fields.string("a", characterCount: 1...2) == nil)
        #expect(fields.integer("b", range: 1...2) == nil)
        #expect(fields.bool("c") == nil)
        #expect(errors(of: &fields).isEmpty)
    }

    @Test("fields that nobody took are named, in order, their names cut")
    func namesUnknownFields() {
        let long = String(repeating: "z", count: 300)
        var fields = JSONFields(["b": .null, "a": .integer(1), long: .bool(true)])
        let errors = errors(of: &fields)
        #expect(errors.map(\.field) == ["a", "b", String(repeating: "z", count: 100)])
        #expect(errors.allSatisfy { $0.message == "is not a field of this request" })
    }

    @Test("what is required and absent is an error, what is wrong is one only")
    func requires() {
        var fields = JSONFields(["wrong": .integer(1), "right": .string("x")])
        let wrong = fields.string("wrong", characterCount: 1...9)
        let right = fields.string("right", characterCount: 1...9)
        #expect(fields.required("wrong", wrong) == nil)
        #expect(fields.required("right", right) == "x")
        #expect(fields.required("absent", String?.none) == nil)
        #expect(
            errors(of: &fields) == [
                .init(field: "wrong", message: "must be a string"),
                .init(field: "absent", message: "is required"),
            ])
    }

    @Test("all errors are told at once, in the detail too")
    func tellsAll() throws {
        var fields = JSONFields(["a": .integer(1), "b": .string("x"), "c": .bool(true)])
        _ = fields.string("a", characterCount: 1...9)
        _ = fields.integer("b", range: 1...9)
        let problem = #expect(throws: Problem.self) { try fields.finish() }
        #expect(problem?.fields.map(\.field) == ["a", "b", "c"])
        #expect(
            problem?.detail
                == "a: must be a string; b: must be an integer; c: is not a field of this request")
    }

    @Test("JSON is read as its own types")
    func readsJSON() throws {
        let text = #"{"a": [true, 1, 1.5, "1", null, {"b": -9223372036854775808}, 1e20]}"#
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(
            value
                == .object([
                    "a": .array([
                        .bool(true), .integer(1), .number(1.5), .string("1"), .null,
                        .object(["b": .integer(.min)]), .number(1e20),
                    ])
                ]))
    }
}
