import CircleStore
import Domain
import Testing

@testable import API

@Suite("Request bodies (CircleDraft, CirclePatch, ModerationAction)")
struct CircleBodiesTests {
    private let now = FixedClock.start

    private func draft(_ object: [String: JSONValue]) throws -> CircleDraft {
        var fields = JSONFields(object)
        return try CircleDraft(&fields, hostUID: "host", now: now)
    }

    private func patch(_ object: [String: JSONValue]) throws -> CirclePatch {
        var fields = JSONFields(object)
        return try CirclePatch(&fields, now: now)
    }

    private func action(_ object: [String: JSONValue]) throws -> ModerationAction {
        var fields = JSONFields(object)
        return try ModerationAction(&fields)
    }

    /// The fields that a body is refused for.
    private func refused(
        sourceLocation: SourceLocation = #_sourceLocation, _ parse: () throws -> Void
    ) -> [String] {
        let problem = #expect(throws: Problem.self, sourceLocation: sourceLocation) { try parse() }
        #expect(problem?.code == "validation_failed", sourceLocation: sourceLocation)
        return problem?.fields.map(\.field) ?? []
    }

    private func time(_ seconds: Int64) -> JSONValue {
        .string(now.adding(seconds: seconds).description)
    }

    // MARK: POST /circles

