/// The PostgreSQL roles of our services: what each may do is granted in
/// `sql/migrations/0013_create_service_roles.sql`.
public enum ServiceRole: String, Sendable, CaseIterable {
    case api = "circles_api"
    case ingest = "circles_ingest"
    case jobs = "circles_jobs"
    case sfu = "circles_sfu"
    /// Reads reports and history, and nothing else.
    case analyst
}
