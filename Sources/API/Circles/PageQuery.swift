import Domain
import Hummingbird

/// The query of a list: `limit`, `startAfter` and what else a route takes.
struct PageQuery<Position> {
    private(set) var limit = Limits.pageSizeDefault
    private(set) var position: Position?

    /// - Parameters:
    ///   - decode: reads a cursor of this route.
    ///   - other: takes a further parameter; what it returns is wrong with it.
    /// - Throws: `Problem` with all that is wrong.
    init(
        _ parameters: Parameters, decode: (String) -> Position?,
        other: (_ name: String, _ value: String) -> String?
    ) throws(Problem) {
        var errors: [Problem.FieldError] = []
        for (name, value) in parameters {
            let (name, value) = (String(name), String(value))
            let mistake: String?
            switch name {
            case "limit":
                let number = Int(value).flatMap { Limits.pageSize.contains($0) ? $0 : nil }
                limit = number ?? limit
                mistake =
                    number == nil
                    ? "must be from \(Limits.pageSize.lowerBound) to \(Limits.pageSize.upperBound)"
                    : nil
            case "startAfter":
                position = decode(value)
                mistake = position == nil ? "must be a nextCursor of this route" : nil
            default:
                mistake = other(name, value)
            }
            if let mistake {
                errors.append(.init(field: String(name.prefix(100)), message: mistake))
            }
        }
        guard errors.isEmpty else { throw Problem.validation(errors) }
    }
}
