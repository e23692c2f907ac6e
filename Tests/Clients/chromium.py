"""A headless Chromium driven over its debugging pipe (the DevTools protocol, no WebSocket).

It runs with a profile of its own and ends with the `with` block: asked first, then killed by pid.
When this program dies without warning, the pipe closes and Chromium ends by itself.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--remote-debugging-pipe",
]
NAMES = ["chromium", "chromium-browser", "google-chrome"]
PATIENCE_SECONDS = 5
LOAD_SECONDS = 20
# The child reads commands from descriptor 3 and writes answers to descriptor 4.
CHILD_READ, CHILD_WRITE = 3, 4


class ChromiumError(Exception):
    """The browser or the page did not do what it was asked."""


class Chromium:
    """One browser process with one page. Start it before any thread: it runs code after a fork."""

    def __init__(self, profile, flags, shows_log):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise ChromiumError("no Chromium here: run scripts/install-clients.sh")
        commands_read, self._commands = _pipe()
        self._answers, answers_write = _pipe()

        def prepare():
            os.dup2(commands_read, CHILD_READ)
            os.dup2(answers_write, CHILD_WRITE)

        self._process = subprocess.Popen(
            [program, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if shows_log else subprocess.DEVNULL,
            pass_fds=(CHILD_READ, CHILD_WRITE),
            preexec_fn=prepare,
            start_new_session=True,
        )
        os.close(commands_read)
        os.close(answers_write)
        self._buffer = b""
        self._next_id = 1
        self._session = None
        self.complaints = []  # exceptions and violations of its policy, once `Log` and `Runtime` are enabled

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._send("Browser.close", {})
            self._process.wait(PATIENCE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it is killed below
        finally:
            self.kill()

    def kill(self):
        """Ends the browser at once, so that its peers hear no goodbye."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # all of it has ended
        self._process.wait()

    def open(self, url):
        """Opens a page and waits until it has loaded."""
        if self._session is None:
            self._attach()
        self.ask("Page.navigate", {"url": url})
        self._wait_until_loaded(f"location.href === {json.dumps(url)}")

    def look(self, width, height, is_dark):
        """Gives the page a screen of CSS pixels, a phone's if it is narrow, and a colour scheme."""
        self._attach()
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", {"features": [scheme]})

    def reload(self):
        """Loads the page anew."""
        self.evaluate("window.isOld = true")
        self.ask("Page.reload", {})
        self._wait_until_loaded("!window.isOld")

    def leave(self):
        """Goes away from the page as a person does who closes it."""
        self.ask("Page.navigate", {"url": "about:blank"})

    def _attach(self):
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = attached["sessionId"]

    def _wait_until_loaded(self, condition):
        ready = f"document.readyState === 'complete' && {condition}"
        give_up_at = time.monotonic() + LOAD_SECONDS
        while not self.evaluate(ready):
            if time.monotonic() > give_up_at:
                raise ChromiumError(f"not loaded in time: {condition}")
            time.sleep(0.02)

    def call(self, function, *arguments, waits=True):
        """Calls a function of the page; waits for its promise unless told not to."""
        listed = ", ".join(map(json.dumps, arguments))
        return self.evaluate(f"{function}({listed})" if waits else f"void {function}({listed})")

    def evaluate(self, expression):
        """The value of an expression in the page. Raises: ChromiumError if it throws."""
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.ask("Runtime.evaluate", parameters)
        if "exceptionDetails" in answer:
            raise ChromiumError(json.dumps(answer["exceptionDetails"].get("exception")))
        return answer["result"].get("value")

    def ask(self, method, parameters):
        """The result of a command of the DevTools protocol. Raises: ChromiumError."""
        asked = self._send(method, parameters)
        while True:
            message = self._receive()
            if message.get("id") == asked:
                if "error" in message:
                    raise ChromiumError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def _note(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:400])
        elif message.get("method") == "Log.entryAdded":
            entry = parameters["entry"]
            # What a server refuses is an answer; what the policy of the page refuses is a fault.
            if entry["level"] == "error" and entry["source"] != "network":
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    def _send(self, method, parameters):
        message = {"id": self._next_id, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        self._next_id += 1
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        return message["id"]

    def _receive(self):
        while b"\0" not in self._buffer:
            data = os.read(self._answers, 65536)
            if not data:
                raise ChromiumError("Chromium has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)


def _pipe():
    """A pipe whose ends do not stand where the child expects its own."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved
