import CircleStore
import Domain
import TestKit
import Testing

@testable import API

@Suite("Who may follow a circle, and for how long", .serialized)
struct LiveRightsTests {
    private static let host = Caller(uid: "host")
    private static let ada = Caller(uid: "ada")

    @Test("rights are those of reading the circle; private members are for those inside")
    func opening() async throws {
        try await LiveStack.run { stack in
            let secret = try await stack.test.makeCircle(
                host: "h1", privacy: .secret, invited: ["ada"])
            let hidden = try await stack.test.makeCircle(
                host: "h2", privacy: .private, coHosts: ["co"], invited: ["ada"])
            let open = try await stack.test.makeCircle(host: "h3")
            #expect(try await stack.refusal(secret, as: "eve") == "404 circle_not_found")
            #expect(try await stack.refusal(hidden, as: "eve") == "403 forbidden")
            #expect(
                try await stack.refusal(CircleID(now: stack.test.clock.now()), as: "eve")
                    == "404 circle_not_found")
            for (circleID, uid) in [
                (secret, "ada"), (secret, "h1"), (hidden, "ada"), (hidden, "h2"), (hidden, "co"),
                (open, "eve"),
            ] {
                try await stack.follow(circleID, as: uid) { message in
                    #expect(message.name == "snapshot", "\(uid)")
                    return false
                }
            }
            let host = Caller(uid: "h3")
            try await stack.store.kick("eve", in: open, reason: "", bans: true, by: host)
            #expect(try await stack.refusal(open, as: "eve") == "403 banned")
            try await stack.pipeline.waitUntil("refused streams hold no place") {
                stack.feed.hub.subscriberCount == 0
            }
        }
    }

    @Test(
        "who is kicked out of a circle that is not for everyone hears no more of it",
        arguments: [Privacy.private, .secret])
    func kicked(privacy: Privacy) async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle(privacy: privacy, invited: ["ada"])
            _ = try await stack.store.join(circleID, by: Self.ada)
            try await stack.pipeline.settle()
            var names: [String] = []
            try await stack.follow(circleID, as: "ada") { message in
                names.append(message.name)
                if names.count == 1 {
                    try await stack.store.kick(
                        "ada", in: circleID, reason: "", bans: false, by: Self.host)
                }
                return true
            }
            #expect(names == ["snapshot", "memberKicked"])
        }
    }

    @Test("who is kicked out of a public circle may listen on; a ban ends the stream")
    func kickedFromPublic() async throws {
        try await LiveStack.run { stack in
            let circleID = try await stack.test.makeCircle()
            _ = try await stack.store.join(circleID, by: Self.ada)
            try await stack.pipeline.settle()
            var names: [String] = []
            try await stack.follow(circleID, as: "ada") { message in
                names.append(message.name)
                if message.name == "snapshot" {
                    try await stack.store.kick(
                        "ada", in: circleID, reason: "", bans: false, by: Self.host)
                } else if message.name == "memberLeft" {
                    try await stack.store.kick(
                        "ada", in: circleID, reason: "", bans: true, by: Self.host)
                    _ = try await stack.store.join(circleID, by: Caller(uid: "bob"))
                }
                return true
            }
            // Rights may be looked at between the ban and its event.
            if names.last == "memberBanned" { names.removeLast() }
            #expect(names == ["snapshot", "memberKicked", "memberLeft"])
        }
    }

    @Test("a circle that becomes secret is closed to those it is not for, and open to the others")
    func becomesSecret() async throws {
        try await LiveStack.run { stack in
            let draft = stack.test.draft(
                invited: ["ada"], startsNow: false,
                startAt: stack.test.clock.now().adding(seconds: 3600))
            let circleID = try await stack.store.create(draft, by: Self.host).circle.circleID
            try await stack.pipeline.settle()
            async let invited = stack.messages(circleID, as: "ada")
            var names: [String] = []
            try await stack.follow(circleID, as: "eve") { message in
                names.append(message.name)
                guard message.name == "snapshot" else { return true }
                try await stack.pipeline.waitUntil("both are there") {
                    stack.feed.hub.subscriberCount == 2
                }
                var patch = CirclePatch()
                patch.privacy = .secret
                _ = try await stack.store.update(circleID, patch, by: Self.host)
                return true
            }
            #expect(names == ["snapshot", "circleUpdated"])
            _ = try await stack.store.end(circleID, by: Self.host)
            let ofInvited = try await invited.map(\.name)
            #expect(ofInvited == ["snapshot", "circleUpdated", "circleEnded"])
        }
    }
}
