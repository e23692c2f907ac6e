import Database
import Domain

/// What a batch changed of who was inside and on stage: the sums over it are made anew in the
/// database, by the definitions that `Verification` holds them against.
struct RollUps {
    private var circles: [(circleID: CircleID, changedAt: Timestamp)] = []
    /// Whose stays changed; a circle without any is looked at as a whole.
    private var members: [(circleID: CircleID, uid: String)] = []

    mutating func append(_ ledger: CircleLedger, _ changed: [Attendance]) {
        guard let changedAt = ledger.presenceChangedAt else { return }
        let circleID = ledger.fold.circleID
        circles.append((circleID, changedAt))
        // A stay that is no longer there names nobody.
        guard !ledger.isRebuilt, ledger.replacedSessions.isEmpty else { return }
        for attendance in changed { members.append((circleID, attendance.uid)) }
    }

    func write(_ connection: Connection) {
        guard !circles.isEmpty else { return }
        connection.later(
            """
            select roll_up_circles(
                \(circles.map(\.circleID)), \(circles.map(\.changedAt)),
                \(members.map(\.circleID)), \(members.map(\.uid))
            )
            """)
    }
}
