"""A WebRTC peer on aiortc: sends a tone, measures what each section receives.

Options: options.py. Facts and commands: facts.py. Of note in aiortc:
 - it always sends the audio level (RFC 6464) if it is negotiated, with the voice flag 0;
 - it tells several receiving sections apart only by the `a=ssrc` lines of the answer;
 - an RTCP BYE for a section ends that section for good;
 - it knows no ICE restart and does not conceal loss.
"""

import asyncio
import fractions
import os
import signal
import sys
import time

import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

import options as command_line
from facts import Commands, HeardLog, emit, milliseconds
from signalling import Refused, Resource
from tone import RATE, SineTone, ToneMeter

FRAME_SAMPLES = 960
TICK_SECONDS = 0.02


class ToneTrack(MediaStreamTrack):
    """A microphone that hears a tone: 20 ms frames at the pace of the clock."""

    kind = "audio"

    def __init__(self, tone):
        super().__init__()
        self._tone = tone
        self._started_at = None
        self._sample_count = 0

    async def recv(self):
        """The next frame, not before its time."""
        now = time.monotonic()
        if self._started_at is None:
            self._started_at = now
        due = self._started_at + self._sample_count / RATE
        if due > now:
            await asyncio.sleep(due - now)
        samples = (self._tone.take(FRAME_SAMPLES) * 32767).astype(numpy.int16)
        # Stereo, because the encoder would bring mono down by 3 dB to make it stereo.
        interleaved = numpy.repeat(samples, 2)[numpy.newaxis, :]
        frame = av.AudioFrame.from_ndarray(interleaved, "s16", "stereo")
        frame.sample_rate = RATE
        frame.pts = self._sample_count
        frame.time_base = fractions.Fraction(1, RATE)
        self._sample_count += FRAME_SAMPLES
        return frame


class Client:
    """One peer connection and its session at the server."""

    def __init__(self, options):
        self._options = options
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._resource = Resource(options.url, options.token, options.candidate)
        self._tone = SineTone(options.tone, options.level) if options.sends else None
        self._heard = HeardLog()
        self._listeners = []
        self._answered_at = None
        self._ice_ms = None
        self._is_connected = False
        self._said_state = None

    async def run(self):
        """Joins, follows commands until the end, leaves. Returns the exit code."""
        started = time.monotonic()
        commands = Commands(self._options.seconds is not None)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, commands.quit)
        try:
            await self._join()
            while True:
                await asyncio.sleep(TICK_SECONDS)
                self._heard.tick()
                now = time.monotonic()
                self._follow_state(now)
                if self._peer.connectionState in ("failed", "closed"):
                    return await self._leave("peer")
                if not self._is_connected and now - started > self._options.connect_timeout:
                    emit("failed", reason="not connected in time")
                    return await self._leave("us")
                if self._options.seconds is not None and now - started > self._options.seconds:
                    return await self._leave("us")
                while (command := commands.take()) is not None:
                    if command == "quit":
                        return await self._leave("us")
                    await self._obey(command)
        except Refused:
            await self._peer.close()
            return 1

    async def _join(self):
        for direction in command_line.directions(self._options):
            sends = direction != "recvonly"
            source = ToneTrack(self._tone) if sends else "audio"
            self._peer.addTransceiver(source, direction=direction)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        offer = self._peer.localDescription.sdp
        answer = await asyncio.to_thread(self._resource.offer, offer)
        self._answered_at = time.monotonic()
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for transceiver in self._peer.getTransceivers():
            if transceiver.receiver.track is not None:
                listener = self._listen(transceiver.mid, transceiver.receiver.track)
                self._listeners.append(asyncio.create_task(listener))

    async def _listen(self, mid, track):
        meter = ToneMeter(self._options.window_ms, lambda hz, dbfs: self._heard.read(mid, hz, dbfs))
        try:
            while True:
                frame = await track.recv()
                channel_count = len(frame.layout.channels)
                samples = frame.to_ndarray().reshape(-1, channel_count)[:, 0]
                meter.feed(samples.astype(numpy.float64) / 32768)
        except MediaStreamError:
            return  # the track ended with the connection, which the state tells

    def _follow_state(self, now):
        state = (self._peer.connectionState, self._peer.iceConnectionState)
        if state == self._said_state:
            return
        self._said_state = state
        emit("state", connection=state[0], ice=state[1])
        if self._ice_ms is None and state[1] in ("connected", "completed"):
            self._ice_ms = milliseconds(self._answered_at, now)
        if not self._is_connected and state[0] == "connected":
            self._is_connected = True
            took = milliseconds(self._answered_at, now)
            emit("connected", ice_ms=self._ice_ms, connected_ms=took)

    async def _obey(self, command):
        if command in ("mute", "unmute") and self._tone is not None:
            self._tone.is_muted = command == "mute"
        elif command == "stats":
            await self._say_stats()
        elif command == "sections":
            await asyncio.to_thread(self._resource.say_sections)
        elif command == "vanish":
            os._exit(0)
        else:
            print(f"no such command here: {command}", file=sys.stderr)

    async def _say_stats(self):
        lists = {"inbound-rtp": [], "outbound-rtp": [], "remote-inbound-rtp": []}
        for transceiver in self._peer.getTransceivers():
            sends = transceiver.direction != "recvonly"
            ends = [transceiver.receiver] + ([transceiver.sender] if sends else [])
            for end in ends:
                for entry in (await end.getStats()).values():
                    if entry.type in lists:
                        lists[entry.type].append(_stats_entry(transceiver.mid, entry))
        emit(
            "stats",
            inbound=lists["inbound-rtp"],
            outbound=lists["outbound-rtp"],
            remote_inbound=lists["remote-inbound-rtp"],
        )

    async def _leave(self, by):
        await self._say_stats()
        status = await asyncio.to_thread(self._resource.delete) if by == "us" else None
        await self._peer.close()
        for listener in self._listeners:
            listener.cancel()
        emit("closed", by=by, status=status)
        return 0 if self._is_connected else 1


def _stats_entry(mid, entry):
    """The W3C names and units: aiortc has the jitter in samples and the fraction in 1/256."""
    result = {"mid": mid, "ssrc": entry.ssrc}
    for name in ("packetsSent", "packetsReceived", "packetsLost", "roundTripTime"):
        if hasattr(entry, name):
            result[name] = getattr(entry, name)
    if hasattr(entry, "jitter"):
        result["jitter"] = round(entry.jitter / RATE, 6)
    if hasattr(entry, "fractionLost"):
        result["fractionLost"] = round(entry.fractionLost / 256, 4)
    return result


if __name__ == "__main__":
    sys.exit(asyncio.run(Client(command_line.parse(command_line.parser(__doc__))).run()))
