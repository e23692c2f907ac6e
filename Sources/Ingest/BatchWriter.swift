import Database
import Domain

/// The rows that one batch leaves behind, written table by table.
struct BatchWriter {
    var deadLetters: [DeadLetter] = []
    /// The UTC days that history rows fall on, counted from 1970-01-01.
    private(set) var days: Set<Int64> = []

    private var order: [CircleLedger.Accepted] = []
    private var rebuiltCircles: [CircleID] = []
    private var replacedSessions: [(circleID: CircleID, sessionID: SessionID)] = []
    private var summaries: [(circleID: CircleID, summary: CircleFold.Summary)] = []
    private(set) var attendances: [(circleID: CircleID, attendance: Attendance)] = []
    var rsvps = RSVPRows()
    var rollups = RollUps()
    private var unsettled = UnsettledKeys()
    private var cursors: [(circleID: CircleID, key: SourceKey, last: Int64)] = []
    private var gapKeys: [(circleID: CircleID, key: SourceKey)] = []
    private var gaps: [(circleID: CircleID, key: SourceKey, range: ClosedRange<Int64>)] = []

    mutating func append(_ accepted: CircleLedger.Accepted) {
        order.append(accepted)
        days.insert(accepted.event.occurredAt.microseconds / 86_400_000_000)
    }

    /// Takes what changed in a circle.
    mutating func append(_ ledger: CircleLedger) {
        let circleID = ledger.fold.circleID
        if ledger.isRebuilt { rebuiltCircles.append(circleID) }
        summaries.append((circleID, ledger.fold.summary))
        replacedSessions += ledger.replacedSessions.map { (circleID, $0) }
        let changed = ledger.takeChanges()
        for attendance in changed { attendances.append((circleID, attendance)) }
        rsvps.append(ledger)
        rollups.append(ledger, changed)
        unsettled.append(ledger, changed)
        for key in ledger.changedCursors {
            cursors.append((circleID, key, ledger.cursors[key]?.last ?? 0))
        }
        for key in ledger.changedGaps {
            gapKeys.append((circleID, key))
            for range in ledger.cursors[key]?.missing ?? [] {
                gaps.append((circleID, key, range))
            }
        }
        ledger.markWritten()
    }

    /// Most of it waits for the commit and goes to the server in one go: a batch of few events is as
    /// late as its round trips are many.
    ///
    /// - Parameter settles: whether rollups that are settled become unsettled where they change.
    func write(
        topic: String, now: Timestamp, settles: Bool = true, connection: Connection
    ) throws {
        if !order.isEmpty { try writeHistory(connection) }
        if settles { unsettled.write(now: now, connection) }
        if !rebuiltCircles.isEmpty { deleteRebuilt(connection) }
        if !replacedSessions.isEmpty { deleteReplaced(connection) }
        if !summaries.isEmpty { writeSummaries(connection) }
        if !attendances.isEmpty {
            try copyNewAttendances(connection)
            writeAttendances(connection)
            writeMembers(connection)
            writeHands(connection)
            writeInvitations(connection)
            writeTalkMinutes(connection)
            for entry in attendances { entry.attendance.isStored = true }
        }
        rsvps.write(connection)
        rollups.write(connection)
        if !cursors.isEmpty { writeCursors(connection) }
        if !gapKeys.isEmpty { writeGaps(connection) }
        try connection.write(deadLetters, topic: topic, now: now)
    }

    // MARK: History

    private static let historyColumns = """
        circle_id, circle_seq, occurred_at, event_id, event_type, source, source_epoch, source_seq, \
        uid, session_id, actor_uid, role, reason, record
        """

    /// A copy is the fastest way for many rows, and takes two round trips; few go with the rest.
    private static let insertedCountMax = 256

    private func writeHistory(_ connection: Connection) throws {
        guard order.count > Self.insertedCountMax else { return insertHistory(connection) }
        try connection.copy(into: "events (\(Self.historyColumns))") { copy in
            for accepted in order {
                let event = accepted.event
                let payload = event.payload
                try copy.row(columnCount: 14)
                copy.append(event.circleID)
                copy.append(accepted.circleSequence)
                copy.append(event.occurredAt)
                copy.append(event.eventID)
                copy.append(payload.typeName)
                copy.append(event.position.source)
                copy.append(event.position.epoch)
                copy.append(event.position.sequence)
                copy.append(payload.uid)
                copy.append(payload.member?.sessionID)
                copy.append(payload.actorUID)
                copy.append(payload.role?.rawValue)
                copy.append(payload.reason)
                copy.append(Bytes(accepted.record))
            }
        }
    }

