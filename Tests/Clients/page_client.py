"""A person in front of the page at `/`, in headless Chromium with a microphone that plays a tone.

    page_client.py --url http://127.0.0.1:8080/ [--tone HZ] [--width PX --height PX] [--dark]

Everything is found as assistive technology finds it: by role and accessible name. Each line of
stdin is a command, a JSON array; each waits until it can be done, half a minute at most, and is
answered by the fact `did`, or `failed` (facts.py), after which the client ends.

| command                          | does |
|----------------------------------|------|
| ["click", ROLE, NAME]            | clicks in its middle |
| ["type", NAME, TEXT]             | replaces the text of the textbox of that name |
| ["shows", ROLE, NAME]            | waits for it |
| ["hides", ROLE, NAME]            | waits until there is none |
| ["lists", LIST, ITEM, WORD …]    | waits for an item that begins with ITEM and has these words |
| ["unlists", LIST, ITEM, WORD …]  | waits until there is none |
| ["says", TEXT]                   | waits until this stands somewhere |
| ["named"]                        | fails if a button, link or field has no name |
| ["fits"]                         | fails if the page scrolls sideways |
| ["contrast"]                     | fails if a visible text has less contrast than WCAG AA asks |
| ["errors"]                       | fails if a script threw, or broke the page's policy |
| ["picture", PATH]                | writes a PNG |
| ["reload"]                       | loads the page anew |
| ["depart"]                       | goes to an empty page, as if the tab were closed |

`quit`, a word and no array, closes the browser and ends; so does the end of stdin.

What each playing audio element sounds like is said as in chromium_client.py: `heard`, with the
uid that the page holds it for in `uid`.
"""

import argparse
import base64
import json
import pathlib
import queue
import sys
import tempfile
import threading
import time

from accessibility import AccessibilityTree
from chromium import Chromium, ChromiumError
from chromium_client import write_tone_file
from facts import HeardLog, emit

LISTENER = pathlib.Path(__file__).with_name("page_listener.js").read_text()
PATIENCE_SECONDS = 30
TICK_SECONDS = 0.05


class Impossible(Exception):
    """A command that could not be done in time."""


class Person:
    """Does what the commands say."""

    def __init__(self, browser, url):
        self._browser = browser
        self._url = url
        self._heard = HeardLog()
        self._wants_facts_at = 0.0

    def arrive(self):
        """Opens the page."""
        self._browser.open(self._url)
        for domain in ("Accessibility", "DOM", "Page", "Runtime", "Log"):
            self._browser.ask(f"{domain}.enable", {})
        self._browser.evaluate(LISTENER)

    def listen(self):
        """Says what is heard."""
        for reading in self._browser.evaluate("window.takeReadings?.() ?? []"):
            self._heard.read(reading["uid"], reading["hz"], reading["dbfs"])
        self._heard.tick()

    def do(self, name, *arguments):
        """Obeys one command. Raises: Impossible."""
        command = getattr(self, f"do_{name}", None)
        if command is None:
            raise Impossible(f"no such command: {name}")
        command(*arguments)

    def _until(self, condition):
        """Waits for a condition that returns something, and returns it."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            tree = AccessibilityTree(self._browser)
            if (result := condition(tree)) is not None:
                return result
            if time.monotonic() > give_up_at:
                texts = sorted({n.text() for n in tree.all() if n.role not in ("generic", "none")})
                raise Impossible(f"the page says: {' | '.join(filter(None, texts))[:1500]}")
            self.listen()
            time.sleep(TICK_SECONDS)

    def do_click(self, role, name):
        def click(tree):
            node = tree.find(role, name)
            if node is None or node.state("disabled"):
                return None
            target = {"backendNodeId": node.dom_node}
            try:
                self._browser.ask("DOM.scrollIntoViewIfNeeded", target)
                quads = self._browser.ask("DOM.getContentQuads", target)["quads"]
            except ChromiumError:
                return None  # it has just gone: look again
            if not quads:
                return None
            x, y = sum(quads[0][0::2]) / 4, sum(quads[0][1::2]) / 4
            for kind in ("mousePressed", "mouseReleased"):
                self._browser.ask(
                    "Input.dispatchMouseEvent",
                    {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1},
                )
            return True

        self._until(click)

    def do_type(self, name, text):
        def focus(tree):
            for role in ("textbox", "searchbox", "combobox"):
                if (node := tree.find(role, name)) is not None:
                    self._browser.ask("DOM.focus", {"backendNodeId": node.dom_node})
                    return True
            return None

        self._until(focus)
        self._browser.evaluate("document.activeElement.select()")
        self._browser.ask("Input.insertText", {"text": text})

    def do_shows(self, role, name):
        self._until(lambda tree: tree.find(role, name))

    def do_hides(self, role, name):
        self._until(lambda tree: True if tree.find(role, name) is None else None)

    def do_says(self, text):
        def find(tree):
            return True if any(text in node.name for node in tree.all("StaticText")) else None

        self._until(find)

    def do_lists(self, list_name, item, *words):
        self._until(lambda tree: True if has_item(tree, list_name, item, words) else None)

    def do_unlists(self, list_name, item, *words):
        self._until(lambda tree: None if has_item(tree, list_name, item, words) else True)

    def do_named(self):
        if unnamed := AccessibilityTree(self._browser).unnamed():
            raise Impossible(f"without a name: {unnamed}")

    def do_fits(self):
        overflow = self._browser.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            wide = self._browser.evaluate("wideElements()")
            raise Impossible(f"{overflow} pixels wider than the screen: {wide}")

    def do_contrast(self):
        if pale := self._browser.evaluate("paleTexts()"):
            raise Impossible(f"hard to read: {pale}")

    def do_errors(self):
        if self._browser.complaints:
            raise Impossible(f"the page complains: {self._browser.complaints}")

    def do_picture(self, path):
        data = self._browser.ask("Page.captureScreenshot", {"format": "png"})["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def do_depart(self):
        self._browser.leave()

    def do_reload(self):
        self._browser.reload()
        self._browser.evaluate(LISTENER)


def has_item(tree, list_name, item, words):
    """Whether a list has an item that begins so and has all the words."""
    texts = [node.text() for node in tree.items(list_name) or []]
    return any(
        text.removeprefix("• ").startswith(item) and all(word in text for word in words)
        for text in texts
    )


def read_commands():
    """Lines of stdin through a queue; None at the end."""
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def follow(person):
    """Obeys until the end. Returns the exit code."""
    lines = read_commands()
    while True:
        try:
            line = lines.get(timeout=TICK_SECONDS)
        except queue.Empty:
            person.listen()
            continue
        if line is None or line.strip() == "quit":
            return 0
        command = json.loads(line)
        try:
            person.do(*command)
        except (Impossible, ChromiumError) as error:
            emit("failed", reason=f"{command}: {error}")
            return 1
        emit("did", command=command)


def main():
    """Runs one browser with one person."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--tone", type=float)
    parser.add_argument("--level", type=float, default=-15.0)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="circles-page-") as folder:
        flags = []
        if options.tone is not None:
            file = pathlib.Path(folder, "microphone.wav")
            write_tone_file(file, options)
            flags.append(f"--use-file-for-fake-audio-capture={file}")
        with Chromium(pathlib.Path(folder, "profile"), flags, options.debug) as browser:
            browser.look(options.width, options.height, options.dark)
            person = Person(browser, options.url)
            person.arrive()
            emit("connected")
            return follow(person)


if __name__ == "__main__":
    sys.exit(main())
