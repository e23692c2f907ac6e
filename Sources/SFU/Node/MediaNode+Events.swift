import CircleStore
import Domain
import RTC

// What the media tells, and what follows from it.

extension MediaNode {
    /// Takes a worker's events until it ends.
    func follow(_ worker: MediaWorker) async {
        for await event in worker.events { take(event, worker: worker.index) }
    }

    private func take(_ event: MediaEvent, worker: Int) {
        switch event {
        case .connected(let id, let circleID, let member, let ice, let dtls):
            circles[circleID]?.members[member.sessionID]?.connected.insert(id)
            circles[circleID]?.members[member.sessionID]?.leavesAt = nil
            tell(
                .mediaConnected(
                    member, iceMilliseconds: ice, dtlsMilliseconds: dtls,
                    firstPacketMilliseconds: 0),
                of: circleID)
        case .firstPacket(_, let circleID, let member, let ice, let dtls, let firstPacket):
            tell(
                .mediaConnected(
                    member, iceMilliseconds: ice, dtlsMilliseconds: dtls,
                    firstPacketMilliseconds: firstPacket),
                of: circleID)
        case .ended(let id, let circleID, let member, let reason, let wasConnected):
            ended(id, circleID, member, reason, wasConnected, worker: worker)
        case .speakingStarted(let circleID, let member):
            circles[circleID]?.members[member.sessionID]?.isSpeaking = true
            tell(.speakingStarted(member), of: circleID)
        case .speakingStopped(let circleID, let member):
            circles[circleID]?.members[member.sessionID]?.isSpeaking = false
            tell(.speakingStopped(member), of: circleID)
        case .slotsMapped(let id, let uids):
            guard let resourceID = resourceID(of: id, worker) else { return }
            map(uids, onto: resourceID)
        case .counted(let circleID, let members): send(members, of: circleID)
        case .circleClosed(let circleID): closed(circleID)
        }
    }

    private func ended(
        _ id: TransportID, _ circleID: CircleID, _ member: Event.Member, _ reason: TransportEnd,
        _ wasConnected: Bool, worker: Int
    ) {
        if let resourceID = resourceID(of: id, worker) { forget(resourceID) }
        guard var state = circles[circleID]?.members[member.sessionID] else {
            if wasConnected { tell(.mediaDisconnected(member), of: circleID) }  // has left already
            return
        }
        state.connected.remove(id)
        if wasConnected, state.connected.isEmpty {
            state.isSpeaking = false
            if reason != .removed {
                state.leavesAt = .now.adding(milliseconds: configuration.resumeSeconds * 1000)
            }
        }
        circles[circleID]?.members[member.sessionID] = state
        guard wasConnected, state.connected.isEmpty else { return }
        tell(.mediaDisconnected(member), of: circleID)
    }

    private func resourceID(of id: TransportID, _ worker: Int) -> String? {
        resourceIDs[WorkerTransport(worker: worker, transport: id)]
    }

    // MARK: Telling

    /// Sends an event of a circle; never before the member's join, whatever the clocks say.
    func tell(_ payload: Event.Payload, of circleID: CircleID) {
        guard let circle = circles[circleID] else { return }
        let joinedAt =
            payload.member.flatMap { circle.members[$0.sessionID]?.joinedAt }
            ?? Timestamp(microseconds: 0)
        guard
            let event = circles[circleID]?.numbering.event(
                payload, in: circleID, now: clock.now(), notBefore: joinedAt)
        else { return }
        telemetry.send(event)
    }

    func send(_ members: [MemberQuality], of circleID: CircleID) {
        guard !members.isEmpty,
            let batch = circles[circleID]?.numbering.batch(
                members, in: circleID, now: clock.now(),
                intervalMilliseconds: Int(configuration.qualitySeconds) * 1000)
        else { return }
        circles[circleID]?.loss.record(batch)
        telemetry.send(batch)
    }

    /// Sends the counters of everyone with media.
    func sampleQuality() async {
        for circle in circles.values {
            let circleID = circle.circleID
            let members = await perform(on: circle.worker) { engine, _, _ in
                engine.quality(of: circleID)
            }
            send(members ?? [], of: circleID)
        }
    }

    /// Says that nobody has media here any more: the node stops.
    func tellFarewell() {
        for circleID in circles.keys { tell(.nodeSnapshot([]), of: circleID) }
    }

    /// Says who has media here: what an event that was lost would have said.
    func tellSnapshots() {
        for circle in circles.values {
            let members = circle.members.values.filter { !$0.connected.isEmpty }
                .sorted { $0.media.sessionID < $1.media.sessionID }
                .map {
                    Event.SnapshotMember(
                        member: $0.media.eventMember, isSpeaking: $0.isSpeaking)
                }
            tell(.nodeSnapshot(members), of: circle.circleID)
        }
    }

    // MARK: Members whose media is gone

    /// Takes the seats of those who did not come back in time, and keeps those of the others.
    func endAbsent() async {
        let now = MonotonicTime.now
        for circle in circles.values {
            for (sessionID, member) in circle.members {
                guard let leavesAt = member.leavesAt, leavesAt <= now else { continue }
                do {
                    _ = try await store.endSession(
                        sessionID, in: circle.circleID, reason: .timeout)
                    circles[circle.circleID]?.members[sessionID]?.leavesAt = nil
                } catch {
                    // Kept: the next round tries again.
                    logger.warning("seat not taken back", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    func renewLeases() async {
        let sessionIDs = circles.values.flatMap { circle in
            circle.members.values.filter { !$0.connected.isEmpty }.map(\.media.sessionID)
        }
        do {
            try await store.renewLeases(sessionIDs)
        } catch {
            logger.warning("leases not renewed", metadata: ["error": "\(error)"])
        }
    }

    /// Ends what the node's former epoch has left: whoever had media then has none now, and loses
    /// the seat unless they come back in time.
    func takeOverFormerEpoch() async throws {
        for circleID in try await store.circlesPlaced(onNode: configuration.nodeID) {
            do {
                try await load(circleID)
            } catch is SignallingProblem {
                continue  // it has ended meanwhile
            }
        }
        tellSnapshots()
        await expectAbsent()
    }

    /// Starts the window of members who have had media and have none, and for whom it is not
    /// running: a former epoch had them, and Ingest may be late to tell.
    func expectAbsent() async {
        do {
            let leavesAt = MonotonicTime.now.adding(
                milliseconds: configuration.resumeSeconds * 1000)
            for session in try await store.sessionsWithMedia(onNode: configuration.nodeID) {
                guard let member = circles[session.circleID]?.members[session.sessionID],
                    member.connected.isEmpty, member.leavesAt == nil
                else { continue }
                circles[session.circleID]?.members[session.sessionID]?.leavesAt = leavesAt
            }
        } catch {
            // Asked again later.
            logger.warning("absent members not found", metadata: ["error": "\(error)"])
        }
    }

    var load: (circles: Int, members: Int) {
        (
            circles.count,
            circles.values.reduce(0) { $0 + $1.members.values.count { !$0.connected.isEmpty } }
        )
    }
}
