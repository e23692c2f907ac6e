import Foundation
import Jobs

/// Who is told of incidents.
extension Settings {
    struct Alerts {
        let pagerDutyURL: String
        let pagerDutyRoutingKey: String?
        let alertmanagerURL: String?
        let webhookURL: String?
        /// Empty when there is none.
        let runbookURL: String
        let rulesOff: Set<AlertRule>
    }

    func alerts() throws -> Alerts {
        let routingKey = environment.optional(.pagerDutyRoutingKey)
        if let routingKey {
            guard routingKey.utf8.count == 32,
                routingKey.utf8.allSatisfy({ (0x30...0x39).contains($0) || isLetter($0) })
            else {
                throw Environment.Failure(
                    name: Setting.pagerDutyRoutingKey.name,
                    message: "must be an integration key of 32 letters and digits")
            }
        }
        return Alerts(
            pagerDutyURL: try receiverURL(.pagerDutyURL) ?? PagerDutyReceiver.defaultURL,
            pagerDutyRoutingKey: routingKey,
            alertmanagerURL: try receiverURL(.alertmanagerURL),
            webhookURL: try receiverURL(.alertWebhookURL),
            runbookURL: try receiverURL(.alertRunbookURL) ?? "",
            rulesOff: try rulesOff())
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// The value is not in the error: a webhook's URL is a secret.
    private func receiverURL(_ setting: Setting) throws -> String? {
        guard let text = environment.optional(setting) else { return nil }
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme),
            url.host?.isEmpty == false, url.fragment == nil,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Environment.Failure(
                name: setting.name, message: "must be an http:// or https:// URL")
        }
        return text
    }

    private func rulesOff() throws -> Set<AlertRule> {
        let names = (environment.optional(.alertRulesOff) ?? "").split(separator: ",").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        return Set(
            try names.map { name in
                guard let rule = AlertRule(rawValue: name) else {
                    let known = AlertRule.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Environment.Failure(
                        name: Setting.alertRulesOff.name, message: "must be names of \(known)")
                }
                return rule
            })
    }
}
