"""A client program on stomp.py over WebSocket; the token goes in the headers of the upgrade.

Commands come on standard input and events go to standard output, a line of JSON each: see ../dialogue.ts.
"""

import json
import os
import sys
import threading
import traceback
from urllib.parse import urlsplit

import stomp

# stomp.py calls its listeners in a thread of its own.
telling = threading.Lock()


def tell(event, **details):
    line = json.dumps({"event": event, **details})
    with telling:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.acks = {}
        self.ended = threading.Event()

    def on_connected(self, frame):
        tell("connected", headers=frame.headers)

    def on_receipt(self, frame):
        tell("receipt", id=frame.headers["receipt-id"], headers=frame.headers)

    def on_message(self, frame):
        self.acks[frame.headers["message-id"]] = frame.headers.get("ack")
        tell("message", headers=frame.headers, body=frame.body)

    def on_error(self, frame):
        tell("error", headers=frame.headers, body=frame.body)

    def on_disconnected(self):
        self.ended.set()


listener = Listener()
connection = None


def connect(url, token, version, heartBeatMs, binary=False):
    global connection
    place = urlsplit(url)
    connection = stomp.WSStompConnection(
        [(place.hostname, place.port)],
        ws_path=place.path,
        header=["Authorization: Bearer " + token],
        heartbeats=(heartBeatMs, heartBeatMs),
        binary_mode=binary,
    )
    connection.set_listener("", listener)
    connection.connect(wait=True)


def subscribe(id, destination, ack, headers):
    connection.subscribe(destination, id, ack=ack, headers=headers)


def unsubscribe(id, receipt):
    connection.unsubscribe(id, receipt=receipt)


def send(destination, body, receipt=None, transaction=None):
    headers = {"receipt": receipt, "transaction": transaction}
    connection.send(destination, body, headers={name: value for name, value in headers.items() if value})


def ack(messageId):
    connection.ack(listener.acks[messageId])


def begin(transaction):
    connection.begin(transaction)


def commit(transaction, receipt):
    connection.commit(transaction, receipt=receipt)


def disconnect():
    connection.disconnect()


ACTIONS = {
    action.__name__: action for action in (connect, subscribe, unsubscribe, send, ack, begin, commit, disconnect)
}


def obey():
    """Obeys until whoever commands is gone."""
    try:
        for line in sys.stdin:
            command = json.loads(line)
            ACTIONS[command.pop("do")](**command)
    except Exception:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


# Beside the wait for the end of the connection, which no command brings.
threading.Thread(target=obey, daemon=True).start()
listener.ended.wait()
tell("closed")
