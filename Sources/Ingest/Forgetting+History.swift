import Database
import Domain
import EventSchema

/// What history and the folds over it hold, circle by circle.
extension Forgetting {
    /// The circles that any row of theirs is in.
    ///
    /// Cost: reads all of history once, a day at a time: nothing is indexed by uid there.
    func circles(of erasure: Erasure) throws -> [CircleID] {
        var circles: Set<CircleID> = []
        for table in try UIDTable.all(connection) where table.hasCircle {
            for name in try partitions(of: table.name) {
                let part = UIDTable(name: name, columns: table.columns, hasCircle: true)
                let condition =
                    table.name == "events"
                    ? "position(\(Bytes(Array(erasure.uid.utf8))) in record) > 0"
                    : part.names(erasure.uid)
                circles.formUnion(
                    try connection.query(
                        """
                        select distinct circle_id from public.\(trusted: name) where \(condition)
                        """
                    ).map { try $0.get(0) })
            }
        }
        return circles.sorted()
    }

    /// The parts of a partitioned table, or the table.
    private func partitions(of table: String) throws -> [String] {
        let names: [String] = try connection.query(
            """
            select child.relname
            from pg_inherits
            join pg_class as child on child.oid = pg_inherits.inhrelid
            where pg_inherits.inhparent = ('public.' || \(table))::regclass
            order by child.relname
            """
        ).map { try $0.get(0) }
        return names.isEmpty ? [table] : names.map { "\"\($0)\"" }
    }

    /// Rewrites a circle's events, so many in a transaction. Workers that read them meanwhile see
    /// the tombstone either way.
    ///
    /// - Returns: how many.
    func rewriteEvents(of circleID: CircleID, _ erasure: Erasure) throws -> Int {
        let begin = EventCodec.historyBegin([circleID])
        var lastSequence: Int64 = 0
        var count = 0
        while true {
            let rows = try connection.query(
                """
                select circle_seq, occurred_at, record
                from events
                where circle_id = \(circleID) and occurred_at >= \(begin)
                    and circle_seq > \(lastSequence)
                    and position(\(Bytes(Array(erasure.uid.utf8))) in record) > 0
                order by circle_seq
                limit \(Self.eventCountMax)
                """)
            guard rows.count > 0 else { return count }
            lastSequence = try rows[rows.count - 1].get(0)
            count += try retrying {
                try connection.transaction { try write(rows, circleID, erasure) }
            }
        }
    }

    private func write(_ rows: Rows, _ circleID: CircleID, _ erasure: Erasure) throws -> Int {
        var changed: [(sequence: Int64, at: Timestamp, event: Event, record: [UInt8])] = []
        for row in rows.map({ $0 }) {
            let record = try row.get(2, as: Bytes.self).array
            guard let erased = try EventCodec.erase(erasure, in: record) else { continue }
            changed.append(
                (try row.get(0), try row.get(1), try EventCodec.decode(erased), erased))
        }
        guard !changed.isEmpty else { return 0 }
        return try connection.query(
            """
            update events as stored
            set
                uid = erased.uid, actor_uid = erased.actor_uid, reason = erased.reason,
                record = erased.record
            from unnest(
                \(changed.map(\.sequence)), \(changed.map(\.at)),
                \(OptionalArray(changed.map(\.event.payload.uid))),
                \(OptionalArray(changed.map(\.event.payload.actorUID))),
                \(OptionalArray(changed.map(\.event.payload.reason))),
                \(changed.map { Bytes($0.record) })
            ) as erased (circle_seq, occurred_at, uid, actor_uid, reason, record)
            where stored.circle_id = \(circleID) and stored.circle_seq = erased.circle_seq
                and stored.occurred_at = erased.occurred_at
            """
        ).affectedCount
    }

