import Database
import Domain

/// What a host asks for when creating a circle; the values are within `Limits`.
public struct CircleDraft: Sendable {
    public var details: CircleDetails
    public var invitedUIDs: [String]
    /// Whether it goes live at once, with its host in it.
    public var startsNow: Bool

    public init(details: CircleDetails, invitedUIDs: [String], startsNow: Bool) {
        self.details = details
        self.invitedUIDs = invitedUIDs
        self.startsNow = startsNow
    }
}

/// What a host changes; `nil` leaves a value as it is.
public struct CirclePatch: Sendable, Equatable {
    public var title: String?
    public var category: String?
    public var privacy: Privacy?
    public var coHostUIDs: [String]?
    public var invitedUIDs: [String]?
    public var coverURL: String?
    public var startAt: Timestamp?
    public var durationMinutes: Int?
    public var maxSpeakers: Int?
    public var maxListeners: Int?
    public var micPolicy: MicPolicy?
    /// Whether to open the circle now.
    public var starts: Bool

    public init() {
        starts = false
    }

    func applied(to details: CircleDetails) -> CircleDetails {
        var changed = details
        changed.title = title ?? changed.title
        changed.category = category ?? changed.category
        changed.privacy = privacy ?? changed.privacy
        changed.coHostUIDs = coHostUIDs?.filter { $0 != details.hostUID } ?? changed.coHostUIDs
        changed.coverURL = coverURL ?? changed.coverURL
        changed.startAt = startAt ?? changed.startAt
        changed.durationMinutes = durationMinutes ?? changed.durationMinutes
        changed.maxSpeakers = maxSpeakers ?? changed.maxSpeakers
        changed.maxListeners = maxListeners ?? changed.maxListeners
        changed.micPolicy = micPolicy ?? changed.micPolicy
        return changed
    }
}

/// A circle and the seat that a command gave its caller in it.
public struct Admission: Sendable {
    public let circle: Circle
    /// `nil` when the circle has not begun.
    public let seat: Seat?
    /// Whether the seat was there before.
    public let isResumed: Bool
    /// Where the circle's media is; `nil` when it has not begun or no node lives.
    public let node: SFUNode?
}

extension CircleStore {
    /// Creates a circle; its creator is the host.
    ///
    /// - Parameter id: for the new circle, chosen by the caller; if a circle of the same host has
    ///   it already, that one is returned as resumed, so creating twice by one id creates once.
    /// - Throws: `CreationLimitReached` for the sixth in 24 hours.
    public func create(
        _ draft: CircleDraft, id: CircleID? = nil, by caller: Caller
    ) async throws -> Admission {
        precondition(draft.details.hostUID == caller.uid, "the creator is the host")
        let now = clock.now()
        let store = self
        let admission = try await pool.transaction(settings: caller.rowSecurity) { connection in
            // The lock makes the limit exact across processes: a host's creations queue here.
            try connection.query(
                "select pg_advisory_xact_lock(hashtextextended(\(caller.uid), 1))")
            if let id,
                let existing = try connection.created(id, by: caller, store: store)
            {
                return existing
            }
            try connection.requireCreation(by: caller.uid, now: now)
            let circle = Circle(
                circleID: id ?? CircleID(now: now), details: draft.details, status: .scheduled,
                createdAt: now, startedAt: nil, endedAt: nil)
            try connection.insert(circle, hostEmail: caller.email)
            var transaction = CircleTransaction(
                connection: connection, created: circle, caller: caller, settings: store.settings)
            try transaction.replaceInvitations(draft.invitedUIDs)
            transaction.record(.circleCreated(draft.details))
            var seat: Seat?
            if draft.startsNow {
                try transaction.start()
                seat = try transaction.admit(try transaction.occupancy())
            }
            try transaction.writeEvents()
            return Admission(
                circle: transaction.circle, seat: seat, isResumed: false,
                node: seat == nil ? nil : try transaction.place())
        }
        signal.send()
        return admission
    }

