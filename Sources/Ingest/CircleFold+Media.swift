import Domain

/// Where the sessions' media is, as the nodes tell it.
///
/// Rules:
/// - `mediaConnected` and `speakingStarted` of a node give it the session's media:
///   `mediaConnected` always, speech only where no other node has it;
/// - only the node that has the media takes it away (`mediaDisconnected`) or speaks of speech;
/// - a `nodeSnapshot` says all that its node has: what it lists and no other node has is
///   connected, what it had and does not list is not;
/// - the first event of a node's next epoch ends all media of its former epochs, and what a
///   former epoch says after it is void;
/// - who is not connected does not speak.
extension CircleFold {
    /// Notices a node's new epoch.
    ///
    /// - Returns: `false` when the event is of a former one.
    mutating func admitNode(_ position: SourcePosition, at: Timestamp) -> Bool {
        guard let known = nodeEpochs[position.source] else {
            nodeEpochs[position.source] = position.epoch
            return true
        }
        guard position.epoch != known else { return true }
        guard position.epoch > known else { return false }
        nodeEpochs[position.source] = position.epoch
        for sessionID in openSessions.values {
            guard let attendance = attendances[sessionID],
                attendance.mediaSource?.source == position.source
            else { continue }
            attendance.disconnect(at: at)
            changedSessions.insert(sessionID)
        }
        return true
    }

    mutating func applyMedia(_ event: Event) {
        let at = event.occurredAt
        let node = SourceKey(source: event.position.source, epoch: event.position.epoch)
        if case .nodeSnapshot(let members) = event.payload {
            applySnapshot(members, of: node, at: at)
            return
        }
        guard let member = event.payload.member, isOpen(member),
            let attendance = attendances[member.sessionID]
        else { return }
        let isElsewhere = attendance.mediaSource.map { $0 != node } ?? false
        switch event.payload {
        case .mediaConnected(_, let ice, let dtls, let firstPacket):
            attendance.connect(node, at: at)
            attendance.complete(
                .init(
                    iceMilliseconds: ice, dtlsMilliseconds: dtls,
                    firstPacketMilliseconds: firstPacket), at: at)
        case _ where isElsewhere: return
        case .mediaDisconnected:
            attendance.disconnect(at: at)
        case .speakingStarted:
            attendance.connect(node, at: at)
            attendance.startSpeaking(at: at)
        case .speakingStopped:
            attendance.stopSpeaking(at: at)
        default: return
        }
        changedSessions.insert(member.sessionID)
    }

    private mutating func applySnapshot(
        _ members: [Event.SnapshotMember], of node: SourceKey, at: Timestamp
    ) {
        var listed: Set<SessionID> = []
        for entry in members where isOpen(entry.member) {
            guard let attendance = attendances[entry.member.sessionID],
                attendance.mediaSource.map({ $0 == node }) ?? true
            else { continue }
            listed.insert(entry.member.sessionID)
            if !attendance.isConnected || entry.isSpeaking || attendance.isSpeaking {
                changedSessions.insert(entry.member.sessionID)
            }
            attendance.connect(node, at: at)
            if entry.isSpeaking {
                attendance.startSpeaking(at: at)
            } else {
                attendance.stopSpeaking(at: at)
            }
        }
        for sessionID in openSessions.values where !listed.contains(sessionID) {
            guard let attendance = attendances[sessionID], attendance.mediaSource == node else {
                continue
            }
            attendance.disconnect(at: at)
            changedSessions.insert(sessionID)
        }
    }
}
