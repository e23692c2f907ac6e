import CircleStore
import TestKit
import Testing

@Suite("What an admission says of the media")
struct AdmissionTests {
    @Test("members are told their circle's node, by WHIP to speak and by WHEP to listen")
    func tellsNodes() async throws {
        try await TestAPI.run(clock: ManualClock(), sfuURL: "") { api in
            let created = try await api.send(
                .post, "/v1/circles", as: "ada", json: #"{"title":"Vinyl night"}"#)
            let id = try #require(created.text("circleId"))
            // No node lives.
            #expect(created.status == 201 && created.text("token") != nil)
            #expect(created.text("sfuUrl") == nil && created.text("whepUrl") == nil)
            _ = try await api.store.nodeStore.registerNode("sfu-1", url: "https://one.test")
            let host = try await api.send(.post, "/v1/circles/\(id)/join", as: "ada")
            #expect(host.text("sfuUrl") == "https://one.test")
            #expect(host.text("whipUrl") == "https://one.test/whip/\(id)")
            #expect(host.text("whepUrl") == "https://one.test/whep/\(id)")
            let guest = try await api.send(.post, "/v1/circles/\(id)/join", as: "bob")
            #expect(guest.text("whipUrl") == nil)
            #expect(guest.text("whepUrl") == "https://one.test/whep/\(id)")
            let scheduled = try await api.send(
                .post, "/v1/circles", as: "ada",
                json: #"{"title":"Later","startAt":"2026-11-24T19:00:00Z"}"#)
            #expect(scheduled.status == 201 && scheduled.text("sfuUrl") == nil)
        }
    }

    @Test("a fixed SFU stands for every circle and every node")
    func prefersTheFixedSFU() async throws {
        try await TestAPI.run(clock: ManualClock(), sfuURL: "wss://livekit.test") { api in
            _ = try await api.store.nodeStore.registerNode("sfu-1", url: "https://one.test")
            let created = try await api.send(
                .post, "/v1/circles", as: "ada", json: #"{"title":"Vinyl night"}"#)
            #expect(created.text("sfuUrl") == "wss://livekit.test")
            #expect(created.text("whipUrl") == nil && created.text("whepUrl") == nil)
        }
    }

    @Test("a promoted member who joins again has a token that lets them speak")
    func promotionReachesTokens() async throws {
        try await TestAPI.run(clock: ManualClock()) { api in
            let id = try await api.store.makeCircle(host: "ada")
            let path = "/v1/circles/\(id)"
            let before = try await api.send(.post, path + "/join", as: "bob")
            #expect(try await api.send(.post, path + "/hand-raise", as: "bob").status == 200)
            let promoted = try await api.send(
                .post, path + "/promote", as: "ada", json: #"{"uid":"bob"}"#)
            #expect(promoted.status == 200)
            let after = try await api.send(.post, path + "/join", as: "bob")
            #expect(after.json["resumed"] as? Bool == true)
            #expect(after.text("role") == "speaker")
            #expect(after.text("sessionId") == before.text("sessionId"))
            #expect(try before.claims()["role"] as? String == "listener")
            let claims = try after.claims()
            #expect(claims["role"] as? String == "speaker")
            #expect(claims["sid"] as? String == before.text("sessionId"))
            let video = try #require(claims["video"] as? [String: Any])
            #expect(video["canPublish"] as? Bool == true)
        }
    }
}
