import API
import Foundation

/// Where covers go.
extension Settings {
    /// How clients reach a service; empty when that is not set.
    func publicURL(_ setting: Setting) throws -> String {
        guard let url = environment.optional(setting) else { return "" }
        guard ["http://", "https://"].contains(where: { url.hasPrefix($0) && url != $0 }),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !url.contains("?"),
            !url.contains("#")
        else {
            throw Environment.Failure(
                name: setting.name, message: "must be an http:// or https:// URL without a query")
        }
        return url
    }

    func uploadSeconds() throws -> Int { try environment.integer(.uploadSeconds, 30...604_800) }

    /// What can be checked without reading the key file, which only the API needs.
    func checkUploads() throws {
        _ = try uploadSeconds()
        let bucket = environment.optional(.gcsBucket)
        if let bucket, !GoogleBucket.isName(bucket) {
            throw Environment.Failure(
                name: Setting.gcsBucket.name, message: "is no name of a bucket: '\(bucket)'")
        }
        try requireTogether([.gcsBucket, .gcsKeyFile])
    }

    /// - Parameter secret: signs the URLs of the folder.
    func uploadStorage(secret: String) throws -> Uploads.Storage {
        try checkUploads()
        guard let bucket = environment.optional(.gcsBucket) else {
            let home = try environment.string(.home)
            return .folder(
                path: environment.optional(.uploadsDirectory) ?? "\(home)/uploads", secret: secret)
        }
        let path = try environment.string(.gcsKeyFile)
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Environment.Failure(
                name: Setting.gcsKeyFile.name, message: "cannot be read: '\(path)'")
        }
        do throws(GoogleBucket.Failure) {
            return .google(try GoogleBucket(name: bucket, keyFile: Array(bytes)))
        } catch {
            throw Environment.Failure(
                name: Setting.gcsKeyFile.name,
                message: "is no service account's JSON key file with an RSA key (\(error))")
        }
    }

    /// Settings that mean something only together.
    func requireTogether(_ settings: [Setting]) throws {
        let missing = settings.filter { environment.optional($0) == nil }
        guard !missing.isEmpty,
            let given = settings.first(where: { environment.optional($0) != nil })
        else { return }
        throw Environment.Failure(
            name: given.name,
            message: "goes only together with \(missing.map(\.name).joined(separator: " and "))")
    }
}
