"""A WebRTC peer on GStreamer's webrtcbin: sends a tone, measures each section it receives.

Options: options.py. Facts and commands: facts.py. Of note: webrtcbin sends the audio level
(RFC 6464) if it is negotiated, names its sections audio0, audio1 …, and sends from the one local
address that leads to the endpoint, because libnice would bind each address to its own interface
and so not reach a loopback address from any other. It does not notice that its peer is gone.
"""

import os
import signal
import socket
import sys
import time
import urllib.parse

import gi
import numpy

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

import options as command_line
from facts import Commands, HeardLog, emit, milliseconds
from signalling import Refused, Resource
from tone import RATE, SineTone, ToneMeter

TICK_MS = 20
JITTER_BUFFER_MS = 100
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
OPUS_CAPS = (
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,"
    "encoding-params=(string)2,payload=111"
)
# In the form to which the payloader brings it, or the two do not meet.
SEND_CAPS = f'{OPUS_CAPS},extmap-1=(string)<"",{AUDIO_LEVEL},"vad\\=on">'
SENDER = (
    "audiotestsrc name=source is-live=true wave={wave} freq={hz} volume={volume} "
    f"samplesperbuffer=960 ! audio/x-raw,rate={RATE},channels=2 "
    "! level post-messages=false audio-level-meta=true "
    "! opusenc ! rtpopuspay ! capsfilter name=rtp"
)
RECEIVER = (
    "rtpopusdepay ! opusdec ! audioconvert ! audioresample "
    f"! audio/x-raw,format=F32LE,rate={RATE},channels=1 "
    "! appsink name=ear emit-signals=true sync=false max-buffers=50 drop=true"
)
DIRECTIONS = {
    "sendonly": GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY,
    "sendrecv": GstWebRTC.WebRTCRTPTransceiverDirection.SENDRECV,
    "recvonly": GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
}
STATS = {
    GstWebRTC.WebRTCStatsType.INBOUND_RTP: "inbound",
    GstWebRTC.WebRTCStatsType.OUTBOUND_RTP: "outbound",
    GstWebRTC.WebRTCStatsType.REMOTE_INBOUND_RTP: "remote_inbound",
}
STATS_FIELDS = {
    "ssrc": "ssrc",
    "packets-sent": "packetsSent",
    "packets-received": "packetsReceived",
    "packets-lost": "packetsLost",
    "fraction-lost": "fractionLost",
    "jitter": "jitter",
    "round-trip-time": "roundTripTime",
}


