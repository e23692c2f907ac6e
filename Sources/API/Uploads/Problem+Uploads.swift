import HTTPTypes

extension Problem {
    static func unsupportedImage(_ detail: String) -> Problem {
        Problem(
            .unsupportedImage, "The body is no whole image of the declared type", detail: detail)
    }

    static func imageTooLarge(_ detail: String) -> Problem {
        Problem(.imageTooLarge, "The image is too large", detail: detail)
    }

    static let uploadSignatureInvalid = Problem(
        .uploadSignatureInvalid, "The upload URL is not one of ours")
    static let uploadExpired = Problem(
        .uploadExpired, "The upload URL has expired; ask for another")
    static let uploadIncomplete = Problem(
        .uploadIncomplete, "The body is shorter than was announced")
    static let uploadTooSlow = Problem(
        .uploadTooSlow, "The body took too long to arrive")
    static let uploadAlreadyUsed = Problem(
        .uploadAlreadyUsed, "Another image was uploaded to this URL")
    static let coverNotFound = Problem(.coverNotFound, "No such cover")
    static let uploadStorageFull = Problem(
        .uploadStorageFull, "There is no room for more covers")
}
