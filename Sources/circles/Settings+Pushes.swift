import Foundation
import Jobs

/// Reminders, and where pushes go.
extension Settings {
    /// What can be checked without reading the key file, which only Jobs needs.
    func checkPushes() throws {
        _ = try reminders()
        _ = try fcmURL()
        if let project = environment.optional(.fcmProject), !ServiceAccount.isProjectID(project) {
            throw Environment.Failure(
                name: Setting.fcmProject.name, message: "is no name of a project: '\(project)'")
        }
    }

    func reminders() throws -> ReminderJob.Configuration {
        let link = try environment.string(.pushDeepLink)
        guard link.contains("{id}"), link.utf8.count <= 256,
            link.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Environment.Failure(
                name: Setting.pushDeepLink.name,
                message: "must be a URL of at most 256 printable ASCII characters with {id} in it")
        }
        return ReminderJob.Configuration(
            leadSeconds: Int64(try environment.integer(.reminderMinutes, 1...1440)) * 60,
            deepLink: link)
    }

    /// - Returns: `nil` when pushes are written to a file only.
    func fcm() throws -> FCMClient.Configuration? {
        try checkPushes()
        guard let path = environment.optional(.fcmServiceAccount) else { return nil }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Environment.Failure(
                name: Setting.fcmServiceAccount.name, message: "cannot be read: '\(path)'")
        }
        let url = try fcmURL()
        do throws(ServiceAccount.Failure) {
            let account = try ServiceAccount(
                keyFile: Array(bytes), projectID: environment.optional(.fcmProject))
            return FCMClient.Configuration(account: account, baseURL: url)
        } catch {
            throw Environment.Failure(
                name: Setting.fcmServiceAccount.name,
                message: "is no service account's JSON key file that can be used (\(error))")
        }
    }

    /// Where pushes are written when there is no Firebase.
    func pushLogPath() throws -> String { try environment.string(.home) + "/pushes.jsonl" }

    private func fcmURL() throws -> String {
        let url = try environment.string(.fcmURL)
        guard FCMClient.isURL(url) else {
            throw Environment.Failure(
                name: Setting.fcmURL.name,
                message: "must be an https:// URL without a query, or http:// on this machine")
        }
        return url
    }
}
