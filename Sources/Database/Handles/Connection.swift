internal import CPostgres
import Domain

/// One PostgreSQL session, used by one thread at a time.
///
/// libpq: "libpq is reentrant and thread-safe … no two threads attempt to manipulate the same
/// PGconn object at the same time" (PostgreSQL 15, §34.20). The class is therefore not
/// `Sendable`: a `ConnectionPool` worker or a service thread owns it.
public final class Connection {
    let handle: OpaquePointer
    private var preparedNames: [Statement: String] = [:]

    /// The same text with binds of other types is another statement.
    private struct Statement: Hashable {
        let text: String
        let types: [UInt32]

        /// By the length: to hash the whole text of each statement costs more than to compare it
        /// with the few that are as long.
        func hash(into hasher: inout Hasher) {
            hasher.combine(text.utf8.count)
            hasher.combine(types)
        }
    }

    public private(set) var isInTransaction = false
    /// What goes to the server with the next statement: see `later`.
    private var deferred: [SQL] = []
    /// Whether the server knows of the transaction: `begin` waits for the first statement.
    private var hasBegun = false

    /// A NOTIFY that another session sent.
    public struct Notification: Sendable {
        public let channel: String
        public let payload: String
    }

    /// How many prepared statements one session keeps; past it they are all dropped.
    private static let preparedCountMax = 256

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - url: a libpq connection string or URI.
    ///   - role: what the session may do; the user who signs in must be a member of it. `nil`
    ///     keeps that user's own rights, as an administrator's commands do.
    ///   - settings: run-time parameters set at the start, such as `search_path`.
    /// - Throws: `DatabaseError`, retriable, when the server does not take us.
    @available(*, noasync)
    public init(
        url: String, applicationName: String, role: ServiceRole? = nil,
        settings: [(name: String, value: String)] = []
    ) throws(DatabaseError) {
        let keywords = [
            "dbname", "fallback_application_name", "connect_timeout", "client_encoding",
        ]
        let values = [url, applicationName, "5", "UTF8"]
        let connected = withCStrings(keywords) { keywords in
            withCStrings(values) { values in
                PQconnectdbParams(keywords, values, 1)
            }
        }
        guard let connected else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: "out of memory", operation: "connect")
        }
        handle = connected
        guard PQstatus(handle) == CONNECTION_OK else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: errorMessage, operation: "connect")
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try script("set timezone to 'UTC'; set client_min_messages to warning")
        if let role { try script("set role \(role.rawValue)") }
        for setting in settings {
            try query("select set_config(\(setting.name), \(setting.value), false)")
        }
    }

    deinit {
        PQfinish(handle)
    }

    /// Whether the session is still usable.
    public var isAlive: Bool { !isStuck && PQstatus(handle) == CONNECTION_OK }
    /// A pipeline was left half read, or what was prepared is of no use any more.
    var isStuck = false

    var errorMessage: String {
        guard let message = PQerrorMessage(handle) else { return "unknown error" }
        return trimmed(String(cString: message))
    }

    // MARK: Statements

    /// Runs a statement with its binds and returns its rows; the statement is prepared once per
    /// session.
    @available(*, noasync)
    @discardableResult
    public func query(_ sql: SQL) throws(DatabaseError) -> Rows {
        try run(sql, resultFormat: 1)
    }

    /// Like `query`, but every column comes as PostgreSQL's own text, whatever its type.
    @available(*, noasync)
    public func queryText(_ sql: SQL) throws(DatabaseError) -> TextRows {
        TextRows(try run(sql, resultFormat: 0))
    }

    /// Runs several statements in one round trip and returns the rows of each. None may need what
    /// another returns; after one that fails none is run.
    @available(*, noasync)
    public func queries(_ statements: [SQL]) throws(DatabaseError) -> [Rows] {
        let earlier = takeDeferred()
        return Array(try pipeline(earlier + statements, resultFormat: 1).dropFirst(earlier.count))
    }

    /// Runs a statement that only reads, with run-time parameters of its own, in one round trip.
    ///
    /// - Parameter settings: hold for this statement; names from our own code.
    @available(*, noasync)
    public func read(
        _ sql: SQL, settings: [(name: String, value: String)]
    ) throws(DatabaseError) -> Rows {
        precondition(!isInTransaction, "the settings would outlive the statement")
        // What a pipeline holds up to its end is one transaction.
        let rows = try pipeline(Self.local(settings) + [sql], resultFormat: 1)
        return rows[rows.count - 1]
    }

    /// One statement for all of them; none for none.
    private static func local(_ settings: [(name: String, value: String)]) -> [SQL] {
        guard !settings.isEmpty else { return [] }
        let calls = settings.indices.map { "set_config('\(settings[$0].name)', $\($0 + 1), true)" }
        return [
            SQL(
                trusted: "select " + calls.joined(separator: ", "),
                // NUL ends a text in PostgreSQL and must not be in it.
                binds: settings.map {
                    Bind(String(decoding: $0.value.utf8.filter { $0 != 0 }, as: UTF8.self))
                })
        ]
    }

    /// Sends a statement whose rows nobody needs along with the next one, or with the commit: that
    /// one throws what this one fails of.
    @available(*, noasync)
    public func later(_ sql: SQL) {
        precondition(isInTransaction, "outside a transaction nothing need follow")
        deferred.append(sql)
    }

    private func takeDeferred() -> [SQL] {
        guard !deferred.isEmpty else { return [] }
        defer { deferred.removeAll() }
        hasBegun = true
        return deferred
    }

    private func sendDeferred() throws(DatabaseError) {
        let earlier = takeDeferred()
        if !earlier.isEmpty { _ = try pipeline(earlier, resultFormat: 1) }
    }

    /// Runs a text that may hold several statements and takes no binds.
    @available(*, noasync)
    public func script(_ text: String) throws(DatabaseError) {
        try sendDeferred()
        let result = PQexec(handle, text)
        _ = try check(result, operation: summary(of: text))
    }

    private func run(_ sql: SQL, resultFormat: Int32) throws(DatabaseError) -> Rows {
        guard deferred.isEmpty else {
            let rows = try pipeline(takeDeferred() + [sql], resultFormat: resultFormat)
            return rows[rows.count - 1]
        }
        try makeRoomForPrepared(1)
        let name = try prepare(sql)
        let result = withParameters(sql.binds) { values, lengths, formats in
            PQexecPrepared(
                handle, name, Int32(sql.binds.count), values, lengths, formats, resultFormat)
        }
        return try check(result, operation: summary(of: sql.text))
    }

    /// Makes room for so many prepared statements, which then stay until the next call.
    func makeRoomForPrepared(_ count: Int) throws(DatabaseError) {
        guard preparedNames.count + count > Self.preparedCountMax else { return }
        _ = try check(PQexec(handle, "deallocate all"), operation: "deallocate all")
        preparedNames.removeAll()
    }

    func prepare(_ sql: SQL) throws(DatabaseError) -> String {
        let statement = Statement(text: sql.text, types: sql.binds.map(\.oid))
        if let name = preparedNames[statement] { return name }
        let name = "s\(preparedNames.count)"
        let result = statement.types.withUnsafeBufferPointer { types in
            PQprepare(handle, name, sql.text, Int32(types.count), types.baseAddress)
        }
        _ = try check(result, operation: summary(of: sql.text))
        preparedNames[statement] = name
        return name
    }

    /// - Parameter operation: named only in an error.
    func check(
        _ result: OpaquePointer?, operation: @autoclosure () -> String
    ) throws(DatabaseError) -> Rows {
        guard let result else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: errorMessage, operation: operation())
        }
        let rows = Rows(result)
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_EMPTY_QUERY:
            return rows
        default:
            let error = error(of: result, operation: operation())
            withExtendedLifetime(rows) {}
            throw error
        }
    }

    func error(of result: OpaquePointer, operation: String) -> DatabaseError {
        func field(_ code: UnicodeScalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        guard PQstatus(handle) == CONNECTION_OK, let code = field("C") else {
            return DatabaseError(
                code: DatabaseError.connectionCode, message: errorMessage, operation: operation)
        }
        // The session's other statements may be as old: its owner replaces it.
        if code == DatabaseError.stalePlanCode { isStuck = true }
        return DatabaseError(
            code: code, message: field("M") ?? errorMessage, operation: operation,
            constraint: field("n"))
    }

    // MARK: Transactions

    /// Runs `body` in one transaction: commits when it returns, rolls back when it throws.
    ///
    /// - Parameters:
    ///   - mode: what follows `begin`, from our own code.
    ///   - settings: run-time parameters of this transaction alone; names from our own code.
    @available(*, noasync)
    public func transaction<Result>(
        mode: String = "", settings: [(name: String, value: String)] = [],
        _ body: () throws -> Result
    ) throws -> Result {
        precondition(!isInTransaction, "transactions do not nest")
        isInTransaction = true
        hasBegun = false
        // With the first statement: a command pays for no further round trip.
        deferred = [SQL(trusted: mode.isEmpty ? "begin" : "begin \(mode)")] + Self.local(settings)
        let prefixCount = deferred.count
        defer {
            isInTransaction = false
            deferred.removeAll()
        }
        do {
            let result = try body()
            if hasBegun || deferred.count > prefixCount { try commit() }
            return result
        } catch {
            // The first error is the one that counts; a session that cannot roll back is dead,
            // and its owner replaces it.
            deferred.removeAll()
            if hasBegun, isAlive { try? script("rollback") }
            throw error
        }
    }

    private func commit() throws(DatabaseError) {
        let answer = try run("commit", resultFormat: 1)
        // A transaction that failed answers a commit with ROLLBACK, and with success.
        guard answer.commandTag == "COMMIT" else {
            throw DatabaseError(
                code: "25P02", message: "the transaction had failed before", operation: "commit")
        }
    }

    // MARK: COPY

    /// Streams rows into a table by `copy … from stdin (format binary)`.
    ///
    /// - Parameter target: table and columns, from our own code: `events (circle_id, …)`.
    @available(*, noasync)
    public func copy(
        into target: String, _ fill: (inout CopyWriter) throws -> Void
    ) throws {
        try sendDeferred()
        let statement = "copy \(target) from stdin (format binary)"
        _ = try check(PQexec(handle, statement), operation: statement)
        do {
            var writer = CopyWriter { [handle] bytes in
                bytes.withUnsafeBytes { raw in
                    PQputCopyData(
                        handle, raw.baseAddress?.assumingMemoryBound(to: CChar.self),
                        Int32(raw.count)) == 1
                }
            }
            try fill(&writer)
            try writer.finish()
        } catch {
            _ = PQputCopyEnd(handle, "abandoned")
            drain()
            throw error
        }
        guard PQputCopyEnd(handle, nil) == 1 else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: errorMessage, operation: statement)
        }
        defer { drain() }
        _ = try check(PQgetResult(handle), operation: statement)
    }

    /// Streams what a query returns by `copy (…) to stdout`; memory holds a row at a time.
    ///
    /// - Parameters:
    ///   - statement: the whole `copy` statement, from our own code.
    ///   - body: gets each row as the server writes it, its line end included; what it throws
    ///     ends the copy.
    @available(*, noasync)
    public func copyOut(
        _ statement: String, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        _ = try check(PQexec(handle, statement), operation: "copy to stdout")
        defer { drain() }
        while true {
            var line: UnsafeMutablePointer<CChar>?
            let byteCount = PQgetCopyData(handle, &line, 0)
            guard byteCount > 0, let line else { break }
            defer { PQfreemem(line) }
            do {
                try body(UnsafeRawBufferPointer(start: line, count: Int(byteCount)))
            } catch {
                abandonCopy()
                throw error
            }
        }
        _ = try check(PQgetResult(handle), operation: "copy to stdout")
    }

    /// Tells the server to stop sending, and reads past what is on its way.
    private func abandonCopy() {
        if let cancel = PQgetCancel(handle) {
            var message = [CChar](repeating: 0, count: 256)
            // A server that does not listen sends the rest, which is read as well.
            _ = PQcancel(cancel, &message, Int32(message.count))
            PQfreeCancel(cancel)
        }
        var line: UnsafeMutablePointer<CChar>?
        while PQgetCopyData(handle, &line, 0) > 0 {
            PQfreemem(line)
            line = nil
        }
    }

    private func drain() {
        while let result = PQgetResult(handle) { PQclear(result) }
    }

    // MARK: Notifications

    /// Waits until a NOTIFY arrives on a channel that this session listens to, or the time is
    /// up, and returns what has arrived.
    ///
    /// - Parameter wakeUp: ends the wait too.
    @available(*, noasync)
    public func waitForNotifications(
        milliseconds: Int, wakeUp: WakeUp? = nil
    ) throws(DatabaseError) -> [Notification] {
        if let arrived = takeNotifications() { return arrived }
        guard isAlive,
            waitReadable(PQsocket(handle), or: wakeUp, milliseconds: milliseconds)
        else { return [] }
        guard PQconsumeInput(handle) == 1 else {
            throw DatabaseError(
                code: DatabaseError.connectionCode, message: errorMessage, operation: "listen")
        }
        return takeNotifications() ?? []
    }

    private func takeNotifications() -> [Notification]? {
        var arrived: [Notification] = []
        while let notify = PQnotifies(handle) {
            arrived.append(
                Notification(
                    channel: String(cString: notify.pointee.relname),
                    payload: String(cString: notify.pointee.extra)))
            PQfreemem(notify)
        }
        return arrived.isEmpty ? nil : arrived
    }
}