    private func insertHistory(_ connection: Connection) {
        let events = order.map(\.event)
        let payloads = events.map(\.payload)
        connection.later(
            """
            insert into events (\(trusted: Self.historyColumns))
            select *
            from unnest(
                \(events.map(\.circleID)), \(order.map(\.circleSequence)),
                \(events.map(\.occurredAt)), \(events.map(\.eventID)),
                \(payloads.map(\.typeName)), \(events.map(\.position.source)),
                \(events.map(\.position.epoch)), \(events.map(\.position.sequence)),
                \(OptionalArray(payloads.map(\.uid))),
                \(OptionalArray(payloads.map(\.member?.sessionID))),
                \(OptionalArray(payloads.map(\.actorUID))),
                \(OptionalArray(payloads.map(\.role?.rawValue))),
                \(OptionalArray(payloads.map(\.reason))), \(order.map { Bytes($0.record) })
            )
            """)
    }

    // MARK: State

    /// Rows by session.
    private static let sessionTables = [
        "members", "hand_raises", "stage_invitations", "talk_minutes", "attendances",
    ]
    private static let rebuiltTables = sessionTables + ["circle_rsvps"]

    private func deleteRebuilt(_ connection: Connection) {
        for table in Self.rebuiltTables {
            connection.later(
                "delete from \(trusted: table) where circle_id = any (\(rebuiltCircles))")
        }
    }

    private func deleteReplaced(_ connection: Connection) {
        for table in Self.sessionTables {
            connection.later(
                """
                delete from \(trusted: table) as stored
                using unnest(
                    \(replacedSessions.map(\.circleID)), \(replacedSessions.map(\.sessionID))
                ) as replaced (circle_id, session_id)
                where stored.circle_id = replaced.circle_id
                    and stored.session_id = replaced.session_id
                """)
        }
    }

    private func writeSummaries(_ connection: Connection) {
        let all = summaries.map(\.summary)
        connection.later(
            """
            insert into circle_sessions (
                circle_id, title, category, privacy, host_uid, created_at, scheduled_at,
                started_at, ended_at, end_reason, peak_listeners, peak_listeners_at,
                peak_speakers, peak_speakers_at, participant_us, attendance_count, member_count,
                hand_raise_count, promotion_count, demotion_count, mute_count, kick_count,
                ban_count
            )
            select *
            from unnest(
                \(summaries.map(\.circleID)),
                \(all.map { $0.details?.title ?? "" }),
                \(all.map { $0.details?.category ?? "" }),
                \(all.map { $0.details?.privacy.rawValue ?? "" }),
                \(all.map { $0.details?.hostUID ?? "" }),
                \(OptionalArray(all.map(\.createdAt))),
                \(OptionalArray(all.map(\.details?.startAt))),
                \(OptionalArray(all.map(\.startedAt))),
                \(OptionalArray(all.map(\.endedAt))),
                \(OptionalArray(all.map(\.endReason?.rawValue))),
                \(all.map(\.peakListeners)),
                \(OptionalArray(all.map(\.peakListenersAt))),
                \(all.map(\.peakSpeakers)),
                \(OptionalArray(all.map(\.peakSpeakersAt))),
                \(all.map(\.participantMicroseconds)),
                \(all.map(\.attendanceCount)),
                \(all.map(\.memberCount)),
                \(all.map(\.handRaiseCount)),
                \(all.map(\.promotionCount)),
                \(all.map(\.demotionCount)),
                \(all.map(\.muteCount)),
                \(all.map(\.kickCount)),
                \(all.map(\.banCount))
            )
            on conflict (circle_id) do update
            set
                title = excluded.title, category = excluded.category,
                privacy = excluded.privacy, host_uid = excluded.host_uid,
                created_at = excluded.created_at, scheduled_at = excluded.scheduled_at,
                started_at = excluded.started_at, ended_at = excluded.ended_at,
                end_reason = excluded.end_reason, peak_listeners = excluded.peak_listeners,
                peak_listeners_at = excluded.peak_listeners_at,
                peak_speakers = excluded.peak_speakers,
                peak_speakers_at = excluded.peak_speakers_at,
                participant_us = excluded.participant_us,
                attendance_count = excluded.attendance_count,
                member_count = excluded.member_count,
                hand_raise_count = excluded.hand_raise_count,
                promotion_count = excluded.promotion_count,
                demotion_count = excluded.demotion_count, mute_count = excluded.mute_count,
                kick_count = excluded.kick_count, ban_count = excluded.ban_count
            """)
    }

