"""Receivers that are not well, one on each port; prints their ports as JSON and runs until killed.

usage: bad_receiver.py CERTIFICATE KEY
hangs: takes a request and never answers. babbles: answers bytes that are no HTTP. closes: takes a
request and hangs up. floods: refuses with a body that never ends. encrypted: TLS with a certificate
that nobody knows.
"""

import json
import socket
import ssl
import sys
import threading
import time


def hangs(connection):
    connection.recv(65536)
    time.sleep(600)


def babbles(connection):
    connection.recv(65536)
    connection.sendall(bytes(range(256)) * 4 + b"\r\n\r\n")
    time.sleep(1)


def closes(connection):
    connection.recv(65536)


def floods(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        connection.sendall(b"no\n" * 2000)


def encrypted(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    tls = context.wrap_socket(connection, server_side=True)
    tls.recv(65536)
    tls.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")


def serve(listener, behave):
    def one(connection):
        try:
            behave(connection)
        except OSError:
            pass  # who gives up on us is right
        finally:
            connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


ports = {}
for behave in (hangs, babbles, closes, floods, encrypted):
    listener = socket.create_server(("127.0.0.1", 0))
    ports[behave.__name__] = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener, behave), daemon=True).start()
print(json.dumps(ports), flush=True)
threading.Event().wait()
