import HTTPTypes

extension Problem {
    static func unsupportedImage(_ detail: String) -> Problem {
        Problem(
            .unsupportedMediaType, "unsupported_image",
            "The body is no whole image of the declared type", detail: detail)
    }

    static func imageTooLarge(_ detail: String) -> Problem {
        Problem(.contentTooLarge, "image_too_large", "The image is too large", detail: detail)
    }

    static let uploadSignatureInvalid = Problem(
        .forbidden, "upload_signature_invalid", "The upload URL is not one of ours")
    static let uploadExpired = Problem(
        .forbidden, "upload_expired", "The upload URL has expired; ask for another")
    static let uploadIncomplete = Problem(
        .unprocessableContent, "upload_incomplete", "The body is shorter than was announced")
    static let uploadTooSlow = Problem(
        .requestTimeout, "upload_too_slow", "The body took too long to arrive")
    static let uploadAlreadyUsed = Problem(
        .conflict, "upload_already_used", "Another image was uploaded to this URL")
    static let coverNotFound = Problem(.notFound, "cover_not_found", "No such cover")
    static let uploadStorageFull = Problem(
        .init(code: 507, reasonPhrase: "Insufficient Storage"), "upload_storage_full",
        "There is no room for more covers")
}
