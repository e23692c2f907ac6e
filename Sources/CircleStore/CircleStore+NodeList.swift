import Database
import Domain

extension CircleStore {
    /// Where the signalling of all nodes that live is, those that drain included: some circles
    /// are still there.
    public func liveNodeURLs() async throws -> [String] {
        let silentSince = clock.now().adding(seconds: -Limits.nodeSilenceSecondsMax)
        return try await pool.withConnection { connection in
            try connection.query(
                """
                select distinct url
                from sfu_nodes
                where stopped_at is null and heartbeat_at >= \(silentSince) and url <> ''
                order by url
                limit \(Limits.listedNodeCountMax)
                """
            ).map { try $0.get(0) }
        }
    }
}
