import CircleStore
import Domain
import Foundation
import TestKit
import Testing

extension MediaTests {
    @Suite("The page at /, in real browsers on circles up")
    struct PageTests {
        /// Runs `body` with a server on a database of its own.
        private func withServer(
            _ body: (PageServer, TestStore) async throws -> Void
        ) async throws {
            let store = try TestStore()
            defer { store.close() }
            let server = try await PageServer(store)
            try await body(server, store)
            #expect(server.stop() == 0, "SIGTERM ends it cleanly")
        }

        @Test(
            "two people talk: one starts a circle, the other hears them, raises a hand, is promoted and heard; mute shows, and who leaves is gone",
            .timeLimit(.minutes(5)))
        func conversation() async throws {
            try await withServer { server, store in
                let ada = try await PagePerson.arrive("ada", at: server, tone: 440)
                try await ada.starts("Vinyl night")
                try await ada.does("shows", "button", "Mute")
                let bob = try await PagePerson.arrive(
                    "bob", at: server, tone: 660, ["--width", "390", "--height", "844"])
                try await bob.joins("Vinyl night", of: "ada", people: "1 person")

                try await bob.hears(440, of: "ada")
                try await bob.does("lists", "On stage", "ada", "speaking")
                try await bob.does("lists", "Listening", "bob (you)")
                try await bob.does("hides", "button", "Mute")

                try await bob.does("click", "button", "Raise hand")
                try await bob.does("shows", "button", "Lower hand")
                try await ada.does("lists", "Raised hands", "1 bob")
                try await ada.does("click", "button", "Promote bob")
                try await bob.does("lists", "On stage", "bob (you)")
                try await ada.does("lists", "On stage", "bob")
                try await ada.hears(660, of: "bob")
                try await ada.does("lists", "On stage", "bob", "speaking")
                try await ada.does("unlists", "Raised hands", "1 bob")

                try await ada.does("click", "button", "bob")
                try await ada.does("click", "button", "Mute")
                try await ada.does("lists", "On stage", "bob", "muted")
                try await bob.does("lists", "On stage", "bob (you)", "muted")
                try await bob.does("shows", "button", "Unmute")
                try await ada.does("unlists", "On stage", "bob", "speaking")

                try await bob.does("click", "button", "Leave")
                try await bob.does("shows", "heading", "Live now")
                try await ada.does("unlists", "On stage", "bob")
                try await expectAttendance("speaker|left", of: "bob", store)
                for person in [ada, bob] { try await person.does("errors") }
                // Nobody pressed "Leave": the page says goodbye when it goes, long before the
                // SFU would miss its media.
                try await ada.does("depart")
                try await expectAttendance("host|left", of: "ada", store)
                for person in [ada, bob] { try await person.goes() }
            }
        }

        @Test(
            "a host mutes themselves, moves a speaker to the audience, removes someone for good and ends the circle",
            .timeLimit(.minutes(5)))
        func moderation() async throws {
            try await withServer { server, store in
                let ada = try await PagePerson.arrive(
                    "ada", at: server, tone: 440, ["--width", "390", "--height", "844"])
                try await ada.starts("Jazz")
                let bob = try await PagePerson.arrive("bob", at: server, tone: 660)
                try await bob.joins("Jazz", of: "ada", people: "1 person")
                try await bob.hears(440, of: "ada")

                try await ada.does("click", "button", "Mute")
                try await ada.does("shows", "button", "Unmute")
                try await bob.does("lists", "On stage", "ada", "muted")
                let count = bob.client.facts.count
                _ = try await bob.client.waitUntilSilent(after: count)
                try await ada.does("click", "button", "Unmute")
                try await bob.hears(440, of: "ada")

                try await bob.does("click", "button", "Raise hand")
                try await ada.does("click", "button", "Promote bob")
                try await ada.hears(660, of: "bob")
                try await ada.does("lists", "On stage", "bob")
                try await ada.does("click", "button", "bob")
                try await ada.does("click", "button", "Move to the audience")
                try await bob.does("lists", "Listening", "bob (you)")
                try await bob.does("shows", "button", "Raise hand")

                try await ada.does("lists", "Listening", "bob")
                try await ada.does("click", "button", "bob")
                try await ada.does("click", "button", "Remove from the circle …")
                try await ada.does("click", "checkbox", "Keep them out for good")
                try await ada.does("click", "button", "Remove")
                try await ada.does("unlists", "Listening", "bob")
                try await bob.does("click", "button", "Join again")
                try await bob.does("says", "You are banned from this circle")
                try await expectAttendance("listener|kicked", of: "bob", store)
                #expect(try await store.number("select count(*) from bans where uid = 'bob'") == 1)

                try await ada.does("click", "button", "End circle")
                try await ada.does("click", "button", "End circle")
                try await ada.does("hides", "button", "Leave")
                try await expectAttendance("host|circleEnded", of: "ada", store)
                for person in [ada, bob] { try await person.goes() }
            }
        }

