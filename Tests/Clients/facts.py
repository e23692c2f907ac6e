"""What a client says and is told: a JSON object per line on stdout, a command per line on stdin.

Every fact has `event` and `t`, the seconds of CLOCK_MONOTONIC at which it was true.

| event     | fields |
|-----------|--------|
| joined    | `status`, `resource` (URL), `signalling_ms` of the POST |
| refused   | `status`, `problem` (the body, parsed if JSON); the client exits with 1 |
| state     | `connection`, `ice` and, in Chromium, `dtls`: after each change of one of them |
| connected | `ice_ms`, `connected_ms` (ICE and DTLS), counted from the answer |
| heard     | `mid`, `hz` (null below −50 dBFS), `dbfs` (RMS, −120 is nothing at all); for a |
|           | section that never carried audio only in Chromium |
| stats     | `inbound`, `outbound`, `remote_inbound`: lists with W3C webrtc-stats names and |
|           | units, and `mid` (but not in GStreamer); also said before `closed` |
| sections  | `status`, `sections`: what GET on the resource says |
| restarted | `status` of the PATCH, `ice_ms` until the new path is in use (Chromium only) |
| failed    | `reason`; the client exits with 1 |
| closed    | `by` ("us" or "peer"), `status` of the DELETE where one was sent |

Commands: `mute`, `unmute`, `stats`, `sections`, `restart`, `quit` (DELETE, then exit) and `vanish`
(exit without a word to anyone). The end of stdin means `quit`, unless --seconds bounds the run.
"""

import json
import queue
import sys
import threading
import time

AUDIBLE_DBFS = -50.0
CHANGE_HZ = 20.0
NOTHING_DBFS = -120.0


def emit(event, at=None, **fields):
    """Prints one fact; `at` is its CLOCK_MONOTONIC second if that is not now."""
    moment = round(time.monotonic() if at is None else at, 4)
    print(json.dumps({"event": event, "t": moment, **fields}), flush=True)


def milliseconds(start, end):
    """The span between two CLOCK_MONOTONIC seconds, for a fact."""
    return round((end - start) * 1000, 1)


class Commands:
    """Lines of stdin, gathered by a thread and taken without blocking."""

    def __init__(self, ends_by_itself):
        self._lines = queue.Queue()
        self._ends_by_itself = ends_by_itself
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in sys.stdin:
            if line.strip():
                self._lines.put(line.strip())
        if not self._ends_by_itself:
            self.quit()

    def quit(self):
        """Ends the client as the command does, for signals."""
        self._lines.put("quit")

    def take(self):
        """The next command, or None."""
        try:
            return self._lines.get_nowait()
        except queue.Empty:
            return None


class HeardLog:
    """Turns the readings of each section into `heard` facts: at a change, else each half second."""

    PERIOD_SECONDS = 0.5
    STARVED_SECONDS = 0.4

    def __init__(self):
        self._said = {}  # mid → (t, hz, dbfs) as last printed
        self._read_at = {}  # mid → t of the last reading

    def read(self, mid, hz, dbfs, at=None):
        """Takes one reading of a section."""
        at = time.monotonic() if at is None else at
        if dbfs < AUDIBLE_DBFS:
            hz = None
        self._read_at[mid] = at
        said_at, said_hz, _ = self._said.get(mid, (float("-inf"), None, NOTHING_DBFS))
        changed = (hz is None) != (said_hz is None) or (
            hz is not None and abs(hz - said_hz) > CHANGE_HZ
        )
        if changed or at - said_at >= self.PERIOD_SECONDS:
            self._said[mid] = (at, hz, dbfs)
            rounded = None if hz is None else round(hz, 1)
            emit("heard", at, mid=mid, hz=rounded, dbfs=round(max(dbfs, NOTHING_DBFS), 1))

    def tick(self):
        """Says of sections whose audio stopped arriving that nothing is heard since it did."""
        now = time.monotonic()
        for mid, read_at in list(self._read_at.items()):
            if now - read_at > self.STARVED_SECONDS:
                said_at, said_hz, _ = self._said[mid]
                if said_hz is not None or now - said_at >= self.PERIOD_SECONDS:
                    self._said[mid] = (now, None, NOTHING_DBFS)
                    stopped_at = now if said_hz is None else read_at
                    emit("heard", stopped_at, mid=mid, hz=None, dbfs=NOTHING_DBFS)
