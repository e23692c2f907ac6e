import Domain

/// A chat that takes Slack's incoming webhooks. It knows no keys, so that a message that may have
/// arrived is not sent again.
/// Source: api.slack.com, "Sending messages using incoming webhooks", "Formatting text".
public struct ChatReceiver: AlertReceiver {
    /// Characters of one section.
    private static let sectionCountMax = 3000

    public let name = AlertReceiverName.webhook
    private let url: String
    private let http: AlertHTTP

    /// - Parameter url: the webhook's, a secret.
    public init(url: String) {
        self.init(url: url, http: AlertHTTP())
    }

    init(url: String, http: AlertHTTP) {
        self.url = url
        self.http = http
    }

    private struct Message: Encodable {
        struct Block: Encodable {
            struct Text: Encodable {
                let type: String
                let text: String
            }

            let type: String
            let text: Text
        }

        /// For notifications, and for chats that know no blocks.
        let text: String
        let blocks: [Block]
    }

    public func send(_ notice: AlertNotice, at now: Timestamp) async -> AlertAnswer {
        let mark = notice.action == .trigger ? ":rotating_light:" : ":white_check_mark:"
        let word =
            notice.action == .trigger
            ? notice.severity.rawValue : "resolved (\(notice.clearReason ?? "over"))"
        let title = "\(mark) *\(word)* \(Self.escaped(notice.summary))"
        var blocks = [Self.section(title)]
        if notice.action == .trigger {
            let lines = notice.facts.map { "*\($0.name)*: \(Self.escaped($0.value))" }
            blocks.append(Self.section(lines.joined(separator: "\n")))
        }
        let message = Message(text: Self.shortened(title), blocks: blocks)
        return switch await http.post(json(message), to: url) {
        case .answer(let answer) where (200..<300).contains(answer.status): .accepted
        // Turned away at the door; other errors may come after the message is posted.
        case .answer(let answer) where answer.status == 429 || answer.status == 503:
            .later(answer.explained, afterSeconds: answer.retryAfterSeconds)
        case .answer(let answer) where answer.status >= 500: .unknown(answer.explained)
        case .answer(let answer): .refused(answer.explained)
        case .notSent(let text): .later(text, afterSeconds: nil)
        case .unanswered(let text): .unknown(text)
        }
    }

    private static func section(_ text: String) -> Message.Block {
        .init(type: "section", text: .init(type: "mrkdwn", text: shortened(text)))
    }

    /// Cut where nothing escaped is cut in two.
    private static func shortened(_ text: String) -> String {
        guard text.count > sectionCountMax else { return text }
        var cut = text.prefix(sectionCountMax - 1)
        if let ampersand = cut.suffix(5).lastIndex(of: "&"),
            !cut[ampersand...].contains(";")
        {
            cut = cut[..<ampersand]
        }
        return cut + "…"
    }

    /// The three characters that mean something to Slack everywhere.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;")
    }
}