        @Test(
            "an invitation is declined, then accepted; a request to unmute is followed; who goes on in another window leaves the first; a reload comes back",
            .timeLimit(.minutes(5)))
        func invitation() async throws {
            try await withServer { server, store in
                let ada = try await PagePerson.arrive("ada", at: server, tone: 440)
                try await ada.starts("Poems")
                let bob = try await PagePerson.arrive("bob", at: server, tone: 660)
                try await bob.joins("Poems", of: "ada", people: "1 person")
                for answer in ["Not now", "Join the stage"] {
                    try await ada.does("lists", "Listening", "bob")
                    try await ada.does("click", "button", "bob")
                    try await ada.does("click", "button", "Invite to speak")
                    try await ada.does("says", "bob is invited onto the stage")
                    try await bob.does("says", "ada invites you onto the stage.")
                    try await bob.does("click", "button", answer)
                    try await bob.does("hides", "button", answer)
                }
                try await ada.hears(660, of: "bob")
                try await bob.does("click", "button", "Mute")
                try await ada.does("lists", "On stage", "bob", "muted")
                try await ada.does("click", "button", "bob")
                try await ada.does("click", "button", "Ask to unmute")
                try await bob.does("says", "ada asks you to unmute.")
                try await bob.does("lists", "On stage", "bob (you)", "muted")
                try await bob.does("click", "button", "Unmute")
                try await ada.hears(660, of: "bob")

                let again = try await PagePerson.arrive("bob", at: server, tone: 550)
                try await again.joins("Poems", of: "ada", people: "2 people")
                try await bob.does("says", "You went on in another window or device.")
                try await ada.hears(550, of: "bob")
                try await again.does("reload")
                try await again.does("click", "button", "Join")
                try await again.does("lists", "Listening", "bob (you)")
                try await again.hears(440, of: "ada")
                for person in [ada, bob, again] { try await person.does("errors") }
                for person in [ada, bob, again] { try await person.goes() }
            }
        }

        @Test(
            "everything has a name, is readable and fits the screen",
            .timeLimit(.minutes(5)),
            arguments: [
                ["--width", "390", "--height", "844"], ["--width", "320", "--height", "568"],
                ["--width", "1280", "--height", "800", "--dark"],
            ])
        func accessibility(screen: [String]) async throws {
            try await withServer { server, store in
                let ada = try await PagePerson.arrive("ada", at: server, tone: 440, screen)
                try await ada.does("shows", "heading", "Circles")
                try await Self.expectGoodLooks(ada)
                try await ada.does("click", "button", "Start a circle")
                try await ada.does("shows", "button", "Go live")
                try await Self.expectGoodLooks(ada)
                try await ada.does("click", "button", "Cancel")
                let title = String(repeating: "Donaudampfschifffahrt ", count: 5)
                try await ada.starts(title.trimmingCharacters(in: .whitespaces))
                let circleID = try await store.pool.withConnection { connection in
                    try connection.query("select circle_id from circles")[0]
                        .get(0, as: CircleID.self)
                }
                for number in 1...30 {
                    let uid = "listener-with-a-long-name-\(number)"
                    _ = try await store.store.join(circleID, by: Caller(uid: uid))
                    if number <= 3 {
                        _ = try await store.store.raiseHand(circleID, by: Caller(uid: uid))
                    }
                }
                try await ada.does("shows", "button", "Promote listener-with-a-long-name-3")
                try await Self.expectGoodLooks(ada)
                try await ada.does("click", "button", "listener-with-a-long-name-30")
                try await ada.does("shows", "button", "Invite to speak")
                try await Self.expectGoodLooks(ada)
                try await ada.goes()
            }
        }

        private static func expectGoodLooks(_ person: PagePerson) async throws {
            try await person.does("named")
            try await person.does("fits")
            try await person.does("contrast")
        }

        /// Waits for a row of `attendances`: last role and why they left.
        private func expectAttendance(
            _ expected: String, of uid: String, _ store: TestStore
        ) async throws {
            var told = ""
            for _ in 0..<600 {
                told = try await store.text(
                    "select last_role, leave_reason from attendances where uid = \(uid)")
                if told == expected { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("the attendance of \(uid) is \(told), not \(expected)")
        }
    }
}