    @Test("a title is all that a circle needs")
    func draftHasDefaults() throws {
        let draft = try draft(["title": .string("Evening talk")])
        #expect(
            draft.details
                == CircleDetails(
                    title: "Evening talk", category: "", privacy: .public, hostUID: "host",
                    coHostUIDs: [], coverURL: "", startAt: now, durationMinutes: 60,
                    maxSpeakers: 8, maxListeners: 100, micPolicy: .handRaise))
        #expect(draft.invitedUIDs == [])
        #expect(draft.startsNow)
    }

    @Test("every field of a circle is read")
    func draftReadsAll() throws {
        let draft = try draft([
            "title": .string("Evening talk"), "category": .string("music"),
            "privacy": .string("secret"), "coHostUids": .array([.string("co")]),
            "coverUrl": .string("https://example.org/a.png"), "startAt": time(3600),
            "durationMin": .integer(5), "maxSpeakers": .integer(1), "maxListeners": .integer(2),
            "micPolicy": .string("pushToTalk"), "invitedUids": .array([.string("guest")]),
        ])
        #expect(
            draft.details
                == CircleDetails(
                    title: "Evening talk", category: "music", privacy: .secret, hostUID: "host",
                    coHostUIDs: ["co"], coverURL: "https://example.org/a.png",
                    startAt: now.adding(seconds: 3600), durationMinutes: 5, maxSpeakers: 1,
                    maxListeners: 2, micPolicy: .pushToTalk))
        #expect(draft.invitedUIDs == ["guest"])
        #expect(!draft.startsNow)
    }

    @Test("the host is no co-host of their own")
    func draftDropsTheHost() throws {
        let draft = try draft([
            "title": .string("T"),
            "coHostUids": .array([.string("host"), .string("co"), .string("co")]),
        ])
        #expect(draft.details.coHostUIDs == ["co"])
    }

    @Test(
        "a title is 1 to 120 characters and not blank",
        arguments: [
            ("", false), (" ", false), ("\n\t ", false), ("\u{3000}", false), (" x ", true),
            (String(repeating: "ä", count: 120), true), (String(repeating: "x", count: 121), false),
        ])
    func boundsTitles(title: String, isValid: Bool) throws {
        if isValid {
            #expect(try draft(["title": .string(title)]).details.title == title)
        } else {
            #expect(refused { _ = try draft(["title": .string(title)]) } == ["title"])
            #expect(refused { _ = try patch(["title": .string(title)]) } == ["title"])
        }
    }

    @Test(
        "a start is not before a minute ago and not after a year ahead",
        arguments: [
            (-61, false), (-60, true), (0, true), (31_622_400, true), (31_622_401, false),
        ] as [(Int64, Bool)])
    func boundsStarts(seconds: Int64, isValid: Bool) throws {
        let body = ["title": .string("T"), "startAt": time(seconds)]
        if isValid {
            #expect(try draft(body).details.startAt == now.adding(seconds: seconds))
            #expect(try patch(body).startAt == now.adding(seconds: seconds))
        } else {
            #expect(refused { _ = try draft(body) } == ["startAt"])
            #expect(refused { _ = try patch(body) } == ["startAt"])
        }
    }

    @Test("all that is wrong with a circle is told at once")
    func draftTellsAll() {
        let body: [String: JSONValue] = [
            "startAt": .string("soon"), "privacy": .string("hidden"), "durationMin": .integer(4),
            "maxSpeakers": .integer(9), "maxListeners": .integer(0), "micPolicy": .bool(true),
            "coverUrl": .string("http://example.org"), "coHostUids": .string("co"),
            "invitedUids": .array([.integer(1)]),
            "category": .string(String(repeating: "c", count: 41)),
            "hostUid": .string("eve"), "status": .string("live"),
        ]
        let fields = refused { _ = try draft(body) }
        #expect(Set(fields) == Set(body.keys).union(["title"]))
        #expect(fields.count == Set(fields).count)
    }

    @Test("a circle has at most 8 co-hosts and 500 invited")
    func boundsLists() throws {
        func uids(_ count: Int) -> JSONValue { .array((0..<count).map { .string("u\($0)") }) }
        let full = try draft([
            "title": .string("T"), "coHostUids": uids(8), "invitedUids": uids(500),
        ])
        #expect(full.details.coHostUIDs.count == 8)
        #expect(full.invitedUIDs.count == 500)
        let fields = refused {
            _ = try draft(["title": .string("T"), "coHostUids": uids(9), "invitedUids": uids(501)])
        }
        #expect(Set(fields) == ["coHostUids", "invitedUids"])
    }

    // MARK: PATCH /circles/{id}

    @Test("an empty patch changes nothing, nor does one of nulls")
    func patchIsEmpty() throws {
        #expect(try patch([:]) == CirclePatch())
        #expect(
            try patch([
                "title": .null, "startAt": .null, "coHostUids": .null, "status": .null,
            ]) == CirclePatch())
    }

    @Test("every field of a patch is read")
    func patchReadsAll() throws {
        var expected = CirclePatch()
        expected.title = "T"
        expected.category = ""
        expected.privacy = .private
        expected.coHostUIDs = []
        expected.invitedUIDs = ["guest"]
        expected.coverURL = ""
        expected.startAt = now.adding(seconds: 60)
        expected.durationMinutes = 720
        expected.maxSpeakers = 2
        expected.maxListeners = 3
        expected.micPolicy = .open
        expected.starts = true
        let patch = try patch([
            "title": .string("T"), "category": .string(""), "privacy": .string("private"),
            "coHostUids": .array([]), "invitedUids": .array([.string("guest")]),
            "coverUrl": .string(""), "startAt": time(60), "durationMin": .integer(720),
            "maxSpeakers": .integer(2), "maxListeners": .integer(3), "micPolicy": .string("open"),
            "status": .string("live"),
        ])
        #expect(patch == expected)
    }

    @Test("a status can only be set to live", arguments: ["scheduled", "ended", "Live", ""])
    func patchBoundsStatus(status: String) {
        #expect(refused { _ = try patch(["status": .string(status)]) } == ["status"])
    }

    @Test("a patch of other things is refused")
    func patchRefusesOthers() {
        #expect(
            refused { _ = try patch(["hostUid": .string("eve"), "circleId": .integer(1)]) } == [
                "circleId", "hostUid",
            ])
    }

    // MARK: POST /circles/{id}/actions

    @Test("an action names its member", arguments: ["mute", "unmute", "demote", "kick"])
    func readsActions(name: String) throws {
        let action = try action(["action": .string(name), "uid": .string("ada")])
        #expect(action.kind.rawValue == name)
        #expect(action.uid == "ada")
        #expect(action.reason == "")
        #expect(!action.bans)
    }

    @Test("a kick may have a reason and a ban")
    func readsKicks() throws {
        let action = try action([
            "action": .string("kick"), "uid": .string("ada"), "reason": .string("noise"),
            "ban": .bool(true),
        ])
        #expect(action.reason == "noise")
        #expect(action.bans)
    }

    @Test("a reason and a ban go with a kick only", arguments: ["mute", "unmute", "demote"])
    func actionsHaveNoReason(name: String) {
        let fields = refused {
            _ = try action([
                "action": .string(name), "uid": .string("ada"), "reason": .string("x"),
                "ban": .bool(false),
            ])
        }
        #expect(fields == ["reason", "ban"])
    }

    @Test("an action without its parts or with wrong ones is refused")
    func refusesActions() {
        #expect(refused { _ = try action([:]) } == ["action", "uid"])
        #expect(
            refused { _ = try action(["action": .string("ban"), "uid": .string("")]) } == [
                "action", "uid",
            ])
        #expect(
            refused {
                _ = try action([
                    "action": .string("kick"), "uid": .string("ada"),
                    "reason": .string(String(repeating: "x", count: 501)), "ban": .integer(1),
                    "more": .null,
                ])
            } == ["reason", "ban", "more"])
    }
}
