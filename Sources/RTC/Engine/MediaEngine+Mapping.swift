import Domain

// Who is heard by whom.

extension MediaEngine {
    /// Opens and closes microphones as roles, mutes and policy say, and maps speakers onto slots.
    func applyPermissions(circle index: Int32, now: MonotonicTime) {
        guard let circle = circles[Int(index)] else { return }
        for microphone in circle.microphones {
            let member = circle.members[Int(peers[Int(microphone)].member)]
            let isOpen = member.microphone == microphone && circle.mayBeHeard(member)
            if !isOpen { silence(microphone) }
            uplink(microphone).pointee.setOpen(isOpen)
        }
        mapSlots(circle: index, now: now)
    }

    /// The uplink of a transport in a circle's list of microphones, or mapped onto a slot.
    private func uplink(_ microphone: Int32) -> UnsafeMutablePointer<Uplink> {
        guard let uplink = peers[Int(microphone)].uplink else {
            preconditionFailure("only transports with a microphone are listed")
        }
        return uplink
    }

    /// Ends a microphone's speech at once.
    func silence(_ index: Int32) {
        guard let uplink = peers[Int(index)].uplink else { return }
        if uplink.pointee.activity.reset() {
            events.append(.speakingStopped(circleID(of: index), eventMember(of: index)))
        }
    }

    /// Someone who may be carried by a slot.
    private struct Candidate {
        let peer: Int32
        let member: Int32
        let isOpen: Bool
        let isSpeaking: Bool
        /// −dBov: the smaller, the louder.
        let loudness: Float
        let lastActiveAt: MonotonicTime

        func ranks(before other: Candidate) -> Bool {
            if isSpeaking != other.isSpeaking { return isSpeaking }
            if isOpen != other.isOpen { return isOpen }
            if isSpeaking, loudness != other.loudness { return loudness < other.loudness }
            if lastActiveAt != other.lastActiveAt { return lastActiveAt > other.lastActiveAt }
            return peer < other.peer
        }

        /// Whether it takes the place of another that is carried: loudness must differ clearly,
        /// so that two who speak at once do not alternate.
        func displaces(_ other: Candidate) -> Bool {
            guard isSpeaking else { return false }
            return !other.isSpeaking || loudness + 6 < other.loudness
        }
    }

    /// Maps everyone on stage onto the slots of every receiver. A mapping that still holds stays;
    /// where there are more speakers than slots, those who speak come first.
    func mapSlots(circle index: Int32, now: MonotonicTime) {
        guard let circle = circles[Int(index)] else { return }
        let candidates = stage(of: circle)
        for receiver in circle.peers where peers[Int(receiver)].slotCount > 0 {
            let member = peers[Int(receiver)].member
            let isReceiver = circle.members[Int(member)].receiver == receiver
            let others = isReceiver ? candidates.filter { $0.member != member } : []
            if map(others, onto: receiver) {
                events.append(.slotsMapped(transportID(receiver), slotUIDs(of: receiver, circle)))
            }
        }
        rebuildTargets(of: circle)
    }

    private func stage(of circle: CircleMedia) -> [Candidate] {
        var candidates: [Candidate] = []
        for microphone in circle.microphones {
            let member = peers[Int(microphone)].member
            let media = circle.members[Int(member)]
            guard media.isPresent, media.member.isOnStage, media.microphone == microphone else {
                continue
            }
            let activity = uplink(microphone).pointee.activity
            candidates.append(
                Candidate(
                    peer: microphone, member: member, isOpen: circle.mayBeHeard(media),
                    isSpeaking: activity.isSpeaking, loudness: activity.loudness,
                    lastActiveAt: activity.lastActiveAt))
        }
        return candidates.sorted { $0.ranks(before: $1) }
    }

