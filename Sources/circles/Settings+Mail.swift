import Foundation
import Jobs
import Tokens

/// The mail to hosts: its links and its signature.
extension Settings {
    /// What can be checked without reading the key file, which only Jobs needs.
    func checkMail() throws {
        _ = try environment.secret(.unsubscribeSecret)
        _ = try mailLinks()
        try requireTogether([.dkimKeyFile, .dkimSelector])
        for setting in [Setting.dkimSelector, .dkimDomain] {
            guard let name = environment.optional(setting) else { continue }
            guard DKIMSigner.isName(name) else {
                throw Environment.Failure(
                    name: setting.name,
                    message: "must be labels of letters, digits and hyphens, with dots between")
            }
        }
    }

    /// A password that crosses a network in clear is everybody's.
    func checkPasswordIsEncrypted(_ smtpURL: String) throws {
        guard environment.optional(.smtpUser) != nil, smtpURL.hasPrefix("smtp://"),
            try !environment.bool(.smtpTLS)
        else { return }
        let host = (URLComponents(string: smtpURL)?.host ?? "").trimmingCharacters(in: ["[", "]"])
        guard ["localhost", "127.0.0.1", "::1"].contains(host) else {
            throw Environment.Failure(
                name: Setting.smtpTLS.name,
                message: "must be true where SMTP_USER signs in at another machine by smtp://")
        }
    }

    /// The authorities that may sign the server's certificate, which only Jobs reads.
    func smtpAuthorityFile() throws -> String? {
        guard let path = environment.optional(.smtpAuthorityFile) else { return nil }
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw Environment.Failure(
                name: Setting.smtpAuthorityFile.name, message: "cannot be read: \(path)")
        }
        return path
    }

    /// - Returns: `nil` without a secret.
    func unsubscribeTokens() throws -> UnsubscribeTokens? {
        let secret =
            try environment.secret(.unsubscribeSecret) ?? environment.secret(.mediaSecret)
        return secret.map { UnsubscribeTokens(secret: $0) }
    }

    func mailLinks() throws -> MailLinks {
        let address = environment.optional(.unsubscribeAddress) ?? ""
        guard address.isEmpty || MailMessage.isAddress(address) else {
            throw Environment.Failure(
                name: Setting.unsubscribeAddress.name,
                message: "must be a plain address, local@domain")
        }
        let publicURL = try linkedURL()
        return MailLinks(
            reportURL: try reportURL() ?? (publicURL.isEmpty ? "" : "\(publicURL)/#/c/{circleId}"),
            publicURL: publicURL, tokens: try unsubscribeTokens(), unsubscribeAddress: address)
    }

    /// How clients reach the API, as far as another process can know it: a port that the API has
    /// yet to find leads nowhere.
    private func linkedURL() throws -> String {
        let url = try publicURL(.apiPublicURL)
        guard url.isEmpty else { return url.hasSuffix("/") ? String(url.dropLast()) : url }
        let (host, port) = (
            try environment.string(.apiHost), try environment.integer(.apiPort, 0...65_535)
        )
        return port == 0 ? "" : "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    private func reportURL() throws -> String? {
        guard let url = environment.optional(.reportURL) else { return nil }
        guard ["http://", "https://"].contains(where: { url.hasPrefix($0) && url != $0 }),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Environment.Failure(
                name: Setting.reportURL.name, message: "must be an http:// or https:// URL")
        }
        return url
    }

    /// - Returns: `nil` when mail goes unsigned.
    func dkimSigner() throws -> DKIMSigner? {
        guard let path = environment.optional(.dkimKeyFile),
            let selector = environment.optional(.dkimSelector)
        else { return nil }
        let sender = try environment.string(.mailFrom)
        let domain =
            environment.optional(.dkimDomain)
            ?? sender.split(separator: "@").last.map(String.init) ?? ""
        do {
            let pem = try String(contentsOfFile: path, encoding: .utf8)
            return try DKIMSigner(domain: domain, selector: selector, pem: pem)
        } catch let failure as DKIMSigner.Failure {
            throw Environment.Failure(name: Setting.dkimKeyFile.name, message: "\(failure)")
        } catch {
            throw Environment.Failure(
                name: Setting.dkimKeyFile.name, message: "cannot be read: \(path)")
        }
    }
}
