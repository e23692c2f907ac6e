import CircleStore
import Database
import Domain
import HTTPTypes
import TestKit
import Testing

/// What the one who asks is to the circle; the raw value is their uid, but a host's is their own
/// in every case.
private enum Asker: String, CaseIterable {
    case outsider, listener, speaker, coHost, host, banned
}

/// One request about a circle, with a target that fits it.
private enum Ask: String, CaseIterable {
    case show, patchScheduled, patchLive, end
    case join, leave, raise, lower
    case promote, invite, mute, unmute, demote, kickSpeaker, kickListener, ban
    case accept, addCoHost, removeCoHost, rsvp, token, report

    static let seatedListener = "seatedListener"
    static let seatedSpeaker = "seatedSpeaker"

    var target: String? {
        switch self {
        case .promote, .invite, .kickListener, .addCoHost, .report: Self.seatedListener
        case .mute, .unmute, .demote, .kickSpeaker, .ban: Self.seatedSpeaker
        default: nil
        }
    }

    func request(about circleID: CircleID) -> (HTTPRequest.Method, path: String, json: String?) {
        let path = "/v1/circles/\(circleID)"
        let target = target ?? ""
        switch self {
        case .show: return (.get, path, nil)
        case .patchScheduled, .patchLive: return (.patch, path, #"{"title":"Another title"}"#)
        case .end: return (.delete, path, nil)
        case .join, .leave: return (.post, "\(path)/\(rawValue)", nil)
        case .raise: return (.post, path + "/hand-raise", nil)
        case .lower: return (.delete, path + "/hand-raise", nil)
        case .promote, .invite: return (.post, path + "/promote", #"{"uid":"\#(target)"}"#)
        case .accept: return (.post, path + "/invitation", nil)
        case .addCoHost: return (.put, path + "/co-hosts/\(target)", nil)
        case .removeCoHost: return (.delete, path + "/co-hosts/coHost", nil)
        case .rsvp: return (.put, path + "/rsvp", nil)
        case .token: return (.post, path + "/token", nil)
        case .report:
            return (.post, path + "/reports", #"{"uid":"\#(target)","category":"spam"}"#)
        case .mute, .unmute, .demote:
            return (.post, path + "/actions", action(rawValue, on: target))
        case .kickSpeaker, .kickListener:
            return (.post, path + "/actions", action("kick", on: target))
        case .ban: return (.post, path + "/actions", action("ban", on: target))
        }
    }
}

/// The body of an action; a ban is a kick for good.
private func action(_ name: String, on uid: String) -> String {
    name == "ban"
        ? #"{"action":"kick","ban":true,"reason":"noise","uid":"\#(uid)"}"#
        : #"{"action":"\#(name)","uid":"\#(uid)"}"#
}

/// An answer's status and, for a problem, its code.
private struct Outcome: Equatable, CustomStringConvertible {
    let status: Int
    var code: String?

    var description: String { code.map { "\(status) \($0)" } ?? "\(status)" }

    /// The words of the tables below.
    static let named: [String: Outcome] = [
        "ok": Outcome(status: 200),
        "done": Outcome(status: 204),
        "made": Outcome(status: 201),
        "asked": Outcome(status: 202),
        "unasked": Outcome(status: 409, code: "not_invited"),
        "hidden": Outcome(status: 404, code: "circle_not_found"),
        "forbidden": Outcome(status: 403, code: "forbidden"),
        "protected": Outcome(status: 403, code: "target_is_host"),
        "uninvited": Outcome(status: 403, code: "invite_required"),
        "banned": Outcome(status: 403, code: "banned"),
        "absent": Outcome(status: 409, code: "not_a_member"),
        "onStage": Outcome(status: 409, code: "already_on_stage"),
        "started": Outcome(status: 409, code: "circle_already_started"),
    ]
}

/// A table's rows of words, its heading first.
private func rows(of table: String) -> [[String]] {
    table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
}

@Suite("Who may do what: roles, privacy and bans (DESIGN.md, Domain)")
struct AuthorizationMatrixTests {
    /// A secret circle does not exist for outsiders, and a ban takes the invitation away. A
    /// private one is seen by all and entered by the invited. Only host and co-hosts moderate,
    /// and only what has not begun can be changed.
    private static let matrix = """
        request         privacy  outsider   listener   speaker    coHost   host     banned
        show            public   ok         ok         ok         ok       ok       ok
        show            private  ok         ok         ok         ok       ok       ok
        show            secret   hidden     ok         ok         ok       ok       hidden
        patchScheduled  public   forbidden  forbidden  forbidden  ok       ok       forbidden
        patchScheduled  private  forbidden  forbidden  forbidden  ok       ok       forbidden
        patchScheduled  secret   hidden     forbidden  forbidden  ok       ok       hidden
        patchLive       public   forbidden  forbidden  forbidden  started  started  forbidden
        patchLive       private  forbidden  forbidden  forbidden  started  started  forbidden
        patchLive       secret   hidden     forbidden  forbidden  started  started  hidden
        end             public   forbidden  forbidden  forbidden  ok       ok       forbidden
        end             private  forbidden  forbidden  forbidden  ok       ok       forbidden
        end             secret   hidden     forbidden  forbidden  ok       ok       hidden
        join            public   ok         ok         ok         ok       ok       banned
        join            private  uninvited  ok         ok         ok       ok       banned
        join            secret   hidden     ok         ok         ok       ok       hidden
        leave           public   absent     done       done       done     done     absent
        leave           private  absent     done       done       done     done     absent
        leave           secret   hidden     done       done       done     done     hidden
        raise           public   absent     ok         onStage    onStage  onStage  absent
        raise           private  absent     ok         onStage    onStage  onStage  absent
        raise           secret   hidden     ok         onStage    onStage  onStage  hidden
        lower           public   absent     done       done       done     done     absent
        lower           private  absent     done       done       done     done     absent
        lower           secret   hidden     done       done       done     done     hidden
        promote         public   forbidden  forbidden  forbidden  ok       ok       forbidden
        promote         private  forbidden  forbidden  forbidden  ok       ok       forbidden
        promote         secret   hidden     forbidden  forbidden  ok       ok       hidden
        mute            public   forbidden  forbidden  forbidden  ok       ok       forbidden
        mute            private  forbidden  forbidden  forbidden  ok       ok       forbidden
        mute            secret   hidden     forbidden  forbidden  ok       ok       hidden
        unmute          public   forbidden  forbidden  forbidden  asked    asked     forbidden
        unmute          private  forbidden  forbidden  forbidden  asked    asked     forbidden
        unmute          secret   hidden     forbidden  forbidden  asked    asked     hidden
        demote          public   forbidden  forbidden  forbidden  ok       ok       forbidden
        demote          private  forbidden  forbidden  forbidden  ok       ok       forbidden
        demote          secret   hidden     forbidden  forbidden  ok       ok       hidden
        kickSpeaker     public   forbidden  forbidden  forbidden  done     done     forbidden
        kickSpeaker     private  forbidden  forbidden  forbidden  done     done     forbidden
        kickSpeaker     secret   hidden     forbidden  forbidden  done     done     hidden
        kickListener    public   forbidden  forbidden  forbidden  done     done     forbidden
        kickListener    private  forbidden  forbidden  forbidden  done     done     forbidden
        kickListener    secret   hidden     forbidden  forbidden  done     done     hidden
        ban             public   forbidden  forbidden  forbidden  done     done     forbidden
        ban             private  forbidden  forbidden  forbidden  done     done     forbidden
        ban             secret   hidden     forbidden  forbidden  done     done     hidden
        invite          public   forbidden  forbidden  forbidden  asked    asked    forbidden
        invite          private  forbidden  forbidden  forbidden  asked    asked    forbidden
        invite          secret   hidden     forbidden  forbidden  asked    asked    hidden
        accept          public   absent     unasked    unasked    unasked  unasked  absent
        accept          private  absent     unasked    unasked    unasked  unasked  absent
        accept          secret   hidden     unasked    unasked    unasked  unasked  hidden
        addCoHost       public   forbidden  forbidden  forbidden  forbidden ok       forbidden
        addCoHost       private  forbidden  forbidden  forbidden  forbidden ok       forbidden
        addCoHost       secret   hidden     forbidden  forbidden  forbidden ok       hidden
        removeCoHost    public   forbidden  forbidden  forbidden  ok       ok       forbidden
        removeCoHost    private  forbidden  forbidden  forbidden  ok       ok       forbidden
        removeCoHost    secret   hidden     forbidden  forbidden  ok       ok       hidden
        token           public   absent     ok         ok         ok       ok       absent
        token           private  absent     ok         ok         ok       ok       absent
        token           secret   hidden     ok         ok         ok       ok       hidden
        report          public   made       made       made       made     made     made
        report          private  made       made       made       made     made     made
        report          secret   hidden     made       made       made     made     hidden
        rsvp            public   ok         ok         ok         ok       ok       banned
        rsvp            private  uninvited  ok         ok         ok       ok       banned
        rsvp            secret   hidden     ok         ok         ok       ok       hidden
        """

    private struct Case: CustomStringConvertible {
        let ask: Ask
        let privacy: Privacy
        let asker: Asker
        let expected: Outcome

        var description: String { "\(ask) · \(privacy) · \(asker)" }
    }

    private static func cases() throws -> [Case] {
        let rows = rows(of: matrix)
        #expect(Array(rows[0].dropFirst(2)) == Asker.allCases.map(\.rawValue))
        return try rows.dropFirst().flatMap { row in
            try #require(row.count == 2 + Asker.allCases.count, "\(row)")
            return try zip(Asker.allCases, row.dropFirst(2)).map { asker, word in
                Case(
                    ask: try #require(Ask(rawValue: row[0]), "\(row)"),
                    privacy: try #require(Privacy(rawValue: row[1]), "\(row)"), asker: asker,
                    expected: try #require(Outcome.named[word], "\(row)"))
            }
        }
    }

    @Test("every route answers every caller as the rules say")
    func answersByRules() async throws {
        let cases = try Self.cases()
        #expect(
            Set(cases.map(\.description)).count
                == Ask.allCases.count * Privacy.allCases.count * Asker.allCases.count,
            "the table has every case once")
        try await TestAPI.run(clock: ManualClock()) { api in
            var mismatches: [String] = []
            for (number, item) in cases.enumerated() {
                let host = "host-\(number)"
                let circleID = try await Self.makeCircle(for: item, host: host, in: api.store)
                let (method, path, json) = item.ask.request(about: circleID)
                let answer = try await api.send(
                    method, path, as: item.asker == .host ? host : item.asker.rawValue, json: json)
                let outcome = Outcome(status: answer.status, code: answer.code)
                if outcome != item.expected {
                    mismatches.append("\(item): expected \(item.expected), got \(outcome)")
                }
            }
            #expect(mismatches.isEmpty, "\(mismatches.joined(separator: "\n"))")
        }
    }

    /// A circle that holds the one who asks and the one whom it is about, and nobody else but
    /// its host.
    private static func makeCircle(
        for item: Case, host: String, in store: TestStore
    ) async throws -> CircleID {
        let members = [
            "listener", "speaker", "banned", Ask.seatedListener, Ask.seatedSpeaker,
        ]
        if item.ask == .patchScheduled || item.ask == .rsvp {
            return try await makeScheduledCircle(for: item, host: host, members, in: store)
        }
        let circleID = try await store.makeCircle(
            host: host, privacy: item.privacy, coHosts: ["coHost"], invited: members)
        let asker = Caller(uid: item.asker.rawValue)
        let moderator = Caller(uid: host)
        switch item.asker {
        case .outsider, .host: break
        case .listener, .coHost:
            _ = try await store.store.join(circleID, by: asker)
        case .speaker:
            _ = try await store.store.join(circleID, by: asker)
            try await store.bringOnStage(asker.uid, in: circleID, host: host)
        case .banned:
            _ = try await store.store.join(circleID, by: asker)
            try await store.store.kick(
                asker.uid, in: circleID, reason: "", bans: true, by: moderator)
        }
        if let target = item.ask.target {
            _ = try await store.store.join(circleID, by: Caller(uid: target))
            if target == Ask.seatedSpeaker {
                try await store.bringOnStage(target, in: circleID, host: host)
            }
            if item.ask == .promote {
                _ = try await store.store.raiseHand(circleID, by: Caller(uid: target))
            }
            if item.ask == .unmute {
                _ = try await store.store.mute(target, in: circleID, by: moderator)
            }
        }
        return circleID
    }

    /// Nobody is inside yet: its members are those invited, and a ban is a row of its own.
    private static func makeScheduledCircle(
        for item: Case, host: String, _ members: [String], in store: TestStore
    ) async throws -> CircleID {
        let draft = store.draft(
            host: host, privacy: item.privacy, coHosts: ["coHost"],
            invited: members.filter { $0 != "banned" }, startsNow: false,
            startAt: store.clock.now().adding(seconds: 86_400))
        let circleID = try await store.store.create(draft, by: Caller(uid: host)).circle.circleID
        if item.asker == .banned {
            let bannedAt = store.clock.now()
            try await store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    insert into bans (circle_id, uid, actor_uid, reason, banned_at)
                    values (\(circleID), 'banned', \(host), '', \(bannedAt))
                    """)
            }
        }
        return circleID
    }

    /// "The host cannot be kicked, demoted or banned" (CommandError.targetIsHost); co-hosts
    /// answer to the host only.
    private static let moderation = """
        by       target       mute       unmute     demote     kick       ban
        speaker  host         forbidden  forbidden  forbidden  forbidden  forbidden
        speaker  otherCoHost  forbidden  forbidden  forbidden  forbidden  forbidden
        coHost   host         protected  protected  protected  protected  protected
        coHost   otherCoHost  forbidden  forbidden  forbidden  forbidden  forbidden
        host     otherCoHost  ok         ok         ok         done       done
        host     host         ok         ok         protected  protected  protected
        """

    @Test("moderators answer to the host, and the host to nobody")
    func boundsModerators() async throws {
        let rows = rows(of: Self.moderation)
        let names = rows[0].dropFirst(2)
        try await TestAPI.run(clock: ManualClock()) { api in
            var mismatches: [String] = []
            for row in rows.dropFirst() {
                for (name, word) in zip(names, row.dropFirst(2)) {
                    let host = "host-\(row[0])-\(row[1])-\(name)"
                    let circleID = try await api.store.makeCircle(
                        host: host, coHosts: ["coHost", "otherCoHost"])
                    for uid in ["coHost", "otherCoHost", "speaker"] {
                        _ = try await api.store.store.join(circleID, by: Caller(uid: uid))
                    }
                    try await api.store.bringOnStage("speaker", in: circleID, host: host)
                    let answer = try await api.send(
                        .post, "/v1/circles/\(circleID)/actions",
                        as: row[0] == "host" ? host : row[0],
                        json: action(name, on: row[1] == "host" ? host : row[1]))
                    let outcome = Outcome(status: answer.status, code: answer.code)
                    let expected = try #require(Outcome.named[word], "\(row)")
                    if outcome != expected {
                        mismatches.append(
                            "\(name) \(row[1]) by \(row[0]): expected \(expected), got \(outcome)")
                    }
                }
            }
            #expect(mismatches.isEmpty, "\(mismatches.joined(separator: "\n"))")
        }
    }
}
