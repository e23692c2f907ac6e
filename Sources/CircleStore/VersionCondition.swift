/// Which versions of a circle a command may find; a caller names those that they have seen, so
/// that nobody overwrites a change that they do not know of.
public enum VersionCondition: Sendable, Equatable {
    /// Whatever version there is.
    case any
    case oneOf(Set<Int64>)

    /// - Throws: `VersionMismatch` when the version is none of those.
    func require(_ version: Int64) throws(VersionMismatch) {
        switch self {
        case .any: return
        case .oneOf(let versions):
            guard versions.contains(version) else { throw VersionMismatch() }
        }
    }
}

/// The circle has changed since the caller saw it.
public struct VersionMismatch: Error, Sendable {}

/// The host has created as many circles as 24 hours allow.
public struct CreationLimitReached: Error, Sendable, Equatable {
    /// When the oldest of them is 24 hours old; at least 1.
    public let retryAfterSeconds: Int64
}