    private static let attendanceColumns = """
        circle_id, session_id, uid, joined_at, left_at, leave_reason, first_role, last_role, roles, \
        stage_us, talk_us, hand_raise_count, promotion_count, was_kicked, ice_ms, dtls_ms, \
        first_packet_ms, connected_at
        """

    private func copyNewAttendances(_ connection: Connection) throws {
        guard attendances.contains(where: { !$0.attendance.isStored }) else { return }
        try connection.copy(into: "attendances (\(Self.attendanceColumns))") { copy in
            for (circleID, attendance) in attendances where !attendance.isStored {
                try copy.row(columnCount: 18)
                copy.append(circleID)
                copy.append(attendance.sessionID)
                copy.append(attendance.uid)
                copy.append(attendance.joinedAt)
                copy.append(attendance.leftAt)
                copy.append(attendance.leaveReason?.rawValue)
                copy.append(attendance.roles[0].role.rawValue)
                copy.append(attendance.role.rawValue)
                copy.append(JSONB(attendance.rolesJSON))
                copy.append(attendance.stageMicroseconds)
                copy.append(attendance.talkMicroseconds)
                copy.append(Int32(clamping: attendance.hands.count))
                copy.append(Int32(clamping: attendance.promotionCount))
                copy.append(attendance.wasKicked)
                copy.append(attendance.media.map { Int32(clamping: $0.iceMilliseconds) })
                copy.append(attendance.media.map { Int32(clamping: $0.dtlsMilliseconds) })
                copy.append(attendance.firstPacketMilliseconds.map { Int32(clamping: $0) })
                copy.append(attendance.connectedAt)
            }
        }
    }

    private func writeAttendances(_ connection: Connection) {
        let attendances = attendances.filter(\.attendance.isStored)
        guard !attendances.isEmpty else { return }
        let all = attendances.map(\.attendance)
        connection.later(
            """
            insert into attendances (\(trusted: Self.attendanceColumns))
            select
                circle_id, session_id, uid, joined_at, left_at, leave_reason, first_role,
                last_role, roles::jsonb, stage_us, talk_us, hand_raise_count, promotion_count,
                was_kicked, ice_ms, dtls_ms, first_packet_ms, connected_at
            from unnest(
                \(attendances.map(\.circleID)),
                \(all.map(\.sessionID)),
                \(all.map(\.uid)),
                \(all.map(\.joinedAt)),
                \(OptionalArray(all.map(\.leftAt))),
                \(OptionalArray(all.map(\.leaveReason?.rawValue))),
                \(all.map { $0.roles[0].role.rawValue }),
                \(all.map(\.role.rawValue)),
                \(all.map(\.rolesJSON)),
                \(all.map(\.stageMicroseconds)),
                \(all.map(\.talkMicroseconds)),
                \(all.map(\.hands.count)),
                \(all.map(\.promotionCount)),
                \(all.map(\.wasKicked)),
                \(OptionalArray(all.map(\.media?.iceMilliseconds))),
                \(OptionalArray(all.map(\.media?.dtlsMilliseconds))),
                \(OptionalArray(all.map(\.firstPacketMilliseconds))),
                \(OptionalArray(all.map(\.connectedAt)))
            ) as attendance (\(trusted: Self.attendanceColumns))
            on conflict (circle_id, session_id) do update
            set
                left_at = excluded.left_at, leave_reason = excluded.leave_reason,
                last_role = excluded.last_role, roles = excluded.roles,
                stage_us = excluded.stage_us, talk_us = excluded.talk_us,
                hand_raise_count = excluded.hand_raise_count,
                promotion_count = excluded.promotion_count, was_kicked = excluded.was_kicked,
                ice_ms = excluded.ice_ms, dtls_ms = excluded.dtls_ms,
                first_packet_ms = excluded.first_packet_ms, connected_at = excluded.connected_at
            """)
    }

