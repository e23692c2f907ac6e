"""A WebRTC peer in headless Chromium: speaks into its microphone, measures each section it hears.

Options: options.py, and
    --source microphone|oscillator   the tone comes from the browser's fake microphone, which plays
                                     a file (the default), or from WebAudio
    --debug                          Chromium's own log on stderr
Facts and commands: facts.py. `--tone 0` is the built-in fake microphone, which beeps. A window is
85 ms, whatever --window-ms says.

The page is chromium_page.html, served from 127.0.0.1, so the endpoint must answer CORS preflights
and expose `Location` and `ETag`. Chromium is driven over its debugging pipe and ends with it, so
that it cannot outlive this program.
"""

import http.server
import pathlib
import signal
import sys
import tempfile
import threading
import time
import wave

import numpy

import options as command_line
from chromium import Chromium
from facts import Commands, HeardLog, emit
from tone import RATE, SineTone

PAGE = pathlib.Path(__file__).with_name("chromium_page.html")
TICK_SECONDS = 0.05
FILE_SECONDS = 10  # played in a loop: without a seam for tones of whole tenths of a hertz


class Page(http.server.BaseHTTPRequestHandler):
    """Serves the one page."""

    def do_GET(self):
        body = PAGE.read_bytes() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing: stderr is for Chromium."""


class Client:
    """One page in one browser."""

    def __init__(self, options, browser):
        self._options = options
        self._browser = browser
        self._heard = HeardLog()
        self._clock_offset = 0.0  # CLOCK_MONOTONIC minus the page's clock
        self._is_connected = False
        self._has_ended = False

    def run(self, page_url):
        """Joins, follows commands until the end, leaves. Returns the exit code."""
        commands = Commands(self._options.seconds is not None)
        signal.signal(signal.SIGTERM, lambda *_: commands.quit())
        self._browser.open(page_url)
        self._clock_offset = time.monotonic() - self._browser.evaluate("performance.now()") / 1000
        self._browser.call("startOrFail", self._page_config(), waits=False)
        started = time.monotonic()
        while not self._has_ended:
            time.sleep(TICK_SECONDS)
            self._print_facts()
            now = time.monotonic()
            if not self._is_connected and now - started > self._options.connect_timeout:
                emit("failed", reason="not connected in time")
                return self._leave("us")
            if self._options.seconds is not None and now - started > self._options.seconds:
                return self._leave("us")
            while (command := commands.take()) is not None:
                if command == "quit":
                    return self._leave("us")
                if command == "vanish":
                    self._browser.kill()
                    return 0
                self._obey(command)
        return 0 if self._is_connected else 1

    def _page_config(self):
        options = self._options
        tone = SineTone(options.tone, options.level)
        return {
            "url": options.url,
            "token": options.token,
            "candidate": options.candidate,
            "directions": command_line.directions(options),
            "source": options.source,
            "hz": options.tone or 0,
            "amplitude": tone.amplitude,
        }

    def _print_facts(self):
        for fact in self._browser.call("takeFacts"):
            event, at = fact.pop("event"), fact.pop("at") / 1000 + self._clock_offset
            if event == "reading":
                self._heard.read(fact["mid"], fact["hz"], fact["dbfs"], at)
                continue
            emit(event, at, **fact)
            self._is_connected = self._is_connected or event == "connected"
            if event in ("refused", "failed", "closed"):
                self._has_ended = True
            # A DTLS goodbye shows in the transport long before the connection counts as failed.
            elif event == "state" and {fact["connection"], fact["dtls"]} & {"failed", "closed"}:
                self._leave("peer")
                return

    def _obey(self, command):
        if command in ("mute", "unmute", "stats", "sections", "restart"):
            self._browser.call(f"command.{command}")
            self._print_facts()
        else:
            print(f"no such command here: {command}", file=sys.stderr)

    def _leave(self, by):
        self._browser.call("command.leave", by == "us")
        self._print_facts()
        return 0 if self._is_connected else 1


def write_tone_file(path, options):
    """The file that the fake microphone plays."""
    tone = SineTone(options.tone, options.level)
    samples = (tone.take(RATE * FILE_SECONDS) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", None))
        file.writeframes(numpy.repeat(samples, 2).tobytes())


def main():
    """Runs the client with a browser and a page server of its own."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--source", choices=["microphone", "oscillator"], default="microphone")
    parser.add_argument("--debug", action="store_true")
    options = command_line.parse(parser)
    with tempfile.TemporaryDirectory(prefix="circles-chromium-") as folder:
        flags = []
        if options.sends and options.source == "microphone" and options.tone != 0:
            file = pathlib.Path(folder, "microphone.wav")
            write_tone_file(file, options)
            flags.append(f"--use-file-for-fake-audio-capture={file}")
        with Chromium(pathlib.Path(folder, "profile"), flags, options.debug) as browser:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return Client(options, browser).run(f"http://127.0.0.1:{server.server_port}/")


if __name__ == "__main__":
    sys.exit(main())
