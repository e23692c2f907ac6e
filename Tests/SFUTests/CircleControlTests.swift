import Domain
import RTC
import Testing

@testable import CircleStore
@testable import SFU

@Suite("What the API's events and state mean for a circle's media")
struct CircleControlTests {
    private let circleID = CircleID(now: Timestamp(microseconds: 1_000_000))
    private let host = Event.Member(
        uid: "host", sessionID: SessionID(now: Timestamp(microseconds: 1_000_000)))
    private let guest = Event.Member(
        uid: "guest", sessionID: SessionID(now: Timestamp(microseconds: 2_000_000)))

    private func control(sequence: Int64 = 2) -> CircleControl {
        CircleControl(
            circleID: circleID, worker: 0, policy: .open, eventSequence: sequence,
            numbering: CircleNumbering(source: "sfu-1", epoch: 1))
    }

    private func event(_ sequence: Int64, _ payload: Event.Payload) -> Event {
        let now = Timestamp(microseconds: 1_000_000 + sequence)
        return Event(
            eventID: EventID(now: now), circleID: circleID,
            position: SourcePosition(
                source: SourcePosition.apiSource, epoch: SourcePosition.apiEpoch,
                sequence: sequence),
            occurredAt: now, payload: payload)
    }

    private func media(
        _ member: Event.Member, isOnStage: Bool = false, isMuted: Bool = false
    ) -> MediaMember {
        MediaMember(
            uid: member.uid, sessionID: member.sessionID, isOnStage: isOnStage, isMuted: isMuted)
    }

    private func seat(_ member: Event.Member, _ role: Role, isMuted: Bool = false) -> Seat {
        let now = Timestamp(microseconds: 3_000_000)
        return Seat(
            uid: member.uid, sessionID: member.sessionID, role: role, isMuted: isMuted,
            handRaisedAt: nil, joinedAt: now, leaseExpiresAt: now)
    }

    private func state(
        _ sequence: Int64, _ seats: [Seat], policy: MicPolicy = .open
    ) -> CircleMediaState {
        CircleMediaState(
            circleID: circleID, status: .live, micPolicy: policy, eventSequence: sequence,
            seats: seats)
    }

    private func details(_ policy: MicPolicy) -> CircleDetails {
        CircleDetails(
            title: "Vinyl", category: "", privacy: .public, hostUID: "host", coHostUIDs: [],
            coverURL: "", startAt: Timestamp(microseconds: 0), durationMinutes: 60,
            maxSpeakers: 8, maxListeners: 100, micPolicy: policy)
    }

    @Test("a member's way from the audience to the stage and back changes what they may send")
    func stage() {
        var control = control()
        let steps: [(Event.Payload, CircleControl.Change)] = [
            (.memberJoined(guest, .listener), .member(media(guest))),
            (
                .memberPromoted(guest, actorUID: "host", .speaker),
                .member(media(guest, isOnStage: true))
            ),
            (
                .memberMuted(guest, actorUID: "host"),
                .member(media(guest, isOnStage: true, isMuted: true))
            ),
            (
                .memberUnmuted(guest, actorUID: "host"),
                .member(media(guest, isOnStage: true))
            ),
            (
                .memberMuted(guest, actorUID: "guest"),
                .member(media(guest, isOnStage: true, isMuted: true))
            ),
            // A mute ends with the place on stage, as it does in the store.
            (.memberDemoted(guest, actorUID: "host", .listener), .member(media(guest))),
            (.memberLeft(guest, .left), .departure(guest.sessionID)),
        ]
        for (index, step) in steps.enumerated() {
            let sequence = Int64(index) + 3
            #expect(control.apply(event(sequence, step.0)) == step.1, "\(step.0)")
            #expect(control.eventSequence == sequence)
        }
    }

    @Test("a host is on stage from the start")
    func hosting() {
        var control = control()
        #expect(
            control.apply(event(3, .memberJoined(host, .host)))
                == .member(media(host, isOnStage: true)))
    }

    @Test("what concerns no media moves the numbering on and nothing else")
    func irrelevant() {
        var control = control()
        _ = control.apply(event(3, .memberJoined(guest, .listener)))
        let payloads: [Event.Payload] = [
            .circleStarted(actorUID: "host"), .handRaised(guest), .handLowered(guest, .withdrawn),
            .memberKicked(guest, actorUID: "host", reason: ""),
            .memberBanned(uid: "guest", actorUID: "host", reason: ""), .unknown,
            .memberMuted(host, actorUID: "host"),
        ]
        for (index, payload) in payloads.enumerated() {
            #expect(control.apply(event(Int64(index) + 4, payload)) == .none, "\(payload)")
        }
        #expect(control.eventSequence == Int64(payloads.count) + 3)
        #expect(control.members.count == 1)
    }

    @Test("a new policy and the end reach everyone")
    func wholeCircle() {
        var control = control()
        #expect(
            control.apply(event(3, .circleUpdated(details(.pushToTalk), actorUID: "host")))
                == .policy(.pushToTalk))
        #expect(control.policy == .pushToTalk)
        #expect(control.apply(event(4, .circleEnded(actorUID: "host", .host))) == .end)
    }

    @Test("the database's state brings what the events would have, and nothing twice")
    func adopting() {
        var control = control()
        _ = control.apply(event(3, .memberJoined(host, .host)))
        _ = control.apply(event(4, .memberJoined(guest, .listener)))
        let newcomer = Event.Member(
            uid: "late", sessionID: SessionID(now: Timestamp(microseconds: 4_000_000)))
        let seats = [seat(guest, .speaker, isMuted: true), seat(newcomer, .listener)]
        let changes = control.adopt(state(9, seats, policy: .handRaise))
        #expect(changes.count == 4)
        #expect(changes.contains(.policy(.handRaise)))
        #expect(changes.contains(.departure(host.sessionID)))
        #expect(changes.contains(.member(media(guest, isOnStage: true, isMuted: true))))
        #expect(changes.contains(.member(media(newcomer))))
        #expect(control.eventSequence == 9)
        // The owner forgets a member once the media is gone.
        control.members[host.sessionID] = nil
        #expect(control.adopt(state(9, seats, policy: .handRaise)) == [])
    }

    @Test("a state that was read before the last event changes nothing")
    func staleState() {
        var control = control(sequence: 6)
        _ = control.apply(event(7, .memberJoined(guest, .listener)))
        #expect(control.adopt(state(6, [], policy: .pushToTalk)) == [])
        #expect(control.eventSequence == 7)
        #expect(control.policy == .open)
        #expect(control.members[guest.sessionID]?.media == media(guest))
    }

    @Test("a state that is as far ends the wait for the log")
    func caughtUp() {
        var control = control(sequence: 5)
        control.behindSince = MonotonicTime(nanoseconds: 1)
        #expect(control.adopt(state(5, [])) == [])
        #expect(control.behindSince == nil)
    }

    @Test("a newer session of the same person is another member")
    func sessions() {
        var control = control()
        _ = control.apply(event(3, .memberJoined(guest, .speaker)))
        let again = Event.Member(
            uid: "guest", sessionID: SessionID(now: Timestamp(microseconds: 9_000_000)))
        let changes = control.adopt(state(6, [seat(again, .listener)]))
        #expect(Set(control.members.keys) == [guest.sessionID, again.sessionID])
        #expect(changes.contains(.departure(guest.sessionID)))
        #expect(changes.contains(.member(media(again))))
        // What is still said of the former one does not touch the new one.
        _ = control.apply(event(7, .memberMuted(guest, actorUID: "host")))
        #expect(control.members[again.sessionID]?.media == media(again))
    }
}
