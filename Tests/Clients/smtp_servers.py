"""SMTP servers, one on each port; prints their ports as JSON, then a line for each message taken.

usage: smtp_servers.py CERTIFICATE KEY EXPIRED_CERTIFICATE EXPIRED_KEY
well: STARTTLS, then the user ada with the password secret. expired: the same with a certificate
whose time is over. slow: takes a message and says so 200 ms later. busy, refuses: answer a message
with 451, 554. nobody: knows no recipient. cuts: takes a message and hangs up without a word. hangs:
takes a message and says nothing. silent: accepts a connection and says nothing. babbles: greets
with bytes that are no SMTP. floods: greets without end.
"""

import asyncio
import email
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Receiver:
    def __init__(self, name):
        self.name = name

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.name == "nobody":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.name == "busy":
            return "451 4.3.0 come back later"
        if self.name == "refuses":
            return "554 5.7.1 not here"
        message = email.message_from_bytes(envelope.content)
        line = {"server": self.name, "to": envelope.rcpt_tos, "id": message["Message-ID"]}
        print(json.dumps(line), flush=True)
        if self.name == "cuts":
            server.transport.abort()
        if self.name == "hangs":
            await asyncio.sleep(600)
        if self.name == "slow":
            await asyncio.sleep(0.2)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ada", b"secret"))


def smtp(name, tls=None):
    def make():
        if tls is None:
            return SMTP(Receiver(name), hostname="localhost")
        return SMTP(
            Receiver(name), hostname="localhost", tls_context=tls, require_starttls=True,
            auth_required=True, authenticator=authenticate)

    return make


async def silent(reader, writer):
    await reader.read()


async def babbles(reader, writer):
    writer.write(bytes(range(256)) * 4 + b"\r\n\r\n")
    await reader.read()


async def floods(reader, writer):
    try:
        while True:
            writer.write(b"220-no end\r\n" * 1000)
            await writer.drain()
    except OSError:
        pass  # who gives up on us is right


def tls(chain, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


async def main():
    loop = asyncio.get_running_loop()
    made = {name: smtp(name) for name in
            ("slow", "busy", "refuses", "nobody", "cuts", "hangs")}
    made["well"] = smtp("well", tls(*sys.argv[1:3]))
    made["expired"] = smtp("expired", tls(*sys.argv[3:5]))
    servers = {name: await loop.create_server(make, "127.0.0.1", 0)
               for name, make in made.items()}
    for serve in (silent, babbles, floods):
        servers[serve.__name__] = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(json.dumps({name: server.sockets[0].getsockname()[1]
                      for name, server in servers.items()}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
