import Domain
import HTTPTypes
import Hummingbird

/// `POST /v1/upload/cover`: where a user may upload a cover, and how.
struct UploadRoutes: Sendable {
    let uploads: Uploads
    let address: PublicAddress
    let clock: any WallClock

    func add(to group: RouterGroup<CirclesRequestContext>) {
        group.serve("upload/cover", [.post: coverTicket])
    }

    @Sendable
    private func coverTicket(_ request: Request, _ context: CirclesRequestContext) async throws
        -> Response
    {
        _ = try context.caller
        var fields = try await JSON.fields(of: request)
        let type = fields.choice("contentType", of: ImageType.self)
        let byteCount = fields.integer("byteCount", range: UploadLimits.coverByteCount)
        _ = fields.required("contentType", type)
        _ = fields.required("byteCount", byteCount)
        try fields.finish()
        guard let type, let byteCount else { throw Problem.internalError }  // finish() has thrown
        let ticket = try uploads.ticket(
            type: type, byteCount: byteCount, now: clock.now(), publicURL: address.url)
        // A signature is for who asked, not for caches.
        return JSON.response(ticket, status: .created, headers: [.cacheControl: "no-store"])
    }
}
