// A client program on webstomp-client, the older one: over `ws`, with its own subprotocols and the token in a header.

import webstomp, { type Client, type ExtendedHeaders, type Frame, type Message } from 'webstomp-client';
import WebSocket from 'ws';
import type { Connect, Headers } from '../dialogue.ts';
import { end, obey, tell } from './program.ts';

let client: Client;
const messages = new Map<string, Message>();

function open({ url, token, version }: Connect): WebSocket {
  // As `webstomp.client(url)` does it, which takes the WebSocket of browsers only.
  const protocols = webstomp.VERSIONS.supportedProtocols().filter(
    (protocol) => protocol <= `v${version.replace('.', '')}.stomp`,
  );
  return new WebSocket(url, protocols, { headers: { Authorization: `Bearer ${token}` } });
}

const headersOf = (frame: Frame) => frame.headers as Headers;

obey({
  connect(command) {
    const webSocket = open(command);
    client = webstomp.over(webSocket, {
      binary: command.binary === true,
      heartbeat: { incoming: command.heartBeatMs, outgoing: command.heartBeatMs },
      debug: false,
    });
    webSocket.on('close', end);
    client.onreceipt = (frame) =>
      tell({ event: 'receipt', id: headersOf(frame)['receipt-id'] ?? '', headers: headersOf(frame) });
    client.connect(
      {},
      (frame) => tell({ event: 'connected', headers: frame === undefined ? {} : headersOf(frame) }),
      (error) => {
        // It gives the end of the connection to the same callback.
        if ('command' in error) tell({ event: 'error', headers: headersOf(error), body: error.body });
      },
    );
  },
  subscribe({ id, destination, ack, headers }) {
    const onMessage = (message: Message) => {
      messages.set(message.headers['message-id'] ?? '', message);
      tell({ event: 'message', headers: headersOf(message), body: message.body });
    };
    client.subscribe(destination, onMessage, { ...headers, id, ack });
  },
  unsubscribe: ({ id, receipt }) => client.unsubscribe(id, { receipt }),
  send({ destination, body, receipt, transaction }) {
    const headers = {
      ...(receipt === undefined ? {} : { receipt }),
      ...(transaction === undefined ? {} : { transaction }),
    };
    client.send(destination, body, headers as ExtendedHeaders);
  },
  ack: ({ messageId }) => messages.get(messageId)?.ack(),
  begin: ({ transaction }) => client.begin(transaction),
  // It takes no headers, and so no receipt.
  commit: ({ transaction }) => client.commit(transaction),
  // It sends DISCONNECT and closes at once.
  disconnect: () => client.disconnect(),
});
