import Database
import Domain

/// The rows of `circle_rsvps` that a batch changes.
struct RSVPRows {
    private var changed: [(circleID: CircleID, uid: String, rsvp: RSVP)] = []
    private var dropped: [(circleID: CircleID, uid: String)] = []

    mutating func append(_ ledger: CircleLedger) {
        let fold = ledger.fold
        for uid in ledger.droppedRSVPs.sorted() { dropped.append((fold.circleID, uid)) }
        for uid in fold.changedRSVPs.sorted() {
            if let rsvp = fold.rsvps[uid] { changed.append((fold.circleID, uid, rsvp)) }
        }
    }

    func write(_ connection: Connection) {
        if !dropped.isEmpty {
            connection.later(
                """
                delete from circle_rsvps as stored
                using unnest(\(dropped.map(\.circleID)), \(dropped.map(\.uid)))
                    as dropped (circle_id, uid)
                where stored.circle_id = dropped.circle_id and stored.uid = dropped.uid
                """)
        }
        guard !changed.isEmpty else { return }
        connection.later(
            """
            insert into circle_rsvps (circle_id, uid, made_at, withdrawn_at)
            select *
            from unnest(
                \(changed.map(\.circleID)), \(changed.map(\.uid)),
                \(changed.map(\.rsvp.madeAt)), \(OptionalArray(changed.map(\.rsvp.withdrawnAt)))
            )
            on conflict (circle_id, uid) do update
            set made_at = excluded.made_at, withdrawn_at = excluded.withdrawn_at
            """)
    }
}