    /// Changes a circle that has not begun, and opens it if the patch says so.
    ///
    /// - Throws: `VersionMismatch` when the condition does not hold.
    public func update(
        _ circleID: CircleID, _ patch: CirclePatch, if condition: VersionCondition = .any,
        by caller: Caller
    ) async throws -> Circle {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireModerator()
            try condition.require(transaction.circle.version)
            switch transaction.circle.status {
            case .scheduled: break
            case .live: throw CommandError.circleAlreadyStarted
            case .ended: throw CommandError.circleEnded
            }
            let details = patch.applied(to: transaction.circle.details)
            if details.coHostUIDs != transaction.circle.details.coHostUIDs {
                guard caller.uid == details.hostUID else { throw CommandError.forbidden }
            }
            let isOther = details != transaction.circle.details
            if isOther { try transaction.replaceDetails(details) }
            if let invited = patch.invitedUIDs {
                try transaction.replaceInvitations(invited)
                if !isOther { try transaction.raiseVersion() }
            }
            if patch.starts {
                try transaction.start()
            }
            return transaction.circle
        }
    }

    /// Opens a scheduled circle.
    public func start(_ circleID: CircleID, by caller: Caller) async throws -> Circle {
        var patch = CirclePatch()
        patch.starts = true
        return try await update(circleID, patch, by: caller)
    }

    /// Ends a circle for everyone in it.
    ///
    /// - Throws: `VersionMismatch` when the condition does not hold.
    public func end(
        _ circleID: CircleID, reason: EndReason = .host, if condition: VersionCondition = .any,
        by caller: Caller
    ) async throws -> Circle {
        try await command(on: circleID, by: caller) { transaction in
            try transaction.requireModerator()
            try condition.require(transaction.circle.version)
            guard transaction.circle.status != .ended else { throw CommandError.circleEnded }
            try transaction.end(reason)
            return transaction.circle
        }
    }
}

extension Connection {
    /// The circle that an earlier try created under this id; `nil` when there is none.
    ///
    /// - Throws: `CommandError.circleNotFound` when the id is another host's circle.
    fileprivate func created(
        _ id: CircleID, by caller: Caller, store: CircleStore
    ) throws -> Admission? {
        let rows = try query("select creator_uid from circles where circle_id = \(id)")
        guard let row = rows.first else { return nil }
        guard try row.get(0, as: String.self) == caller.uid else {
            throw CommandError.circleNotFound
        }
        let transaction = try CircleTransaction(
            connection: self, circleID: id, caller: caller, store: store)
        let seat = transaction.callerSeatBefore
        return Admission(
            circle: transaction.circle, seat: seat, isResumed: true,
            node: seat == nil ? nil : try transaction.place())
    }

    /// - Throws: `CreationLimitReached`, with the time until the oldest creation is a day old.
    fileprivate func requireCreation(by uid: String, now: Timestamp) throws {
        let daySeconds: Int64 = 86_400
        let row = try query(
            """
            select count(*), min(created_at) from circles
            where creator_uid = \(uid) and created_at > \(now.adding(seconds: -daySeconds))
            """)[0]
        let count: Int = try row.get(0)
        guard count >= Limits.creationsPerHostAndDay else { return }
        let oldest: Timestamp = try row.optional(1) ?? now
        let microseconds = oldest.adding(seconds: daySeconds).microseconds - now.microseconds
        throw CreationLimitReached(
            retryAfterSeconds: max(1, (microseconds + 999_999) / 1_000_000))
    }

    fileprivate func insert(_ circle: Circle, hostEmail: String?) throws {
        let details = circle.details
        try query(
            """
            insert into circles (
                circle_id, title, category, privacy, creator_uid, host_uid, host_email,
                co_host_uids, cover_url, start_at, duration_min, max_speakers, max_listeners, mic_policy,
                status, created_at, last_event_at
            )
            values (
                \(circle.circleID), \(details.title), \(details.category),
                \(details.privacy.rawValue), \(details.hostUID), \(details.hostUID), \(hostEmail),
                \(details.coHostUIDs), \(details.coverURL), \(details.startAt),
                \(Int32(details.durationMinutes)), \(Int32(details.maxSpeakers)),
                \(Int32(details.maxListeners)), \(details.micPolicy.rawValue),
                \(circle.status.rawValue), \(circle.createdAt), \(circle.createdAt)
            )
            """)
    }
}
