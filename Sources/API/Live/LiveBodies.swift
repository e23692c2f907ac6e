import CircleStore
import Domain
import JSONText

/// The data of a `snapshot` message.
struct LiveSnapshotBody: JSONWritable {
    let snapshot: CircleSnapshot

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("circleSeq", snapshot.circleSequence)
            json.member("circle", CircleBody(snapshot.circle))
            json.name("members")
            json.array(snapshot.members) { json, member in
                json.object { json in
                    json.member("uid", member.uid)
                    json.member("sessionId", member.sessionID)
                    json.member("role", member.role)
                    json.member("isMuted", member.isMuted)
                    json.member("isConnected", member.isConnected)
                    json.member("isSpeaking", member.isSpeaking)
                    json.member("joinedAt", member.joinedAt)
                }
            }
            json.name("hands")
            json.array(snapshot.hands.enumerated()) { json, hand in
                json.object { json in
                    json.member("uid", hand.element.uid)
                    json.member("position", hand.offset + 1)
                    json.member("raisedAt", hand.element.raisedAt)
                }
            }
        }
    }
}

/// The data of any other message.
struct LiveEventBody: JSONWritable {
    let circleSequence: Int64
    /// `nil`: it concerns no member, and only its number is told.
    let event: Event?

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("circleSeq", circleSequence)
            guard let event else { return }
            let payload = event.payload
            json.member("occurredAt", event.occurredAt)
            json.member("uid", payload.uid)
            json.member("sessionId", payload.member?.sessionID)
            json.member("role", payload.role)
            json.member("actorUid", payload.actorUID)
            switch payload {
            case .circleCreated(let details), .circleUpdated(let details, _):
                json.name("circle")
                json.object { $0.members(details) }
            case .nodeSnapshot(let listed):
                json.name("members")
                json.array(listed) { json, listed in
                    json.object { json in
                        json.member("uid", listed.member.uid)
                        json.member("sessionId", listed.member.sessionID)
                        json.member("isSpeaking", listed.isSpeaking)
                    }
                }
            // What moderators wrote about somebody is not for everyone: only reasons from lists.
            case .circleEnded, .memberLeft, .handLowered: json.member("reason", payload.reason)
            default: break
            }
        }
    }
}
