import Database
import Domain

/// A table with columns that hold uids, as the catalogue of the database says: a table of a later
/// migration is among them.
struct UIDTable {
    struct Column {
        let name: String
        let isArray: Bool
    }

    let name: String
    let columns: [Column]
    let hasCircle: Bool

    /// Columns named `uid`, `…_uid` or `…_uids`; partitions stand under their parent.
    static func all(_ connection: Connection) throws -> [UIDTable] {
        let rows = try connection.query(
            """
            select
                tables.relname, columns.attname, columns.atttypid = 'text[]'::regtype,
                exists (
                    select
                    from pg_attribute as circles
                    where circles.attrelid = tables.oid and circles.attname = 'circle_id'
                )
            from pg_class as tables
            join pg_attribute as columns on columns.attrelid = tables.oid
            where tables.relnamespace = 'public'::regnamespace and tables.relkind in ('r', 'p')
                and not tables.relispartition
                and columns.attnum > 0 and not columns.attisdropped
                and columns.atttypid in ('text'::regtype, 'text[]'::regtype)
                and (
                    columns.attname = 'uid' or columns.attname like '%\\_uid'
                    or columns.attname like '%\\_uids'
                )
            order by tables.relname, columns.attnum
            """)
        var tables: [UIDTable] = []
        for row in rows.map({ $0 }) {
            let name: String = try row.get(0)
            let column = Column(name: try row.get(1), isArray: try row.get(2))
            if tables.last?.name == name {
                let known = tables.removeLast()
                tables.append(
                    UIDTable(
                        name: name, columns: known.columns + [column], hasCircle: known.hasCircle))
            } else {
                tables.append(
                    UIDTable(name: name, columns: [column], hasCircle: try row.get(3)))
            }
        }
        return tables
    }

    /// The condition that a row names the uid; an event may do so in its record alone.
    func names(_ uid: String) -> SQL {
        var condition: SQL = "false"
        for column in columns {
            condition =
                column.isArray
                ? "\(condition) or \(uid) = any (\(trusted: column.name))"
                : "\(condition) or \(trusted: column.name) = \(uid)"
        }
        if name == "events" {
            condition = "\(condition) or position(\(Bytes(Array(uid.utf8))) in record) > 0"
        }
        return "(\(condition))"
    }

    /// Puts the tombstone wherever the uid stands.
    ///
    /// - Parameter rows: which rows besides.
    func rename(
        _ uid: String, to tombstone: String, where rows: SQL = "true", _ connection: Connection
    ) throws {
        for column in columns {
            let name = column.name
            try connection.query(
                column.isArray
                    ? """
                    update public.\(trusted: self.name)
                    set \(trusted: name) = array_replace(\(trusted: name), \(uid), \(tombstone))
                    where \(uid) = any (\(trusted: name)) and \(rows)
                    """
                    : """
                    update public.\(trusted: self.name)
                    set \(trusted: name) = \(tombstone)
                    where \(trusted: name) = \(uid) and \(rows)
                    """)
        }
    }

    /// Takes away the tombstone's rows of a circle that would stand in the way of the uid's: of
    /// what was written since the erasure began.
    ///
    /// - Returns: how many.
    @discardableResult
    func makeRoom(
        for tombstone: String, insteadOf uid: String, in circleID: CircleID,
        _ connection: Connection
    ) throws -> Int {
        let key: [String] = try connection.query(
            """
            select attname
            from pg_index
            join pg_attribute on attrelid = indrelid and attnum = any (indkey)
            where indrelid = ('public.' || \(name))::regclass and indisprimary
            order by attname
            """
        ).map { try $0.get(0) }
        guard key.contains("uid") else { return 0 }
        let rest: SQL = key.filter { $0 != "uid" }.reduce("true") { condition, column in
            "\(condition) and later.\(trusted: column) = former.\(trusted: column)"
        }
        return try connection.query(
            """
            delete from public.\(trusted: name) as later
            using public.\(trusted: name) as former
            where former.circle_id = \(circleID) and former.uid = \(uid)
                and later.circle_id = \(circleID) and later.uid = \(tombstone)
                and \(rest)
            """
        ).affectedCount
    }
}
