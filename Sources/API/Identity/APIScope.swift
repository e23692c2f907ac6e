/// What a client may do with its API key, whoever its user is.
public enum APIScope: String, Sendable, CaseIterable, Hashable {
    /// See circles, their members and their events.
    case circlesRead = "circles:read"
    /// Create, change, join and moderate circles.
    case circlesWrite = "circles:write"
    /// Put covers and other files into storage.
    case uploadsWrite = "uploads:write"
    /// The user's own history and devices.
    case me = "me"
}

/// Which scope each route under `/v1` takes: the one table. A route that is not in it is refused,
/// and a test finds it.
enum RouteScopes {
    struct Required: Sendable {
        /// For GET and HEAD.
        let read: APIScope
        /// For everything else.
        let write: APIScope

        static let circles = Required(read: .circlesRead, write: .circlesWrite)
        static let me = Required(read: .me, write: .me)
        static let uploads = Required(read: .uploadsWrite, write: .uploadsWrite)
    }

    static let table: [String: Required] = [
        "/v1/circles": .circles,
        "/v1/circles/{id}": .circles,
        "/v1/circles/{id}/join": .circles,
        "/v1/circles/{id}/leave": .circles,
        "/v1/circles/{id}/hand-raise": .circles,
        "/v1/circles/{id}/promote": .circles,
        "/v1/circles/{id}/invitation": .circles,
        "/v1/circles/{id}/actions": .circles,
        "/v1/circles/{id}/co-hosts/{uid}": .circles,
        "/v1/circles/{id}/rsvp": .circles,
        "/v1/circles/{id}/token": .circles,
        "/v1/circles/{id}/reports": .circles,
        "/v1/circles/{id}/events": .circles,
        "/v1/upload/cover": .uploads,
        "/v1/me/history": .me,
        "/v1/me/devices/{deviceId}": .me,
    ]

    /// Routes that clients of another kind call, without an API key.
    static let keyless: Set = ["/v1/webhooks/livekit", "/v1/unsubscribe/{token}"]
}
