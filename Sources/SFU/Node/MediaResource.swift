import Domain
import RTC
import Tokens

/// One transport as signalling knows it: what WHIP and WHEP call a resource.
struct MediaResource: Sendable {
    enum Kind: String, Sendable {
        /// RFC 9725: to speak.
        case whip
        /// To listen.
        case whep
    }

    let resourceID: String
    let kind: Kind
    let circleID: CircleID
    let sessionID: SessionID
    let worker: Int
    let transport: TransportID
    /// The answer, which an ICE restart changes.
    var answer: SessionDescription
    /// The sections on which the client listens, in the order of its offer.
    let slotMIDs: [String]
    /// Who is heard on each of them.
    var slotUIDs: [String?]
    var watchers: [Int: AsyncStream<[String?]>.Continuation] = [:]
    /// Rises with each ICE restart.
    var iceGeneration = 1

    /// Names the ICE session, as RFC 9725 §4.3.1 asks.
    var entityTag: String { "\"\(resourceID)-\(iceGeneration)\"" }

    var path: String { "/\(kind.rawValue)/\(circleID)/\(resourceID)" }
}

// Resources: made by an offer, changed by an ICE restart, gone with their transport.

extension MediaNode {
    static let slotCountMax = 8
    private static let watcherCountMax = 4

    /// Answers an offer.
    func connect(
        _ grant: MediaGrant, kind: MediaResource.Kind, offer: SessionDescription,
        signalledAt: MonotonicTime
    ) async throws -> MediaResource {
        let sessionID = try await admit(grant, kind: kind)
        guard let circle = circles[grant.circleID] else { throw SignallingProblem.circleNotLive }
        let worker = circle.worker
        let credentials = ICECredentials.random()
        let session: NegotiatedSession
        do {
            // A listener's sending section is accepted too: promotion then needs no new offer.
            // Until then what comes in on it is dropped.
            session = try AudioNegotiation(
                policy: NegotiationPolicy(maySend: true, maySlots: Self.slotCountMax),
                local: local(credentials, worker: worker, version: 1)
            ).answer(to: offer) { UInt32(truncatingIfNeeded: UInt64.random(in: 1...UInt64.max)) }
        } catch {
            throw SignallingProblem.offerRefused(error.text)
        }
        if kind == .whip, session.microphone == nil {
            throw SignallingProblem.offerRefused("no audio section sends")
        }
        guard session.microphone != nil || !session.slots.isEmpty else {
            throw SignallingProblem.offerRefused("no audio section sends or receives")
        }
        let configuration = TransportConfiguration(
            session, circleID: grant.circleID, sessionID: sessionID, credentials: credentials,
            signalledAt: signalledAt)
        let transport = try await add(configuration, to: worker)
        let resource = MediaResource(
            resourceID: Self.newResourceID(), kind: kind, circleID: grant.circleID,
            sessionID: sessionID, worker: worker, transport: transport,
            answer: session.answer, slotMIDs: session.slots.map(\.mid),
            slotUIDs: session.slots.map { _ in nil })
        resources[resource.resourceID] = resource
        resourceIDs[WorkerTransport(worker: worker, transport: transport)] = resource.resourceID
        await refreshMapping(of: resource)
        return resources[resource.resourceID] ?? resource
    }

    /// Checks that a token's holder may have this media now, by the state and not by the token
    /// alone: it may be older than a demotion, a kick, or a promotion.
    private func admit(_ grant: MediaGrant, kind: MediaResource.Kind) async throws -> SessionID {
        guard let sessionID = grant.sessionID else { throw SignallingProblem.sessionOver }
        guard kind == .whep || grant.role.isOnStage else { throw SignallingProblem.notASpeaker }
        try await load(grant.circleID)
        if !isCurrent(grant, sessionID, kind) { await reload(grant.circleID) }
        guard let member = circles[grant.circleID]?.members[sessionID],
            member.media.uid == grant.uid
        else { throw SignallingProblem.sessionOver }
        guard kind == .whep || member.media.isOnStage else { throw SignallingProblem.notASpeaker }
        return sessionID
    }

    /// Whether what we know already allows it; otherwise the log may be a moment behind.
    private func isCurrent(
        _ grant: MediaGrant, _ sessionID: SessionID, _ kind: MediaResource.Kind
    ) -> Bool {
        guard let member = circles[grant.circleID]?.members[sessionID] else { return false }
        return kind == .whep || member.media.isOnStage
    }

    private func local(
        _ credentials: ICECredentials, worker: Int, version: UInt64
    ) -> LocalTransport {
        LocalTransport(
            credentials: credentials, fingerprint: certificate.fingerprint,
            candidates: [
                ICECandidate(host: configuration.candidateHost, port: workers[worker].port)
            ],
            cname: "circles", sessionID: UInt64.random(in: 1...UInt64(Int64.max)),
            sessionVersion: version)
    }

    private func add(
        _ configuration: TransportConfiguration, to worker: Int
    ) async throws -> TransportID {
        do {
            return try await workers[worker].perform { engine, now, batch in
                try engine.add(configuration, now: now, into: batch)
            }
        } catch let refusal as EngineRefusal {
            switch refusal {
            case .unknownMember, .unknownCircle, .unknownTransport:
                throw SignallingProblem.sessionOver
            case .full, .invalidUfrag: throw SignallingProblem.overloaded
            }
        } catch is MediaWorker.Overloaded {
            throw SignallingProblem.overloaded
        }
    }

