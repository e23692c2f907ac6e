import BlockingThread
import Database
import Domain
import Embedded
import Foundation
import Logging
import TestKit
import Testing

@testable import Jobs

@Suite("Summaries, against PostgreSQL and SMTP servers", .serialized, .timeLimit(.minutes(5)))
final class SummaryJobTests: Sendable {
    /// At port 1 (tcpmux) nothing listens.
    private static let nowhere = "smtp://127.0.0.1:1"

    private let clock = ManualClock()
    private let store: TestStore
    private let home: String
    private let mailbox: EmbeddedMailbox

    init() async throws {
        let home = NSTemporaryDirectory() + "/circles-mail-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        self.home = home
        store = try TestStore(clock: clock, poolSize: 1)
        mailbox = try await BlockingThread.run(name: "mailbox") { try EmbeddedMailbox(home: home) }
    }

    deinit {
        mailbox.stop()
        store.close()
        try? FileManager.default.removeItem(atPath: home)  // what stays is in /tmp
    }

    private func runOnce(_ smtpURL: String) async throws -> Int {
        let (url, clock) = (store.databaseURL, clock)
        return try await BlockingThread.run(name: "jobs") {
            let job = try SummaryJob(
                client: SMTPClient(configuration: .init(url: smtpURL, requiresTLS: false)),
                sender: "circles@example.org", clock: clock,
                logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
            return try job.runOnce(Connection(url: url, applicationName: "tests"))
        }
    }

    private func circleID(_ number: Int) -> CircleID {
        CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number))
    }

    /// The circle ran 91 minutes by default.
    private func insert(
        _ number: Int, email: String? = "ada@example.org", title: String = "Vinyl night",
        startedAgo: Int64? = 5520, endedAgo: Int64? = 60
    ) async throws {
        let now = clock.now()
        try await store.insertSession(
            circleID(number), hostUID: "host-\(number)", email: email, title: title,
            startedAt: startedAgo.map { now.adding(seconds: -$0) },
            endedAt: endedAgo.map { now.adding(seconds: -$0) })
    }

    /// `uid|status|attempts` of each notification, by number.
    private func notifications() async throws -> [String] {
        let rows = try await store.text(
            "select recipient_uid, status, attempt_count from notifications order by subject_id")
        return rows.split(separator: "\n").map(String.init)
    }

    // MARK: Once

    @Test(
        "a circle that ended gives its host one mail, right in header, text and HTML",
        arguments: [
            (title: "Vinyl night", line: "Vinyl night", html: "Vinyl night"),
            (
                title: "Jazz <b>& more</b>\r\nBcc: eve@example.org\r\n\r\n.\r\nQUIT",
                line: "Jazz <b>& more</b> Bcc: eve@example.org . QUIT",
                html: "Jazz &lt;b&gt;&amp; more&lt;/b&gt; Bcc: eve@example.org . QUIT"
            ),
        ])
    func sendsOne(title: String, line: String, html: String) async throws {
        try await insert(7, title: title)
        #expect(try await runOnce(mailbox.url) == 1)
        #expect(mailbox.messages().count == 1)
        let message = try #require(mailbox.messages().first)
        for field in [
            "From: Circles <circles@example.org>", "To: ada@example.org",
            "X-RcptTo: ada@example.org",
            "Message-ID: <summary.\(circleID(7))@example.org>",
            "Date: Mon, 23 Nov 2026 18:00:00 +0000",
        ] {
            #expect("\n\(message)".contains("\n\(field)\n"), "\(field)")
        }
        #expect(!message.contains("\nBcc:"))
        let parts = try decoded(message)
        #expect(parts[0] == "Your circle “\(line)” in numbers")
        #expect(parts[1].hasPrefix("\(line)\n"))
        #expect(parts[2].contains("<title>\(html)</title>"))
        let words = parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("23 Nov 2026, 16:28 to 17:59 UTC"))
        for (label, value) in [
            ("Duration", "91.0 min"), ("People", "112"), ("Most listeners at once", "87"),
            ("Most people on stage at once", "6"), ("Participant-minutes", "341.5"),
            ("Muted", "3"), ("Taken off the stage", "4"), ("Removed", "2"), ("Banned", "1"),
        ] {
            #expect(words.contains("\(label): \(value)"), "\(words)")
            #expect(parts[2].contains(">\(label)<") && parts[2].contains(">\(value)<"))
        }
        #expect(try await notifications() == ["host-7|sent|1"])
    }

    @Test("a second look and a replay of the events send nothing more")
    func sendsNothingTwice() async throws {
        try await insert(1)
        #expect(try await runOnce(mailbox.url) == 1)
        #expect(try await runOnce(mailbox.url) == 0)
        try await store.pool.withConnection { try $0.script("truncate circle_sessions") }
        #expect(try await runOnce(mailbox.url) == 0)
        try await insert(1, title: "Told otherwise")
        #expect(try await runOnce(mailbox.url) == 0)
        #expect(mailbox.messages().count == 1)
        #expect(try await notifications() == ["host-1|sent|1"])
    }

    @Test("two jobs at once send 30 summaries once each", arguments: ["no", "stale"])
    func sharesWork(statistics: String) async throws {
        try await insert(0)
        #expect(try await runOnce(mailbox.url) == 1)
        // The planner then believes that the table has one row, and plans accordingly.
        let analyze = statistics == "stale" ? "analyze notifications" : ""
        try await store.pool.withConnection { try $0.script(analyze) }
        for number in 1...30 { try await insert(number, email: "host-\(number)@example.org") }
        async let first = runOnce(mailbox.url)
        async let second = runOnce(mailbox.url)
        let count = try await first + second
        #expect(count == 30)
        #expect(try await notifications() == (0...30).map { "host-\($0)|sent|1" })
        let messages = mailbox.messages()
        #expect(messages.count == 31)
        for number in 1...30 {
            #expect(messages.count { $0.contains("\nX-RcptTo: host-\(number)@") } == 1)
        }
    }

    @Test("while no server listens a mail is put off; then it is sent once")
    func retries() async throws {
        try await insert(1)
        #expect(try await runOnce(Self.nowhere) == 1)
        #expect(try await notifications() == ["host-1|pending|1"])
        let later: SQL = "select count(*) from notifications where next_attempt_at > \(clock.now())"
        #expect(try await store.number(later) == 1)
        #expect(try await runOnce(mailbox.url) == 0)
        clock.advance(seconds: 3600)
        #expect(try await runOnce(mailbox.url) == 1)
        #expect(try await runOnce(mailbox.url) == 0)
        #expect(mailbox.messages().count == 1)
        #expect(try await notifications() == ["host-1|sent|2"])
    }

    // MARK: Not at all

    @Test("who has asked for no more gets none, also of a circle whose mail waited")
    func heedsUnsubscribes() async throws {
        try await insert(1)
        #expect(try await runOnce(Self.nowhere) == 1)
        try await insert(2)
        for uid in ["host-1", "host-2"] { try await store.store.unsubscribe(uid, from: "summary") }
        try await insert(3)
        clock.advance(seconds: 60)
        #expect(try await runOnce(mailbox.url) == 2)
        #expect(
            try await notifications()
                == ["host-1|skipped|2", "host-2|skipped|0", "host-3|sent|1"])
        #expect(mailbox.messages().count == 1)
    }

    @Test("nobody is mailed without an address, nor of what is not over or was over yesterday")
    func refusesAddresses() async throws {
        let bad = ["a@example.org\r\nBcc: eve@example.org", "a b@example.org", " ", "a@b, c@d", ""]
        try await insert(0, email: nil)
        for (index, email) in bad.enumerated() { try await insert(index + 1, email: email) }
        try await insert(11, startedAgo: nil)
        try await insert(13, endedAgo: nil)
        try await insert(14, startedAgo: 90_000, endedAgo: 86_401)
        #expect(try await runOnce(mailbox.url) == bad.count)
        clock.advance(seconds: 3600)
        #expect(try await runOnce(mailbox.url) == 0)
        let refused = (1...bad.count).map { "host-\($0)|failed|1" }
        #expect(try await notifications() == ["host-0|skipped|0"] + refused)
        #expect(mailbox.messages() == [])
    }

    @Test("a mail whose sender died is uncertain after four minutes and never sent")
    func givesUpOrphans() async throws {
        for number in 1...2 { try await insert(number) }
        #expect(try await runOnce(Self.nowhere) == 2)
        let (old, young) = (clock.now().adding(seconds: -241), clock.now().adding(seconds: -239))
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                """
                update notifications
                set status = 'sending',
                    updated_at = case recipient_uid when 'host-1' then \(old) else \(young) end
                """)
        }
        #expect(try await runOnce(mailbox.url) == 0)
        #expect(try await notifications() == ["host-1|uncertain|1", "host-2|sending|1"])
        clock.advance(seconds: 3600)
        #expect(try await runOnce(mailbox.url) == 0)
        #expect(try await notifications() == ["host-1|uncertain|1", "host-2|uncertain|1"])
        #expect(mailbox.messages() == [])
    }

    @Test("what the server answers decides: for good, for now, or nobody knows")
    func heedsAnswers() async throws {
        let cases: [(recipient: String, message: String?, status: String)] = [
            ("550 unknown", "250 ok", "failed"), ("451 later", "250 ok", "pending"),
            ("250 ok", "552 too large", "failed"), ("250 ok", "451 later", "pending"),
            ("250 ok", nil, "uncertain"), ("250 ok", "250 ok", "sent"),
        ]
        for (number, (recipient, message, status)) in cases.enumerated() {
            let url = try startServer(recipient: recipient, message: message)
            try await insert(number)
            #expect(try await runOnce(url) == 1)
            #expect(try await notifications().last == "host-\(number)|\(status)|1")
            #expect(try await runOnce(url) == 0)
        }
    }
}

