// A client program on @stomp/rx-stomp: subscriptions are observables, receipts are promises.
import { RxStomp, RxStompState } from '@stomp/rx-stomp';
import type { IMessage } from '@stomp/stompjs';
import { end, obey, tell } from './program.ts';

const rxStomp = new RxStomp();
const messages = new Map<string, IMessage>();
const watched = new Map<string, { unsubscribe(): void }>();
/** What UNSUBSCRIBE will hold: rx-stomp wants to know when it subscribes. */
const farewells = new Map<string, string>();

function watchReceipt(id: string): { receipt: string } {
  rxStomp.watchForReceipt(id, ({ headers }) => tell({ event: 'receipt', id, headers }));
  return { receipt: id };
}

obey({
  connect({ url, token, heartBeatMs }) {
    rxStomp.configure({
      webSocketFactory: () => new WebSocket(url, ['v12.stomp', `bearer.${token}`]),
      heartbeatIncoming: heartBeatMs,
      heartbeatOutgoing: heartBeatMs,
      reconnectDelay: 0,
    });
    rxStomp.serverHeaders$.subscribe((headers) => tell({ event: 'connected', headers }));
    rxStomp.stompErrors$.subscribe(({ headers, body }) => tell({ event: 'error', headers, body }));
    rxStomp.activate();
    // It is *closed* until it connects, too.
    rxStomp.connectionState$.subscribe((state) => {
      if (state === RxStompState.CLOSED) end();
    });
  },
  subscribe({ id, destination, ack, headers }) {
    if (headers.receipt !== undefined) watchReceipt(headers.receipt);
    const observable = rxStomp.watch({
      destination,
      subHeaders: { ...headers, id, ack },
      unsubHeaders: () => ({ id, receipt: farewells.get(id) ?? '' }),
    });
    const watching = observable.subscribe((message) => {
      messages.set(message.headers['message-id'] ?? '', message);
      tell({ event: 'message', headers: message.headers, body: message.body });
    });
    watched.set(id, watching);
  },
  unsubscribe({ id, receipt }) {
    watchReceipt(receipt);
    farewells.set(id, receipt);
    watched.get(id)?.unsubscribe();
  },
  send({ destination, body, receipt, transaction }) {
    const headers = {
      ...(receipt === undefined ? {} : watchReceipt(receipt)),
      ...(transaction === undefined ? {} : { transaction }),
    };
    rxStomp.publish({ destination, body, headers });
  },
  ack: ({ messageId }) => messages.get(messageId)?.ack(),
  begin: ({ transaction }) => rxStomp.stompClient.begin(transaction),
  commit: ({ transaction }) => rxStomp.stompClient.commit(transaction),
  disconnect: () => void rxStomp.deactivate(),
});
