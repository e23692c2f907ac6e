import Domain
import Testing

@testable import Ingest

@Suite("CircleFold on what nodes tell (CircleFold+Media)")
struct CircleFoldMediaTests {
    private let ada = FoldedCircle.member("ada")
    private let bob = FoldedCircle.member("bob")
    private let node = (source: "sfu-1", epoch: Int64(1))
    private let restarted = (source: "sfu-1", epoch: Int64(2))
    private let other = (source: "sfu-2", epoch: Int64(1))
    private let second: Int64 = 1_000_000

    /// Two speakers, connected through one node from second 1.
    private func connected() -> FoldedCircle {
        var circle = FoldedCircle()
        for member in [ada, bob] {
            circle.at(0, .memberJoined(member, .speaker))
            circle.at(1, node, connect(member))
        }
        return circle
    }

    private func connect(_ member: Event.Member, firstPacket: Int = 9) -> Event.Payload {
        .mediaConnected(
            member, iceMilliseconds: 3, dtlsMilliseconds: 6, firstPacketMilliseconds: firstPacket)
    }

    private func snapshot(_ members: [Event.Member], speaking: [Event.Member] = [])
        -> Event.Payload
    {
        .nodeSnapshot(members.map { .init(member: $0, isSpeaking: speaking.contains($0)) })
    }

    @Test("the first packet completes the times of a connection that had none")
    func completesTimes() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .listener))
        circle.at(1, node, connect(ada, firstPacket: 0))
        #expect(circle.attendance(ada)?.media?.iceMilliseconds == 3)
        #expect(circle.attendance(ada)?.firstPacketMilliseconds == nil)
        circle.at(2, node, connect(ada, firstPacket: 80))
        #expect(circle.attendance(ada)?.firstPacketMilliseconds == 80)
        circle.at(3, node, connect(ada, firstPacket: 7))
        circle.at(4, node, connect(ada, firstPacket: 0))
        #expect(circle.attendance(ada)?.firstPacketMilliseconds == 80)
    }

    @Test("only the node that has the media takes it away or speaks of speech")
    func ownersDecide() {
        var circle = connected()
        circle.at(2, other, .speakingStarted(ada))
        #expect(circle.attendance(ada)?.isSpeaking == false)
        circle.at(3, other, .mediaDisconnected(ada))
        #expect(circle.attendance(ada)?.isConnected == true)
        circle.at(4, node, .speakingStarted(ada))
        circle.at(9, other, .speakingStopped(ada))
        #expect(circle.attendance(ada)?.isSpeaking == true)
        circle.at(10, node, .mediaDisconnected(ada))
        #expect(circle.attendance(ada)?.isConnected == false)
        #expect(circle.attendance(ada)?.talkMicroseconds == 6 * second)
    }

    @Test("a session that connects to another node is there, and its former node has no say")
    func movesBetweenNodes() {
        var circle = connected()
        circle.at(2, node, .speakingStarted(ada))
        circle.at(5, other, connect(ada))
        #expect(circle.attendance(ada)?.talkMicroseconds == 3 * second)
        circle.at(6, node, .mediaDisconnected(ada))
        circle.at(7, node, snapshot([bob]))
        #expect(circle.attendance(ada)?.isConnected == true)
        #expect(circle.attendance(ada)?.mediaSource?.source == "sfu-2")
    }

    @Test("speech proves media of a session that nobody has")
    func speechConnects() {
        var circle = FoldedCircle()
        circle.at(0, .memberJoined(ada, .speaker))
        circle.at(1, node, .speakingStarted(ada))
        #expect(circle.attendance(ada)?.isConnected == true)
    }

    @Test("a snapshot connects what it lists and ends what it does not")
    func snapshotsHeal() {
        var circle = connected()
        let cleo = FoldedCircle.member("cleo")
        circle.at(2, .memberJoined(cleo, .speaker))
        circle.at(3, node, .speakingStarted(ada))
        circle.at(8, node, snapshot([bob, cleo], speaking: [cleo]))
        #expect(circle.attendance(ada)?.isConnected == false)
        #expect(circle.attendance(ada)?.talkMicroseconds == 5 * second)
        #expect(circle.attendance(bob)?.isConnected == true)
        #expect(circle.attendance(cleo)?.isConnected == true)
        circle.at(10, node, snapshot([bob, cleo]))
        #expect(circle.attendance(cleo)?.talkMicroseconds == 2 * second)
        circle.at(11, node, snapshot([]))
        #expect(circle.fold.attendances.values.allSatisfy { !$0.isConnected })
    }

    @Test("a snapshot leaves alone what another node has, who has gone and who never came")
    func snapshotsKnowTheirPlace() {
        var circle = connected()
        circle.at(2, other, connect(bob))
        circle.at(3, .memberLeft(ada, .left))
        _ = circle.takeChanges()
        circle.at(
            4, node, snapshot([ada, bob, FoldedCircle.member("dan")], speaking: [ada, bob]))
        #expect(circle.takeChanges().isEmpty)
        #expect(circle.attendance(bob)?.mediaSource?.source == "sfu-2")
        #expect(circle.attendance(bob)?.isSpeaking == false)
        #expect(circle.attendance(ada)?.isConnected == false)
    }

    @Test("a snapshot that says nothing new changes nothing")
    func snapshotsAreQuiet() {
        var circle = connected()
        _ = circle.takeChanges()
        circle.at(2, node, snapshot([ada, bob]))
        #expect(circle.takeChanges().isEmpty)
    }

    @Test("a node's next epoch ends the media of the former one at its first event")
    func newEpochsEndOldMedia() {
        var circle = connected()
        circle.at(2, node, .speakingStarted(ada))
        circle.at(6, restarted, connect(bob))
        #expect(circle.attendance(ada)?.isConnected == false)
        #expect(circle.attendance(ada)?.talkMicroseconds == 4 * second)
        #expect(circle.attendance(bob)?.isConnected == true)
        #expect(circle.attendance(ada)?.isOpen == true)
    }

    @Test("what a former epoch says of media is void; what it says of leaving counts")
    func formerEpochsAreVoid() {
        var circle = connected()
        circle.at(2, restarted, snapshot([]))
        circle.at(3, node, connect(ada))
        circle.at(4, node, snapshot([ada, bob]))
        circle.at(5, node, .speakingStarted(ada))
        #expect(circle.fold.attendances.values.allSatisfy { !$0.isConnected && !$0.isSpeaking })
        circle.at(6, node, .memberLeft(ada, .timeout))
        #expect(circle.attendance(ada)?.leaveReason == .timeout)
    }

    @Test("another node's epoch says nothing of this one's media")
    func epochsAreApart() {
        var circle = connected()
        circle.at(2, (source: "sfu-2", epoch: 7), snapshot([]))
        #expect(circle.attendance(ada)?.isConnected == true)
        circle.at(3, .memberMuted(ada, actorUID: "host"))
        #expect(circle.attendance(ada)?.isConnected == true)
    }
}
