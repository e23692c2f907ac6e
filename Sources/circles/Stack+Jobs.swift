import Database
import Jobs

/// Recurring work.
extension Stack {
    func jobs(pool: ConnectionPool) throws -> [any Job] {
        try alertJobs(pool: pool)
    }
}
