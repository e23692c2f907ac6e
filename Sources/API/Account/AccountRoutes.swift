import CircleStore
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import Tokens

/// What concerns the caller and no circle: `/v1/me`.
struct AccountRoutes: Sendable {
    let store: CircleStore

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("me/history", [.get: history])
        group.serve("me/devices/{deviceId}", [.put: registerDevice, .delete: removeDevice])
    }

    @Sendable
    private func history(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let page = try PageQuery(
            request.uri.queryParameters, decode: HistoryCursor.decode,
            other: { _, _ in "is not a parameter of this route" })
        let attendances = try await store.history(
            limit: page.limit + 1, after: page.position, of: context.caller)
        let shown = attendances.prefix(page.limit)
        let last = attendances.count > page.limit ? shown.last : nil
        return JSON.response(
            HistoryBody(
                attendances: shown.map(AttendanceBody.init),
                nextCursor: last.map {
                    HistoryCursor.encode(
                        HistoryPosition(joinedAt: $0.joinedAt, sessionID: $0.sessionID))
                }))
    }

    private struct DeviceBody: Encodable {
        let deviceId: String
        let platform: String
    }

    @Sendable
    private func registerDevice(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        let deviceID = try deviceID(context)
        var fields = try await JSON.fields(of: request)
        let platform: PushDevice.Platform? = fields.choice("platform")
        let token = fields.name("pushToken", byteCount: Limits.pushTokenByteCount)
        _ = fields.required("platform", platform)
        _ = fields.required("pushToken", token)
        try fields.finish()
        guard let platform, let token else { throw Problem.internalError }  // finish() has thrown
        try await store.registerDevice(
            PushDevice(deviceID: deviceID, platform: platform, pushToken: token),
            by: context.caller)
        return JSON.response(DeviceBody(deviceId: deviceID, platform: platform.rawValue))
    }

    @Sendable
    private func removeDevice(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        try await JSON.requireEmpty(request)
        try await store.removeDevice(deviceID(context), by: context.caller)
        return Response(status: .noContent)
    }

    private func deviceID(_ context: CirclesRequestContext) throws -> String {
        guard let text = context.parameters.get("deviceId")?.removingPercentEncoding,
            Limits.isName(text, byteCount: Limits.deviceIDByteCount)
        else {
            throw Problem.validation([
                .init(
                    field: "deviceId", message: "must have 1 to 128 printable ASCII characters")
            ])
        }
        return text
    }
}

/// The opaque form of a place in a user's history.
enum HistoryCursor {
    static func encode(_ position: HistoryPosition) -> String {
        KeysetCursor.encode(position.joinedAt, position.sessionID)
    }

    static func decode(_ cursor: String) -> HistoryPosition? {
        KeysetCursor.decode(cursor).map { HistoryPosition(joinedAt: $0, sessionID: $1) }
    }
}

private struct HistoryBody: Encodable {
    let attendances: [AttendanceBody]
    /// Goes into `startAfter` for the next page; absent on the last.
    let nextCursor: String?
}

private struct AttendanceBody: Encodable {
    let circleId: CircleID
    let title: String
    let hostUid: String
    let sessionId: SessionID
    let joinedAt: Timestamp
    /// Absent while it lasts.
    let leftAt: Timestamp?
    let leaveReason: String?
    let firstRole: Role
    let lastRole: Role
    let talkSeconds: Double
    let handRaiseCount: Int

    init(_ attendance: PastAttendance) {
        circleId = attendance.circleID
        title = attendance.title
        hostUid = attendance.hostUID
        sessionId = attendance.sessionID
        joinedAt = attendance.joinedAt
        leftAt = attendance.leftAt
        leaveReason = attendance.leaveReason
        firstRole = attendance.firstRole
        lastRole = attendance.lastRole
        talkSeconds = Double(attendance.talkMicroseconds / 1000) / 1000
        handRaiseCount = attendance.handRaiseCount
    }
}
