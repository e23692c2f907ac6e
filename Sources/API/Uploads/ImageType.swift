/// The kinds of image that a cover may be. The raw value is its media type.
enum ImageType: String, CaseIterable, Sendable {
    case jpeg = "image/jpeg"
    case png = "image/png"
    case webp = "image/webp"

    var fileExtension: String {
        switch self {
        case .jpeg: "jpg"
        case .png: "png"
        case .webp: "webp"
        }
    }

    /// Checks that an image is of this kind, whole, alone in its file and no larger than allowed.
    func check(_ bytes: [UInt8]) throws(ImageDefect) -> ImageSize {
        switch self {
        case .jpeg: try JPEGCheck.size(of: bytes)
        case .png: try PNGCheck.size(of: bytes)
        case .webp: try WebPCheck.size(of: bytes)
        }
    }
}

/// Width and height in pixels, both within `UploadLimits.imageSide`.
struct ImageSize: Equatable, Sendable {
    let width: Int
    let height: Int

    init(width: Int, height: Int) throws(ImageDefect) {
        guard width > 0, height > 0 else { throw .malformed("has no pixels") }
        guard UploadLimits.imageSide.contains(width), UploadLimits.imageSide.contains(height)
        else { throw .tooLarge }
        self.width = width
        self.height = height
    }
}

/// Why an image was refused.
enum ImageDefect: Error, Equatable {
    /// It does not begin as its media type says.
    case otherType
    /// It ends too early.
    case truncated
    /// Bytes follow its end: it may be another kind of file as well.
    case trailingBytes
    case tooLarge
    /// It inflates to more than it says.
    case inflatesTooFar
    /// It has several pictures.
    case animated
    /// What is wrong, as a sentence about the image goes on.
    case malformed(String)

    var problem: Problem {
        switch self {
        case .tooLarge:
            let side = UploadLimits.imageSide.upperBound
            return .imageTooLarge("The image must be at most \(side) by \(side) pixels")
        case .otherType: return .unsupportedImage("The bytes are not of the declared type")
        case .truncated: return .unsupportedImage("The image is cut off")
        case .trailingBytes: return .unsupportedImage("Bytes follow the end of the image")
        case .inflatesTooFar: return .unsupportedImage("The image inflates to more than it says")
        case .animated: return .unsupportedImage("The image is animated")
        case .malformed(let what): return .unsupportedImage("The image \(what)")
        }
    }
}
