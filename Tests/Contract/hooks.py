"""What schemathesis cannot know of the API: who may ask, and which circles and people there are.

Without this nearly every request would be about a circle that does not exist, by a user who is
not in it: valid, and answered by 404 before anything was tested. Circles and users take turns,
so that a seed always makes the same run.
"""

import atexit
import base64
import collections
import datetime
import hashlib
import hmac
import itertools
import json
import os
import re
import time

import schemathesis
from hypothesis import strategies

API_KEY = os.environ["API_KEY"]
SECRET = os.environ["SECRET"].encode()
SEEDED = json.loads(os.environ["CIRCLES"])  # the circles that the test made, each with its host
IDS = sorted(SEEDED)
GUESTS = [f"guest-{number}" for number in range(1, 9)]
ISSUER = "circles-development"
FOR_GUESTS = (
    "joinCircle leaveCircle raiseHand lowerHand makeRsvp withdrawRsvp refreshMediaToken "
    "reportMember listHistory registerDevice forgetDevice"
).split()
FOR_INVITED = ("acceptInvitation", "declineInvitation")
LINK = re.compile(r"[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UID = re.compile(r"[!-~]{1,128}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

answers = collections.defaultdict(collections.Counter)  # by operation and status
created = {}  # the circles that requests made, each with its host
tokens = {}  # what we signed, by user
turns = collections.defaultdict(itertools.count)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bearer(uid):
    """A development token, as `circles token` signs it."""
    if uid not in tokens:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": ISSUER, "sub": uid, "iat": now, "exp": now + 86_400}
        parts = [{"alg": "HS256", "typ": "JWT"}, claims]
        text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
        tokens[uid] = f"Bearer {text}.{base64url(signature)}"
    return tokens[uid]


def unsubscribe_token(uid):
    """What a mail links to: the key is HKDF-SHA-256 of the secret (RFC 5869)."""
    pseudorandom = hmac.new(bytes(32), SECRET, hashlib.sha256).digest()
    key = hmac.new(pseudorandom, b"circles unsubscribe links\x01", hashlib.sha256).digest()
    text = f"summary\n{uid}".encode()
    return f"{base64url(text)}.{base64url(hmac.new(key, text, hashlib.sha256).digest())}"


def turn(name):
    """0, 1, 2 … for each name."""
    return next(turns[name])


# What a cursor is no schema says: its content is ours.
for listing in ("circles", "history"):
    schemathesis.openapi.format(
        f"{listing}-cursor",
        strategies.tuples(strategies.integers(0, 2_000_000_000_000_000), strategies.uuids()).map(
            lambda place, listing=listing: base64url(f"{listing}.{place[0]}.{place[1]}".encode())
        ),
    )


# What an entity tag is, only answers say: any, and one that never is.
schemathesis.openapi.format("circles-entity-tags", strategies.sampled_from(["*", '"1-0"']))


@schemathesis.auth(refresh_interval=None)
class Users:
    """Every request is somebody's; `before_call` decides whose."""

    def get(self, case, context):
        return bearer("zoe")

    def set(self, case, data, context):
        case.headers["X-API-Key"] = API_KEY
        case.headers["Authorization"] = data


def soon():
    """A time that a circle may start at."""
    ahead = datetime.timedelta(hours=1 + turn("time") % 7000)
    return (datetime.datetime.now(datetime.timezone.utc) + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")


def owner_of(circle_id):
    return SEEDED.get(circle_id) or created.get(circle_id)


def someone(case, circle_id):
    """Whoever makes the request most likely to be allowed, and now and then somebody else."""
    operation = case.operation.definition.raw.get("operationId")
    number = turn(operation)
    if operation == "createCircle":
        # One may create five circles a day: mostly a user for each, and one who tries for more.
        return "busy" if number % 8 == 7 else f"creator-{number}"
    if operation == "endCircle" and circle_id in SEEDED and number % 8:
        return "stranger"  # the test's circles are to stay
    if operation in FOR_INVITED and number % 3 < 2:
        return GUESTS[number % 2]
    if operation in FOR_GUESTS:
        return owner_of(circle_id) or "zoe" if number % 5 == 4 else GUESTS[number % len(GUESTS)]
    return GUESTS[number % len(GUESTS)] if number % 7 == 6 else owner_of(circle_id) or "zoe"


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters or {}
    circle_id = parameters.get("id")
    if isinstance(circle_id, str) and UUID.fullmatch(circle_id) and not owner_of(circle_id):
        number = turn("circle")
        if number % 6 < 5:
            circle_id = IDS[number % len(IDS)]
            parameters["id"] = circle_id
    token = parameters.get("token")
    if isinstance(token, str) and LINK.fullmatch(token) and turn("token") % 4 < 3:
        parameters["token"] = unsubscribe_token(GUESTS[turn("reader") % len(GUESTS)])
    if isinstance(case.body, dict):
        # Which times are valid depends on the clock, which no schema can say.
        start = case.body.get("startAt")
        if isinstance(start, str) and TIME.fullmatch(start):
            case.body["startAt"] = soon()
        uid = case.body.get("uid")
        # A valid uid stays valid; one that is wrong on purpose stays wrong.
        if isinstance(uid, str) and UID.fullmatch(uid) and uid not in GUESTS:
            number = turn("uid")
            if number % 6 < 5:
                case.body["uid"] = GUESTS[number % len(GUESTS)]
    # A key that comes with two requests is refused the second time, rightly.
    if case.headers and 0 < len(case.headers.get("Idempotency-Key") or "") <= 255:
        case.headers["Idempotency-Key"] = f"key-{turn('key')}"
    # Where the token is missing or wrong on purpose, it stays so.
    if case.headers and case.headers.get("Authorization") in tokens.values():
        case.headers["Authorization"] = bearer(someone(case, circle_id))


@schemathesis.hook
def after_call(context, case, response):
    if response.request.method == case.operation.method.upper():
        answers[case.operation.definition.raw.get("operationId")][response.status_code] += 1
    if response.status_code == 201 and case.operation.path == "/v1/circles":
        token = response.request.headers.get("Authorization")
        uid = next((uid for uid, known in tokens.items() if known == token), None)
        if uid is not None:
            created[response.json()["circleId"]] = uid


@atexit.register
def write_answers():
    """So that the test sees what was reached, and not only that nothing was wrong."""
    with open("answers.json", "w", encoding="utf-8") as file:
        json.dump(answers, file)
