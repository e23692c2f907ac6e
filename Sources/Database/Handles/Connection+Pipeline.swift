internal import CPostgres

extension Connection {
    /// Sends statements in one go and reads their results: one round trip for all, but for those
    /// that this session has not prepared yet.
    /// Source: PostgreSQL 15 documentation, libpq, "Pipeline Mode".
    ///
    /// libpq waits here until all is sent, so the statements are few and small.
    ///
    /// - Throws: the error of the first that failed; the server passes over those after it.
    func pipeline(
        _ statements: [SQL], resultFormat: Int32
    ) throws(DatabaseError) -> [Rows] {
        try makeRoomForPrepared(statements.count)
        var names: [String] = []
        for statement in statements { names.append(try prepare(statement)) }
        guard PQenterPipelineMode(handle) == 1 else { throw broken() }
        var isSent = true
        for (name, statement) in zip(names, statements) where isSent {
            isSent = withParameters(statement.binds) { values, lengths, formats in
                PQsendQueryPrepared(
                    handle, name, Int32(statement.binds.count), values, lengths, formats,
                    resultFormat) == 1
            }
        }
        guard isSent, PQpipelineSync(handle) == 1 else { throw broken() }
        var rows: [Rows] = []
        var failure: DatabaseError?
        for statement in statements {
            guard let result = PQgetResult(handle) else { throw failure ?? broken() }
            if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
                PQclear(result)
            } else {
                do {
                    rows.append(try check(result, operation: summary(of: statement.text)))
                } catch {
                    failure = failure ?? error
                    guard isAlive else {
                        isStuck = true
                        throw error
                    }
                }
            }
            // Each one's results end with a null.
            while let further = PQgetResult(handle) { PQclear(further) }
        }
        PQclear(PQgetResult(handle))  // the sync's own
        guard PQexitPipelineMode(handle) == 1 else { throw failure ?? broken() }
        if let failure { throw failure }
        return rows
    }

    /// The session is of no use any more: its owner sees that by `isAlive` and replaces it.
    private func broken() -> DatabaseError {
        isStuck = true
        return DatabaseError(
            code: DatabaseError.connectionCode, message: errorMessage, operation: "pipeline")
    }
}