class Client:
    """One webrtcbin and its session at the server."""

    def __init__(self, options):
        self._options = options
        self._resource = Resource(options.url, options.token, options.candidate)
        self._heard = HeardLog()
        self._loop = GLib.MainLoop()
        self._commands = Commands(options.seconds is not None)
        self._pipeline = Gst.Pipeline.new()
        self._rtc = Gst.ElementFactory.make("webrtcbin")
        self._rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self._rtc.set_property("latency", JITTER_BUFFER_MS)
        self._pipeline.add(self._rtc)
        # Kept, because its floating reference goes to whoever asks for it first.
        self._ice = self._rtc.get_property("ice-agent")
        self._ice.emit("add-local-ip-address", local_address(options.url))
        self._ice.get_property("agent").set_property("ice-tcp", False)
        self._ice.get_property("agent").set_property("upnp", False)
        self._started = time.monotonic()
        self._answered_at = None
        self._ice_ms = None
        self._is_connected = False
        self._said_state = None
        self._exit_code = 1

    def run(self):
        """Joins, follows commands until the end, leaves. Returns the exit code."""
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, self._commands.quit)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self._on_error)
        self._rtc.connect("pad-added", self._on_pad)
        self._rtc.connect("notify::ice-gathering-state", self._on_gathering)
        for direction in command_line.directions(self._options):
            wanted = DIRECTIONS[direction]
            if direction == "recvonly":
                self._rtc.emit("add-transceiver", wanted, Gst.Caps.from_string(OPUS_CAPS))
            else:
                self._add_sender().set_property("direction", wanted)
        self._pipeline.set_state(Gst.State.PLAYING)
        promise = Gst.Promise.new_with_change_func(self._on_offer)
        self._rtc.emit("create-offer", None, promise)
        GLib.timeout_add(TICK_MS, self._tick)
        self._loop.run()
        self._pipeline.set_state(Gst.State.NULL)
        return self._exit_code

    def _add_sender(self):
        options = self._options
        tone = SineTone(options.tone, options.level)
        wave = "sine" if options.tone else "silence"
        description = SENDER.format(wave=wave, hz=options.tone or 440, volume=tone.amplitude)
        sender = Gst.parse_bin_from_description(description, True)
        sender.get_by_name("rtp").set_property("caps", Gst.Caps.from_string(SEND_CAPS))
        self._pipeline.add(sender)
        sender.get_static_pad("src").link(self._rtc.request_pad_simple("sink_%u"))
        return self._rtc.emit("get-transceiver", 0)

    def _on_error(self, _, message):
        emit("failed", reason=message.parse_error()[0].message)
        self._loop.quit()

    def _on_offer(self, promise):
        reply = promise.get_reply()  # owns the offer, so it must outlive the call
        offer = reply.get_value("offer")
        self._rtc.emit("set-local-description", offer, Gst.Promise.new())

    def _on_gathering(self, *_):
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if self._rtc.get_property("ice-gathering-state") == complete:
            GLib.idle_add(self._join)  # the signal comes from a thread of webrtcbin

    def _join(self):
        try:
            offer = self._rtc.get_property("local-description").sdp.as_text()
            answer = self._resource.offer(offer)
        except Refused:
            self._loop.quit()
            return GLib.SOURCE_REMOVE
        self._answered_at = time.monotonic()
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self._rtc.emit("set-remote-description", description, Gst.Promise.new())
        return GLib.SOURCE_REMOVE

    def _on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        mid = pad.get_property("transceiver").get_property("mid")
        meter = ToneMeter(self._options.window_ms, lambda hz, dbfs: self._heard.read(mid, hz, dbfs))
        receiver = Gst.parse_bin_from_description(RECEIVER, True)
        receiver.get_by_name("ear").connect("new-sample", self._on_sample, meter)
        self._pipeline.add(receiver)
        receiver.sync_state_with_parent()
        pad.link(receiver.get_static_pad("sink"))

    def _on_sample(self, ear, meter):
        buffer = ear.emit("pull-sample").get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        meter.feed(numpy.frombuffer(data, numpy.float32).astype(numpy.float64))
        return Gst.FlowReturn.OK

    def _tick(self):
        now = time.monotonic()
        self._heard.tick()
        self._follow_state(now)
        if self._said_state and self._said_state[0] in ("failed", "closed"):
            return self._leave("peer")
        if not self._is_connected and now - self._started > self._options.connect_timeout:
            emit("failed", reason="not connected in time")
            return self._leave("us")
        if self._options.seconds is not None and now - self._started > self._options.seconds:
            return self._leave("us")
        while (command := self._commands.take()) is not None:
            if command == "quit":
                return self._leave("us")
            self._obey(command)
        return GLib.SOURCE_CONTINUE

    def _follow_state(self, now):
        names = ("connection-state", "ice-connection-state")
        state = tuple(self._rtc.get_property(name).value_nick for name in names)
        if state == self._said_state:
            return
        self._said_state = state
        emit("state", connection=state[0], ice=state[1])
        if self._answered_at is None:
            return
        if self._ice_ms is None and state[1] in ("connected", "completed"):
            self._ice_ms = milliseconds(self._answered_at, now)
        if not self._is_connected and state[0] == "connected":
            self._is_connected = True
            took = milliseconds(self._answered_at, now)
            emit("connected", ice_ms=self._ice_ms, connected_ms=took)

    def _obey(self, command):
        source = self._pipeline.get_by_name("source")
        if command in ("mute", "unmute") and source is not None:
            tone = SineTone(self._options.tone, self._options.level)
            source.set_property("volume", 0.0 if command == "mute" else tone.amplitude)
        elif command == "stats":
            self._say_stats()
        elif command == "sections":
            self._resource.say_sections()
        elif command == "vanish":
            os._exit(0)
        else:
            print(f"no such command here: {command}", file=sys.stderr)

    def _say_stats(self):
        promise = Gst.Promise.new()
        self._rtc.emit("get-stats", None, promise)
        promise.wait()
        reply = promise.get_reply()
        lists = {name: [] for name in STATS.values()}
        for index in range(reply.n_fields()):
            entry = reply.get_value(reply.nth_field_name(index))
            kind = STATS.get(entry.get_value("type")) if isinstance(entry, Gst.Structure) else None
            # Sections that only send or only receive have entries for the other way too.
            if (kind == "inbound" and not entry.get_value("packets-received")) or (
                kind == "outbound" and not self._options.sends
            ):
                continue
            if kind is not None:
                fields = [field for field in STATS_FIELDS if entry.has_field(field)]
                lists[kind].append({STATS_FIELDS[name]: entry.get_value(name) for name in fields})
        emit("stats", **lists)

    def _leave(self, by):
        self._say_stats()
        status = self._resource.delete() if by == "us" else None
        emit("closed", by=by, status=status)
        self._exit_code = 0 if self._is_connected else 1
        self._loop.quit()
        return GLib.SOURCE_REMOVE


def local_address(url):
    """The address of this machine from which packets to the host of `url` leave."""
    parts = urllib.parse.urlsplit(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port or 443))
        return probe.getsockname()[0]


if __name__ == "__main__":
    Gst.init(None)
    exit_code = Client(command_line.parse(command_line.parser(__doc__))).run()
    os._exit(exit_code)  # spares the interpreter the teardown, where the ICE agent is freed twice
