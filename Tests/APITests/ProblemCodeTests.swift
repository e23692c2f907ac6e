import Domain
import Foundation
import Testing

@testable import API

@Suite("Problem codes (docs/problems.md)")
struct ProblemCodeTests {
    /// Code and status of each row of the page's tables.
    private func documented() throws -> [(code: String, status: Int)] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs/problems.md")
        return try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| `") }
            .map { line in
                let cells = line.split(separator: "|").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                try #require(cells.count == 4, "\(line)")
                #expect(!cells[2].isEmpty && !cells[3].isEmpty, "\(line)")
                let code = cells[0].trimmingCharacters(in: ["`"])
                return (code, try #require(Int(cells[1])))
            }
    }

    @Test("the page has each code once, with its status, and no other")
    func documentsEachCode() throws {
        var expected = Dictionary(
            uniqueKeysWithValues: ProblemCode.allCases.map { ($0.rawValue, $0.status.code) })
        for error in CommandError.allCases {
            let problem = Problem(error)
            #expect(expected.updateValue(problem.status.code, forKey: problem.code) == nil)
        }
        let documented = try documented()
        #expect(documented.count == expected.count)
        for (code, status) in documented {
            #expect(expected[code] == status, "\(code)")
        }
    }

    @Test("a code is a word for good: lower case and underscores")
    func hasPlainCodes() {
        for code in ProblemCode.allCases {
            #expect(code.rawValue.allSatisfy { $0.isLowercase || $0 == "_" }, "\(code)")
        }
    }
}
