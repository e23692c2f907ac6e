import CircleStore
import Domain
import EventSchema
import TestKit
import Testing

@Suite("The report moderation_log over random commands, against PostgreSQL")
struct ModerationLogTests {
    private static let people = ["host", "co", "ada", "bob", "cyd"]

    /// A random command of a random caller; many are refused.
    private static func act(
        _ test: TestStore, _ circleID: CircleID, by uid: String, _ random: inout SeededGenerator
    ) async throws {
        let (store, caller) = (test.store, Caller(uid: uid))
        let other = people.randomElement(using: &random)!  // five
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: _ = try await store.join(circleID, by: caller)
        case 2: _ = try await store.raiseHand(circleID, by: caller)
        case 3, 4: _ = try await store.promote(other, in: circleID, by: caller)
        case 5: _ = try await store.acceptInvitation(in: circleID, by: caller)
        case 6: _ = try await store.demote(other, in: circleID, by: caller)
        case 7: _ = try await store.mute(other, in: circleID, by: caller)
        case 8: _ = try await store.unmute(other, in: circleID, by: caller)
        case 9:
            try await store.kick(
                other, in: circleID, reason: "why|\(random.next() % 9)",
                bans: random.next() % 8 == 0 && other == "cyd", by: caller)
        case 10:
            _ = try await store.report(
                UserReport(uid: other, category: .spam, comment: ""), in: circleID, by: caller)
        default: try await store.leave(circleID, by: caller)
        }
    }

    /// `action|actor|target|reason|µs` of what one did to another, by name.
    private static func line(_ event: Event, calledBy uid: String) -> String? {
        let (target, actor, reason): (String, String, String)
        switch event.payload {
        case .memberPromoted(let member, let by, _), .memberDemoted(let member, let by, _),
            .memberRoleChanged(let member, let by, _), .memberMuted(let member, let by),
            .memberUnmuted(let member, let by), .stageInvited(let member, let by),
            .unmuteRequested(let member, let by):
            (target, actor, reason) = (member.uid, by, "")
        case .memberKicked(let member, let by, let why):
            (target, actor, reason) = (member.uid, by, why)
        case .memberBanned(let banned, let by, let why): (target, actor, reason) = (banned, by, why)
        case .memberReported(let reported, let by, let category):
            (target, actor, reason) = (reported, by, category.rawValue)
        default: return nil
        }
        // Whoever accepts an invitation acts by themselves, though it names who invited.
        guard actor == uid, actor != target else { return nil }
        return "\(event.payload.typeName)|\(actor)|\(target)|\(reason)|"
            + "\(event.occurredAt.microseconds)"
    }

    @Test(
        "it has every act of one on another and nothing else",
        arguments: [UInt64(21_000), 22_000, 23_000])
    func equalsScan(seed: UInt64) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        var random = SeededGenerator(seed: seed)
        let circleID = try await test.makeCircle(coHosts: ["co"])
        var (expected, seenCount) = ([String](), try await test.outboxRecords().count)
        for _ in 0..<250 {
            // Often one who may.
            let uid =
                Bool.random(using: &random)
                ? ["host", "co"].randomElement(using: &random)!  // two
                : Self.people.randomElement(using: &random)!  // five
            do {
                try await Self.act(test, circleID, by: uid, &random)
            } catch is CommandError {
                continue
            }
            let records = try await test.outboxRecords()
            expected += try records[seenCount...].compactMap {
                Self.line(try EventCodec.decode($0), calledBy: uid)
            }
            seenCount = records.count
        }
        let stored = try await test.text(
            """
            select action, actor_uid, target_uid, reason,
                (extract(epoch from acted_at) * 1e6)::bigint
            from reports.moderation_log
            order by audit_id
            """)
        let lines = stored.split(separator: "\n").map(String.init)
        #expect(lines == expected, "seed \(seed)")
        let kinds = Set(lines.compactMap { $0.split(separator: "|").first })
        #expect(kinds.count >= 6, "too tame a life, seed \(seed): \(kinds.sorted())")
    }
}
