import Testing

/// Offers as real clients make them, in their lines and order.
enum ClientOffers {
    /// An offer under the name that a failing test shows.
    struct Named: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
    }

    static let all = [
        Named(testDescription: "Chromium, listener", text: chromiumListener),
        Named(testDescription: "Chromium, speaker", text: chromiumSpeaker),
        Named(testDescription: "Firefox", text: firefox),
        Named(testDescription: "aiortc", text: aiortc),
        Named(testDescription: "GStreamer", text: gstreamer),
        Named(testDescription: "LiveKit for Python", text: liveKitPython),
    ]

    /// Chromium: eight sections that receive.
    static let chromiumListener =
        chromiumHead(mids: 0..<8)
        + (0..<8).map { chromiumSection(mid: $0, direction: "recvonly") }.joined()

    /// Chromium: a microphone on which it listens too, and seven sections that receive.
    static let chromiumSpeaker =
        chromiumHead(mids: 0..<8)
        + chromiumSection(mid: 0, direction: "sendrecv", ssrc: 1_234_567_890)
        + (1..<8).map { chromiumSection(mid: $0, direction: "recvonly") }.joined()

    private static func chromiumHead(mids: Range<Int>) -> String {
        """
        v=0
        o=- 4611731400430051336 2 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE \(mids.map { "\($0)" }.joined(separator: " "))
        a=extmap-allow-mixed
        a=msid-semantic: WMS 2b1e

        """
    }

    private static func chromiumSection(mid: Int, direction: String, ssrc: UInt32? = nil) -> String
    {
        let source =
            ssrc.map { ssrc in
                """
                a=msid:2b1e 0c2d
                a=ssrc:\(ssrc) cname:Vx1+abc/
                a=ssrc:\(ssrc) msid:2b1e 0c2d

                """
            } ?? ""
        return """
            m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
            c=IN IP4 0.0.0.0
            a=rtcp:9 IN IP4 0.0.0.0
            a=ice-ufrag:Yd6h
            a=ice-pwd:6qwIYcq0Yd8UXJIXGY3JeRUx
            a=ice-options:trickle
            \(fingerprint)
            a=setup:actpass
            a=mid:\(mid)
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
            a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
            a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
            a=\(direction)
            a=rtcp-mux
            a=rtcp-rsize
            a=rtpmap:111 opus/48000/2
            a=rtcp-fb:111 transport-cc
            a=rtcp-fb:111 nack
            a=fmtp:111 minptime=10;useinbandfec=1
            a=rtpmap:63 red/48000/2
            a=fmtp:63 111/111
            a=rtpmap:9 G722/8000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:13 CN/8000
            a=rtpmap:110 telephone-event/48000
            a=rtpmap:126 telephone-event/8000

            """ + source
    }

    static let fingerprint =
        "a=fingerprint:sha-256 "
        + (0..<32).map { String(UInt8($0) | 0xA0, radix: 16, uppercase: true) }
        .joined(separator: ":")

    /// Firefox: the fingerprint and a direction at the session level, extensions with directions.
    static let firefox = """
        v=0
        o=mozilla...THIS_IS_SDPARTA-99.0 5213474397113247000 0 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=sendrecv
        \(fingerprint)
        a=group:BUNDLE 0 1
        a=ice-options:trickle
        a=msid-semantic:WMS *
        m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
        c=IN IP4 0.0.0.0
        a=sendrecv
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
        a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
        a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
        a=fmtp:101 0-15
        a=ice-pwd:f7f1a2cfc6e9eb2dbb9b9c2b9f3b0d51
        a=ice-ufrag:9f1d2c3b
        a=mid:0
        a=msid:{6f0d} {91aa}
        a=rtcp-mux
        a=rtpmap:109 opus/48000/2
        a=rtpmap:9 G722/8000/1
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000/1
        a=setup:actpass
        a=ssrc:3216549870 cname:{c0ffee}
        m=audio 0 UDP/TLS/RTP/SAVPF 109 101
        c=IN IP4 0.0.0.0
        a=bundle-only
        a=recvonly
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
        a=mid:1
        a=rtcp-mux
        a=rtpmap:109 opus/48000/2
        a=rtpmap:101 telephone-event/8000/1
        a=setup:actpass

        """

    /// aiortc: Opus under 96, candidates inside, three fingerprints.
    static let aiortc = """
        v=0
        o=- 3912345678 3912345678 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=group:BUNDLE 0
        a=msid-semantic:WMS *
        m=audio 46123 UDP/TLS/RTP/SAVPF 96 0 8
        c=IN IP4 192.168.1.7
        a=sendrecv
        a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=mid:0
        a=msid:7f31 a2b9
        a=rtcp:9 IN IP4 0.0.0.0
        a=rtcp-mux
        a=ssrc:2951384023 cname:9d2b
        a=rtpmap:96 opus/48000/2
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=candidate:1f2e 1 udp 2130706431 192.168.1.7 46123 typ host
        a=candidate:2a3b 1 udp 1694498815 203.0.113.5 46123 typ srflx raddr 192.168.1.7 rport 46123
        a=end-of-candidates
        a=ice-ufrag:Ksh1
        a=ice-pwd:xM1qGZk2JY3sPZ0bWl9QfR
        \(fingerprint)
        a=fingerprint:sha-384 \(Array(repeating: "0F", count: 48).joined(separator: ":"))
        a=setup:actpass

        """

    /// GStreamer's webrtcbin: no group for a single section, feedback for all formats, RED.
    static let gstreamer = """
        v=0
        o=- 6134782374981723 0 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=ice-options:trickle
        m=audio 9 UDP/TLS/RTP/SAVPF 97
        c=IN IP4 0.0.0.0
        a=setup:actpass
        a=ice-ufrag:3Q0Wk2bY1xqk9m7J
        a=ice-pwd:kq0mV3Jp0gDjr3GQkT9n1B7X8s5L2w4z
        a=rtcp-mux
        a=rtcp-rsize
        a=sendonly
        a=rtpmap:97 OPUS/48000/2
        a=rtcp-fb:* nack
        a=rtcp-fb:97 nack pli
        a=framerate:50
        a=fmtp:97 sprop-maxcapturerate=48000;sprop-stereo=0
        a=ssrc:2684537154 msid:user1@host webrtctransceiver0
        a=ssrc:2684537154 cname:user1@host
        a=mid:audio0
        \(fingerprint)

        """

    /// libwebrtc in LiveKit's Python SDK: data, video and audio in one bundle.
    static let liveKitPython = """
        v=0
        o=- 1847593 3 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1 13
        a=extmap-allow-mixed
        a=msid-semantic: WMS -
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel
        c=IN IP4 0.0.0.0
        a=ice-ufrag:dCh1
        a=ice-pwd:QKxkJpAHPW9Ld4BR2cOLsfbE
        a=ice-options:trickle
        \(fingerprint)
        a=setup:actpass
        a=mid:0
        a=sctp-port:5000
        a=max-message-size:262144
        m=video 9 UDP/TLS/RTP/SAVPF 96 97
        c=IN IP4 0.0.0.0
        a=ice-ufrag:dCh1
        a=ice-pwd:QKxkJpAHPW9Ld4BR2cOLsfbE
        \(fingerprint)
        a=setup:actpass
        a=mid:1
        a=recvonly
        a=rtcp-mux
        a=rtpmap:96 VP8/90000
        a=rtpmap:97 rtx/90000
        a=fmtp:97 apt=96
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63
        c=IN IP4 0.0.0.0
        a=ice-ufrag:dCh1
        a=ice-pwd:QKxkJpAHPW9Ld4BR2cOLsfbE
        \(fingerprint)
        a=setup:actpass
        a=mid:13
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=sendonly
        a=msid:- 5d1e
        a=rtcp-mux
        a=rtpmap:111 opus/48000/2
        a=fmtp:111 minptime=10;useinbandfec=1
        a=rtpmap:63 red/48000/2
        a=fmtp:63 111/111
        a=ssrc:998877 cname:py
        a=ssrc:998877 msid:- 5d1e

        """
}