    /// Rewrites the rows that are folds over a circle's events and samples.
    func rewriteState(of circleID: CircleID, _ erasure: Erasure) throws {
        let (uid, tombstone, end) = (erasure.uid, erasure.tombstone, erasure.forgottenAt)
        // No batch is at work on the circle meanwhile.
        try connection.script("lock table ingest_offsets in exclusive mode")
        for (table, time) in [
            ("attendances", "joined_at"), ("hand_raises", "raised_at"),
            ("stage_invitations", "invited_at"), ("talk_minutes", "minute_at"),
            ("quality_samples", "sampled_at"),
        ] {
            try connection.query(
                """
                update \(trusted: table)
                set uid = \(tombstone)
                where circle_id = \(circleID) and uid = \(uid)
                    and (uuid_created_at(session_id) < \(end) or \(trusted: time) < \(end))
                """)
        }
        try connection.query(
            """
            update stage_invitations
            set actor_uid = \(tombstone)
            where circle_id = \(circleID) and actor_uid = \(uid) and invited_at < \(end)
            """)
        try rewriteQualityMinutes(of: circleID, erasure)
        try connection.query(
            """
            update circle_sessions
            set host_uid = \(tombstone), title = \(Erasure.title)
            where circle_id = \(circleID) and host_uid = \(uid)
                -- Who came back may host it anew.
                and not exists (
                    select from circles
                    where circles.circle_id = circle_sessions.circle_id
                        and circles.host_uid = \(uid)
                )
            """)
        try unsettle(circleID, erasure)
        for table in try UIDTable.all(connection) where table.hasCircle && isUnknown(table) {
            try table.makeRoom(for: tombstone, insteadOf: uid, in: circleID, connection)
            try table.rename(uid, to: tombstone, where: "circle_id = \(circleID)", connection)
        }
        // Days of members follow from attendances. No minute of the circle changes.
        try connection.query(
            "select roll_up_circles(array[\(circleID)]::uuid[], array['infinity']::timestamptz[], '{}', '{}')"
        )
    }

    /// What was summed under either name is summed anew.
    private func unsettle(_ circleID: CircleID, _ erasure: Erasure) throws {
        try connection.query(
            """
            select unsettle_quality_days(array_agg(circle_id), array_agg(day))
            from (
                select distinct circle_id, (minute_at at time zone 'UTC')::date as day
                from quality_minutes
                where circle_id = \(circleID)
            ) as days
            having count(*) > 0
            """)
        try connection.query("delete from host_sums where host_uid = \(erasure.uid)")
        try connection.query("delete from host_sums_unsettled where host_uid = \(erasure.uid)")
        try connection.query(
            """
            select unsettle_host_sums(array_agg(distinct host_uid))
            from circle_sessions
            where host_uid = any (\([erasure.uid, erasure.tombstone])) and started_at is not null
            having count(*) > 0
            """)
    }

    /// Minutes take the name of their samples. Where batches have been stored under the tombstone
    /// already, both rows of a minute become one.
    private func rewriteQualityMinutes(of circleID: CircleID, _ erasure: Erasure) throws {
        let (uid, tombstone, end) = (erasure.uid, erasure.tombstone, erasure.forgottenAt)
        let theirs: SQL = """
            circle_id = \(circleID) and uid = \(uid)
            and (uuid_created_at(session_id) < \(end) or minute_at < \(end))
            """
        let split: [Timestamp] = try connection.query(
            """
            delete from quality_minutes as former
            where \(theirs)
                and exists (
                    select from quality_minutes as later
                    where later.circle_id = former.circle_id
                        and later.minute_at = former.minute_at
                        and later.session_id = former.session_id
                        and later.direction = former.direction and later.uid = \(tombstone)
                )
            returning minute_at
            """
        ).map { try $0.get(0) }
        try connection.query(
            "update quality_minutes set uid = \(tombstone) where \(theirs)")
        guard !split.isEmpty else { return }
        try connection.writeQualityMinutes(Set(split.map { QualityMinute(circleID, $0) }))
    }
}
