import CircleStore
import HTTPTypes
import Testing

@testable import API

@Suite("Entity tags (RFC 9110 §8.8.3, §13.1)")
struct EntityTagTests {
    @Test(
        "lists of tags are read, over several lines and with blanks",
        arguments: [
            ([#""a""#], [EntityTag(opaque: "a")]), ([#""""#], [EntityTag(opaque: "")]),
            ([#"W/"a""#], [EntityTag(opaque: "a", isWeak: true)]),
            (
                [#""a", W/"b" ,"c""#],
                [
                    EntityTag(opaque: "a"), EntityTag(opaque: "b", isWeak: true),
                    EntityTag(opaque: "c"),
                ]
            ),
            ([#""a""#, #""b""#], [EntityTag(opaque: "a"), EntityTag(opaque: "b")]),
            ([#", "a,b" , "#], [EntityTag(opaque: "a,b")]),
        ])
    func reads(values: [String], tags: [EntityTag]) {
        #expect(TagCondition(values) == .tags(tags))
    }

    @Test("a star stands for any")
    func readsStar() {
        #expect(TagCondition(["*"]) == .any)
        #expect(TagCondition([" * "]) == .any)
    }

    @Test(
        "anything else is no condition",
        arguments: [
            "", " ", ",", "a", #""a"#, #"a""#, #""a" "b""#, #"w/"a""#, #"W/a"#, #"*, "a""#, "**",
            #""a"x"#, "\"a b\"", "\"a\u{7F}\"", String(repeating: #""a","#, count: 65),
        ])
    func refuses(value: String) {
        #expect(TagCondition([value]) == nil)
    }

    private func condition(_ value: String) throws -> VersionCondition {
        try CircleTag.condition([.ifMatch: value])
    }

    @Test("If-Match is about versions, in strong tags of ours")
    func readsVersions() throws {
        #expect(try CircleTag.condition([:]) == .any)
        #expect(try condition("*") == .any)
        #expect(try condition(#""3-00ff", "5-00ff-gzip""#) == .oneOf([3, 5]))
        #expect(try condition(#"W/"3-00ff""#) == .oneOf([]))
        #expect(try condition(#""xyz", "-1", "x-1""#) == .oneOf([]))
        let problem = #expect(throws: Problem.self) { try condition("3-00ff") }
        #expect(problem?.code == "precondition_malformed")
    }
}