    /// `members` holds who is inside now: rows of sessions that are over go first, so that a
    /// newer session of the same member finds its place free.
    private func writeMembers(_ connection: Connection) {
        let over = attendances.filter { !$0.attendance.isOpen && $0.attendance.isStored }
        if !over.isEmpty {
            connection.later(
                """
                delete from members
                using unnest(
                    \(over.map(\.circleID)), \(over.map(\.attendance.uid)),
                    \(over.map(\.attendance.sessionID))
                ) as gone (circle_id, uid, session_id)
                where members.circle_id = gone.circle_id and members.uid = gone.uid
                    and members.session_id = gone.session_id
                """)
        }
        let inside = attendances.filter(\.attendance.isOpen)
        guard !inside.isEmpty else { return }
        let all = inside.map(\.attendance)
        connection.later(
            """
            insert into members (
                circle_id, uid, session_id, role, is_muted, is_connected, is_speaking,
                joined_at, last_spoke_at
            )
            select *
            from unnest(
                \(inside.map(\.circleID)), \(all.map(\.uid)), \(all.map(\.sessionID)),
                \(all.map(\.role.rawValue)), \(all.map(\.isMuted)), \(all.map(\.isConnected)),
                \(all.map(\.isSpeaking)), \(all.map(\.joinedAt)), \(OptionalArray(all.map(\.lastSpokeAt)))
            )
            on conflict (circle_id, uid) do update
            set
                session_id = excluded.session_id, role = excluded.role,
                is_muted = excluded.is_muted, is_connected = excluded.is_connected,
                is_speaking = excluded.is_speaking,
                joined_at = excluded.joined_at, last_spoke_at = excluded.last_spoke_at
            """)
    }

    private func writeHands(_ connection: Connection) {
        let hands = attendances.flatMap { entry in
            entry.attendance.changedHands.map { (entry.circleID, entry.attendance, $0) }
        }
        guard !hands.isEmpty else { return }
        connection.later(
            """
            insert into hand_raises (
                circle_id, session_id, raise_number, uid, raised_at, lowered_at, lower_reason,
                spoke_at
            )
            select *
            from unnest(
                \(hands.map(\.0)), \(hands.map(\.1.sessionID)), \(hands.map { $0.2.offset + 1 }),
                \(hands.map(\.1.uid)), \(hands.map(\.2.element.raisedAt)),
                \(OptionalArray(hands.map(\.2.element.loweredAt))),
                \(OptionalArray(hands.map(\.2.element.reason?.rawValue))),
                \(OptionalArray(hands.map(\.2.element.spokeAt)))
            )
            on conflict (circle_id, session_id, raise_number) do update
            set
                raised_at = excluded.raised_at, lowered_at = excluded.lowered_at,
                lower_reason = excluded.lower_reason, spoke_at = excluded.spoke_at
            """)
    }

    // MARK: Numbering

    private func writeCursors(_ connection: Connection) {
        connection.later(
            """
            insert into ingest_cursors (circle_id, source, source_epoch, last_seq)
            select *
            from unnest(
                \(cursors.map(\.circleID)), \(cursors.map(\.key.source)),
                \(cursors.map(\.key.epoch)), \(cursors.map(\.last))
            )
            on conflict (circle_id, source, source_epoch) do update
            set last_seq = excluded.last_seq
            """)
    }

    private func writeGaps(_ connection: Connection) {
        connection.later(
            """
            delete from ingest_gaps
            using unnest(
                \(gapKeys.map(\.circleID)), \(gapKeys.map(\.key.source)),
                \(gapKeys.map(\.key.epoch))
            ) as changed (circle_id, source, source_epoch)
            where ingest_gaps.circle_id = changed.circle_id
                and ingest_gaps.source = changed.source
                and ingest_gaps.source_epoch = changed.source_epoch
            """)
        guard !gaps.isEmpty else { return }
        connection.later(
            """
            insert into ingest_gaps (circle_id, source, source_epoch, first_seq, last_seq)
            select *
            from unnest(
                \(gaps.map(\.circleID)), \(gaps.map(\.key.source)), \(gaps.map(\.key.epoch)),
                \(gaps.map(\.range.lowerBound)), \(gaps.map(\.range.upperBound))
            )
            """)
    }
}