    /// The mapping as it stands: the event that told it may have come before the resource.
    private func refreshMapping(of resource: MediaResource) async {
        let transport = resource.transport
        let uids = await perform(on: resource.worker) { engine, _, _ in
            engine.slotUIDs(of: transport)
        }
        if let uids = uids ?? nil { map(uids, onto: resource.resourceID) }
    }

    private static func newResourceID() -> String {
        String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    // MARK: After the answer

    /// The resource of a token's holder.
    func resource(_ resourceID: String, of grant: MediaGrant) throws -> MediaResource {
        guard let resource = resources[resourceID], resource.circleID == grant.circleID,
            resource.sessionID == grant.sessionID
        else { throw SignallingProblem.noSuchResource }
        return resource
    }

    /// Ends a transport; the member leaves the circle with the last one.
    func disconnect(_ resource: MediaResource) async throws {
        forget(resource.resourceID)
        let transport = resource.transport
        await perform(on: resource.worker) { engine, now, batch in
            engine.remove(transport, now: now, into: batch)
        }
        let hasAnother = resources.values.contains { $0.sessionID == resource.sessionID }
        guard !hasAnother else { return }
        _ = try await store.endSession(
            resource.sessionID, in: resource.circleID, reason: .left)
    }

    /// Gives a transport new ICE credentials; DTLS and SRTP go on.
    func restartICE(
        _ resource: MediaResource, remoteUfrag: String
    ) async throws -> (fragment: SDPFragment, entityTag: String) {
        let credentials = ICECredentials.random()
        let transport = resource.transport
        do {
            try await workers[resource.worker].perform { engine, now, _ in
                try engine.restartICE(
                    transport, local: credentials, remoteUfrag: remoteUfrag, now: now)
            }
        } catch is EngineRefusal {
            throw SignallingProblem.noSuchResource
        }
        guard var changed = resources[resource.resourceID] else {
            throw SignallingProblem.noSuchResource
        }
        changed.iceGeneration += 1
        for index in changed.answer.media.indices where changed.answer.media[index].iceUfrag != nil
        {
            changed.answer.media[index].iceUfrag = credentials.ufrag
            changed.answer.media[index].icePwd = credentials.password
        }
        changed.answer.sessionVersion += 1
        resources[resource.resourceID] = changed
        var fragment = SDPFragment(iceUfrag: credentials.ufrag, icePwd: credentials.password)
        fragment.isICELite = true
        let candidate = ICECandidate(
            host: configuration.candidateHost, port: workers[resource.worker].port)
        fragment.sections = changed.answer.media.filter { $0.iceUfrag != nil }.prefix(1).map {
            SDPFragment.Section(mid: $0.mid, candidates: [candidate], hasEndOfCandidates: true)
        }
        return (fragment, changed.entityTag)
    }

    /// Presses or releases the button in a circle with push-to-talk.
    func setTalking(_ isTalking: Bool, _ resource: MediaResource) async {
        let (sessionID, circleID) = (resource.sessionID, resource.circleID)
        await perform(on: resource.worker) { engine, now, _ in
            engine.setTalking(isTalking, sessionID, in: circleID, now: now)
        }
    }

    // MARK: Who is heard where

    func map(_ uids: [String?], onto resourceID: String) {
        guard var resource = resources[resourceID], resource.slotUIDs != uids else { return }
        resource.slotUIDs = uids
        resources[resourceID] = resource
        for watcher in resource.watchers.values { watcher.yield(uids) }
    }

    /// The mapping now and after each change; the newest is what counts, so a slow reader
    /// skips. Ends with the transport.
    func watch(_ resource: MediaResource) throws -> AsyncStream<[String?]> {
        guard var current = resources[resource.resourceID],
            current.watchers.count < Self.watcherCountMax
        else { throw SignallingProblem.overloaded }
        let (stream, continuation) = AsyncStream<[String?]>.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        let number = (current.watchers.keys.max() ?? 0) + 1
        current.watchers[number] = continuation
        resources[resource.resourceID] = current
        continuation.yield(current.slotUIDs)
        continuation.onTermination = { [weak self] _ in
            Task { await self?.unwatch(resource.resourceID, number) }
        }
        return stream
    }

    private func unwatch(_ resourceID: String, _ number: Int) {
        resources[resourceID]?.watchers[number] = nil
    }

    func forget(_ resourceID: String) {
        guard let resource = resources.removeValue(forKey: resourceID) else { return }
        resourceIDs[
            WorkerTransport(worker: resource.worker, transport: resource.transport)] = nil
        for watcher in resource.watchers.values { watcher.finish() }
    }
}

extension TransportConfiguration {
    fileprivate init(
        _ session: NegotiatedSession, circleID: CircleID, sessionID: SessionID,
        credentials: ICECredentials, signalledAt: MonotonicTime
    ) {
        self.init(
            circleID: circleID, sessionID: sessionID, localUfrag: credentials.ufrag,
            localPassword: credentials.password, remoteUfrag: session.remoteCredentials.ufrag,
            remoteFingerprint: session.remoteFingerprint,
            microphone: session.microphone.map {
                Microphone(
                    opusPayloadType: $0.opusPayloadType, redPayloadType: $0.redPayloadType ?? 0,
                    audioLevelExtensionID: $0.audioLevelExtensionID ?? 0,
                    isNACKEnabled: $0.isNACKEnabled)
            },
            slots: session.slots.map {
                Slot(
                    ssrc: $0.ssrc, opusPayloadType: $0.opusPayloadType,
                    redPayloadType: $0.redPayloadType ?? 0, isNACKEnabled: $0.isNACKEnabled)
            },
            signalledAt: signalledAt)
    }
}
