import Database

/// A table that can be exported, a UTC day at a time.
public struct ExportTable: Sendable, Equatable {
    public let name: String
    /// What tells the day of a row: a time or a date that does not change.
    let time: String
    /// Whether `time` is a date.
    let isDate: Bool
    /// The order of rows within a day: that of the table's key.
    let order: String

    private init(_ name: String, _ time: String, isDate: Bool = false, by order: String) {
        self.name = name
        self.time = time
        self.isDate = isDate
        self.order = order
    }

    public static let all: [ExportTable] = [
        .init("events", "occurred_at", by: "circle_id, circle_seq, occurred_at"),
        .init(
            "quality_samples", "sampled_at",
            by: "circle_id, session_id, direction, source, source_epoch, sampled_at, source_seq"),
        .init(
            "quality_minutes", "minute_at", by: "circle_id, minute_at, session_id, uid, direction"),
        // A circle that was never said to be created still has the time in its id.
        .init(
            "circle_sessions", "coalesce(created_at, uuid_created_at(circle_id))", by: "circle_id"),
        .init("attendances", "joined_at", by: "circle_id, session_id"),
        .init("hand_raises", "raised_at", by: "circle_id, session_id, raise_number"),
        .init("stage_invitations", "invited_at", by: "circle_id, session_id, invite_number"),
        .init("circle_rsvps", "made_at", by: "circle_id, uid"),
        .init("talk_minutes", "minute_at", by: "circle_id, session_id, minute_at"),
        .init("circle_minutes", "minute_at", by: "circle_id, minute_at"),
        .init("circle_days", "day", isDate: true, by: "circle_id, day"),
        .init("circle_day_members", "day", isDate: true, by: "circle_id, day, uid"),
        .init("daily_members", "day", isDate: true, by: "uid, day"),
    ]

    /// - Throws: `Export.Failure.unknownTable`.
    public static func named(_ name: String) throws(Export.Failure) -> ExportTable {
        guard let table = all.first(where: { $0.name == name }) else {
            throw .unknownTable(name: name, known: all.map(\.name))
        }
        return table
    }

    /// The columns as an export writes them.
    ///
    /// - Parameter isPseudonymised: uids become pseudonyms, and bytes, which name them too, stay
    ///   out.
    func expressions(_ connection: Connection, isPseudonymised: Bool) throws -> [String] {
        let rows = try connection.query(
            """
            select attname, atttypid = 'bytea'::regtype, atttypid = 'text'::regtype
            from pg_attribute
            where attrelid = ('public.' || \(name))::regclass and attnum > 0 and not attisdropped
            order by attnum
            """)
        return try rows.map { row in
            let column: String = try row.get(0)
            if try row.get(1, as: Bool.self) {
                return isPseudonymised
                    ? nil : "translate(encode(\(column), 'base64'), e'\\n', '') as \(column)"
            }
            let isUID = try row.get(2, as: Bool.self) && Pseudonyms.isUID(column)
            return isPseudonymised && isUID ? Pseudonyms.expression(column) : column
        }.compactMap { $0 }
    }

    /// The statement that writes a day's rows.
    func copyStatement(_ expressions: [String], day: ExportDay, format: ExportFormat) -> String {
        let next = day.next
        let range =
            isDate
            ? "\(time) = date '\(day)'"
            : "\(time) >= timestamptz '\(day) 00:00Z' and \(time) < timestamptz '\(next) 00:00Z'"
        let rows = """
            select \(expressions.joined(separator: ", "))
            from public.\(name)
            where \(range)
            order by \(order)
            """
        return switch format {
        case .csv: "copy (\(rows)) to stdout (format csv, header true)"
        // JSON escapes control characters: none of these stands in it, so that nothing is quoted.
        case .ndjson:
            """
            copy (select row_to_json(line)::text from (\(rows)) as line)
            to stdout (format csv, header false, quote e'\\x01', escape e'\\x01', delimiter e'\\x02')
            """
        }
    }
}

/// How an export is written.
public enum ExportFormat: String, Sendable, CaseIterable, Codable {
    /// RFC 4180 with LF line ends; null is nothing, an empty text is `""`.
    case csv
    /// A JSON object a line.
    case ndjson
}