/// The subject, the text and the HTML of a message out of the mailbox.
private func decoded(_ message: String) throws -> [String] {
    func text(_ encoded: [String]) throws -> String {
        let bytes = try encoded.map {
            try #require(Data(base64Encoded: $0, options: .ignoreUnknownCharacters))
        }
        return String(decoding: bytes.joined(), as: UTF8.self)
    }
    // The header, and of each part its head and its body with the next one's head.
    let sections = message.components(separatedBy: "\n\n")
    try #require(sections.count == 7, "\(message)")
    let words = sections[0].components(separatedBy: "=?utf-8?B?").dropFirst()
    let bodies = [sections[2], sections[4]].map { [$0.components(separatedBy: "\n--")[0]] }
    return try ([words.map { $0.components(separatedBy: "?=")[0] }] + bodies).map(text)
}

/// Starts an SMTP server for one conversation and returns its URL. `recipient` is its answer to
/// RCPT, `message` that to the message; `nil` closes the connection instead.
private func startServer(recipient: String, message: String?) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                && listen(descriptor, 1) == 0
        }
    }
    try #require(isListening)
    BlockingThread.start(name: "smtp") {
        let peer = accept(descriptor, nil, nil)
        close(descriptor)
        guard peer >= 0, let stream = fdopen(peer, "r") else { return }
        defer { fclose(stream) }
        func say(_ text: String) { _ = (text + "\r\n").withCString { write(peer, $0, strlen($0)) } }
        say("220 ready")
        var line = [CChar](repeating: 0, count: 4096)
        var isMessage = false
        while fgets(&line, Int32(line.count), stream) != nil {
            let start = line.prefix(3).map { UInt8(truncatingIfNeeded: $0) }
            switch (isMessage, String(decoding: start, as: UTF8.self)) {
            case (true, ".\r\n"):
                guard let message else { return }
                isMessage = false
                say(message)
            case (true, _): continue
            case (false, "RCP"): say(recipient)
            case (false, "DAT"):
                isMessage = true
                say("354 go on")
            default: say("250 ok")
            }
        }
    }
    return "smtp://127.0.0.1:\(in_port_t(bigEndian: address.sin_port))"
}
