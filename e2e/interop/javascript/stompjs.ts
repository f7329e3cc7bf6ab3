// A client program on @stomp/stompjs: text as a browser sends it, on Node's own WebSocket, with the token in the
// subprotocol; binary over `ws`, with the token in the headers.
import { Client, type IMessage, type StompConfig, Versions } from '@stomp/stompjs';
import WebSocket from 'ws';
import type { Connect } from '../dialogue.ts';
import { end, obey, tell } from './program.ts';

type AnyWebSocket = ReturnType<NonNullable<StompConfig['webSocketFactory']>>;

const client = new Client();
const messages = new Map<string, IMessage>();

function open({ url, token, version, binary }: Connect): AnyWebSocket {
  const protocols = new Versions([version]).protocolVersions();
  const webSocket =
    binary === true
      ? new WebSocket(url, protocols, { headers: { Authorization: `Bearer ${token}` } })
      : new globalThis.WebSocket(url, [...protocols, `bearer.${token}`]);
  return webSocket as AnyWebSocket;
}

function watchReceipt(id: string): { receipt: string } {
  client.watchForReceipt(id, ({ headers }) => tell({ event: 'receipt', id, headers }));
  return { receipt: id };
}

obey({
  connect(command) {
    const { version, binary = false, splitLargeFrames = false, heartBeatMs } = command;
    client.configure({
      webSocketFactory: () => open(command),
      stompVersions: new Versions([version]),
      forceBinaryWSFrames: binary,
      splitLargeFrames,
      heartbeatIncoming: heartBeatMs,
      heartbeatOutgoing: heartBeatMs,
      reconnectDelay: 0,
      onConnect: ({ headers }) => tell({ event: 'connected', headers }),
      onStompError: ({ headers, body }) => tell({ event: 'error', headers, body }),
      onWebSocketClose: end,
    });
    client.activate();
  },
  subscribe({ id, destination, ack, headers }) {
    if (headers.receipt !== undefined) watchReceipt(headers.receipt);
    const onMessage = (message: IMessage) => {
      messages.set(message.headers['message-id'] ?? '', message);
      tell({ event: 'message', headers: message.headers, body: message.body });
    };
    client.subscribe(destination, onMessage, { ...headers, id, ack });
  },
  unsubscribe: ({ id, receipt }) => client.unsubscribe(id, watchReceipt(receipt)),
  send({ destination, body, receipt, transaction }) {
    const headers = {
      ...(receipt === undefined ? {} : watchReceipt(receipt)),
      ...(transaction === undefined ? {} : { transaction }),
    };
    client.publish({ destination, body, headers });
  },
  ack: ({ messageId }) => messages.get(messageId)?.ack(),
  begin: ({ transaction }) => client.begin(transaction),
  // It takes no headers, and so no receipt.
  commit: ({ transaction }) => client.commit(transaction),
  disconnect: () => void client.deactivate(),
});