    /// - Returns: whether anything changed.
    private func map(_ candidates: [Candidate], onto receiver: Int32) -> Bool {
        let peer = peers + Int(receiver)
        var hasChanged = false
        var waiting = candidates
        for slot in 0..<peer.pointee.slotCount where peer.pointee.slots[slot].source >= 0 {
            let source = peer.pointee.slots[slot].source
            if let index = waiting.firstIndex(where: { $0.peer == source }) {
                waiting.remove(at: index)
            } else {
                peer.pointee.slots[slot].source = -1
                hasChanged = true
            }
        }
        for candidate in waiting {
            var place = (0..<peer.pointee.slotCount).first { peer.pointee.slots[$0].source < 0 }
            if place == nil {
                place = weakest(of: receiver, candidates, below: candidate)
            }
            guard let place else { continue }
            peer.pointee.slots[place].source = candidate.peer
            peer.pointee.slots[place].sourceGeneration = 0
            hasChanged = true
        }
        return hasChanged
    }

    /// The slot whose speaker gives way to a candidate.
    private func weakest(
        of receiver: Int32, _ candidates: [Candidate], below challenger: Candidate
    ) -> Int? {
        let peer = peers + Int(receiver)
        for candidate in candidates.reversed() where challenger.displaces(candidate) {
            if let slot = (0..<peer.pointee.slotCount).first(where: {
                peer.pointee.slots[$0].source == candidate.peer
            }) {
                return slot
            }
        }
        return nil
    }

    private func rebuildTargets(of circle: CircleMedia) {
        for microphone in circle.microphones {
            uplink(microphone).pointee.removeTargets()
        }
        for receiver in circle.peers {
            let peer = peers + Int(receiver)
            for slot in 0..<peer.pointee.slotCount where peer.pointee.slots[slot].source >= 0 {
                let source = uplink(peer.pointee.slots[slot].source)
                if peer.pointee.slots[slot].isNACKEnabled { source.pointee.keepHistory() }
                source.pointee.add(.init(peer: receiver, slot: Int32(slot)))
            }
        }
    }

    fileprivate func slotUIDs(of receiver: Int32, _ circle: CircleMedia) -> [String?] {
        let peer = peers + Int(receiver)
        return (0..<peer.pointee.slotCount).map { slot in
            let source = peer.pointee.slots[slot].source
            return source < 0 ? nil : circle.members[Int(peers[Int(source)].member)].member.uid
        }
    }

    /// Follows who speaks. Called every tick; a circle without change costs a loop over its
    /// microphones.
    func updateActivity(now: MonotonicTime) {
        for index in circles.indices {
            guard let circle = circles[index], circle.nextActivityCheckAt <= now else { continue }
            circles[index]!.nextActivityCheckAt = now.adding(milliseconds: 20)  // checked above
            var hasChanged = false
            for microphone in circle.microphones {
                guard uplink(microphone).pointee.activity.update(now: now) else { continue }
                hasChanged = true
                let (circleID, member) = (circle.circleID, eventMember(of: microphone))
                events.append(
                    uplink(microphone).pointee.activity.isSpeaking
                        ? .speakingStarted(circleID, member) : .speakingStopped(circleID, member))
            }
            if hasChanged || hasCompetition(circle) { mapSlots(circle: Int32(index), now: now) }
        }
    }

    /// Whether some receiver has fewer slots than there are others on stage who speak.
    private func hasCompetition(_ circle: CircleMedia) -> Bool {
        let speaking = circle.microphones.count { uplink($0).pointee.activity.isSpeaking }
        guard speaking > 1 else { return false }
        return circle.peers.contains {
            let (slotCount, member) = (peers[Int($0)].slotCount, peers[Int($0)].member)
            let own = circle.members[Int(member)].microphone
            let ownCount = own >= 0 && uplink(own).pointee.activity.isSpeaking ? 1 : 0
            return slotCount > 0 && slotCount < speaking - ownCount
        }
    }
}

extension MediaEngine {
    /// Who is heard on each slot of a transport; `nil` when it is gone.
    public func slotUIDs(of id: TransportID) -> [String?]? {
        guard isCurrent(id), let circle = circles[Int(peers[Int(id.index)].circle)] else {
            return nil
        }
        return slotUIDs(of: id.index, circle)
    }
}
