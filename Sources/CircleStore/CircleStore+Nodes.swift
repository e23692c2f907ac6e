import Database
import Domain

extension CircleStore {
    /// Enters a node that starts, or starts again.
    ///
    /// - Returns: its epoch: one more than its last.
    public func registerNode(
        _ nodeID: String, url: String, region: String = ""
    ) async throws -> Int64 {
        let now = clock.now()
        let url = url.hasSuffix("/") ? String(url.dropLast()) : url
        return try await pool.withConnection { connection in
            try connection.query(
                """
                insert into sfu_nodes (node_id, url, region, epoch, started_at, heartbeat_at)
                values (\(nodeID), \(url), \(region), 1, \(now), \(now))
                on conflict (node_id) do update
                set
                    url = excluded.url, region = excluded.region, epoch = sfu_nodes.epoch + 1,
                    started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at,
                    stopped_at = null, is_draining = false, circle_count = 0, member_count = 0
                returning epoch
                """)[0].get(0)
        }
    }

    /// Says where a node that has just been entered can be reached; before that it gets no
    /// circle.
    public func setNodeURL(_ nodeID: String, epoch: Int64, url: String) async throws {
        let url = url.hasSuffix("/") ? String(url.dropLast()) : url
        try await pool.withConnection { connection in
            _ = try connection.query(
                "update sfu_nodes set url = \(url) where node_id = \(nodeID) and epoch = \(epoch)")
        }
    }

    /// Says that a node lives, and how much it carries.
    ///
    /// - Returns: `false` when a newer start has taken its name: the node must stop.
    public func heartbeat(
        _ nodeID: String, epoch: Int64, circleCount: Int, memberCount: Int
    ) async throws -> Bool {
        let now = clock.now()
        return try await pool.withConnection { connection in
            try connection.query(
                """
                update sfu_nodes
                set
                    heartbeat_at = \(now), circle_count = \(Int32(clamping: circleCount)),
                    member_count = \(Int32(clamping: memberCount))
                where node_id = \(nodeID) and epoch = \(epoch) and stopped_at is null
                """
            ).affectedCount > 0
        }
    }

    /// Keeps new circles off a node that is about to go; those on it stay.
    public func drainNode(_ nodeID: String, epoch: Int64) async throws {
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                update sfu_nodes
                set is_draining = true
                where node_id = \(nodeID) and epoch = \(epoch)
                """)
        }
    }

    /// Takes a node out: its circles find another one at their next join.
    public func retireNode(_ nodeID: String, epoch: Int64) async throws {
        let now = clock.now()
        try await pool.withConnection { connection in
            _ = try connection.query(
                """
                update sfu_nodes
                set is_draining = true, stopped_at = \(now)
                where node_id = \(nodeID) and epoch = \(epoch)
                """)
        }
    }

    /// The node that a live circle lives on, chosen if it has none that lives.
    ///
    /// - Returns: `nil` when no node lives, or the circle is not live.
    public func place(_ circleID: CircleID) async throws -> SFUNode? {
        let now = clock.now()
        return try await pool.transaction { connection in
            // Placing happens under the circle's lock only: two placers never choose apart.
            let rows = try connection.query(
                """
                select 1::int8
                from circles
                where circle_id = \(circleID) and status = 'live'
                for update
                """)
            return rows.count > 0 ? try connection.place(circleID, now: now) : nil
        }
    }
}

extension Connection {
    /// Finds or chooses the circle's node; the caller holds the lock on the circle's row.
    func place(_ circleID: CircleID, now: Timestamp) throws -> SFUNode? {
        try place(circleID, among: try query(SFUNode.query(for: circleID, now: now)), now: now)
    }

    /// - Parameter nodes: what `SFUNode.query` found under the lock.
    func place(_ circleID: CircleID, among nodes: Rows, now: Timestamp) throws -> SFUNode? {
        var open: [String: SFUNode] = [:]
        for row in nodes.map({ $0 }) {
            let node = SFUNode(nodeID: try row.get(0), url: try row.get(1))
            if try row.get(3, as: Bool.self) { return node }
            if try !row.get(2, as: Bool.self) { open[node.nodeID] = node }
        }
        guard let chosen = Placement.node(for: circleID, among: open.keys) else { return nil }
        later(
            """
            insert into circle_placements (circle_id, node_id, placed_at)
            values (\(circleID), \(chosen), \(now))
            on conflict (circle_id) do update
            set node_id = excluded.node_id, placed_at = excluded.placed_at
            """)
        return open[chosen]
    }
}

extension SFUNode {
    /// The nodes that live, and which of them has the circle.
    static func query(for circleID: CircleID, now: Timestamp) -> SQL {
        """
        select
            sfu_nodes.node_id, url, is_draining, circle_placements.circle_id is not null
        from sfu_nodes
        left join circle_placements
            on circle_placements.node_id = sfu_nodes.node_id
            and circle_placements.circle_id = \(circleID)
        where stopped_at is null
            and heartbeat_at >= \(now.adding(seconds: -Limits.nodeSilenceSecondsMax))
            and url <> ''
        """
    }
}
