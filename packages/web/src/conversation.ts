// The live part of a room: history, what comes, what one writes oneself.
import {
  type ChatClient,
  type ClientErrorCode,
  createClientMessageId,
  type RestClient,
  type Sent,
} from '@maru/client';
import type { Me, MessageCreated, Room, RoomEntry } from '@maru/contract';
import { createComposer } from './composer.ts';
import type { Dates } from './dates.ts';
import { element, type View } from './element.ts';
import {
  createMessageLine,
  createPendingLine,
  createRemarkLine,
  type Line,
  type PendingLine,
} from './message-line.ts';
import { createMessageList } from './message-list.ts';
import { explain, type Texts } from './texts.ts';

const EARLIER_PAGE = 50;

export function createConversation(options: {
  room: Room;
  me: Me;
  chat: ChatClient;
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  /** Every entry as it is shown, for whoever counts members or shows the last message. */
  onEntry: (entry: RoomEntry) => void;
  onLost: (code: ClientErrorCode) => void;
}): View & { focus(): void } {
  const { room, me, chat, rest, texts, dates } = options;
  const pending = new Map<string, PendingLine>();
  let firstSeq: number | null = null;
  let loadingEarlier = false;
  let isReady = false;

  const list = createMessageList(texts, dates, () => void loadEarlier());
  const composer = createComposer({ roomName: room.name, texts, onSend: (content) => write(content) });
  const root = element('div', { class: 'conversation' }, list.root, composer.root);

  const subscription = chat.subscribeRoom(room.roomId, {
    onEntry(entry) {
      firstSeq ??= entry.seq;
      show(entry);
      options.onEntry(entry);
    },
    onReady({ hasEarlier }) {
      list.setBusy(false);
      // Only the first load knows; after a reconnect what is shown may already reach further back.
      if (!isReady) list.setEarlier(hasEarlier ? 'some' : 'none');
      isReady = true;
    },
    onReset() {
      firstSeq = null;
      isReady = false;
      list.clear();
      list.setBusy(true);
      for (const line of pending.values()) list.appendPending(line);
    },
    onRefused: options.onLost,
  });

  function show(entry: RoomEntry): void {
    if (entry.type === 'message.created') {
      settle(entry.clientMessageId);
      list.append(createMessageLine(entry, entry.senderId === me.userId, dates));
    } else if (entry.type === 'member.joined') {
      list.append(createRemarkLine(entry.seq, entry.createdAt, texts.joined(entry.userName)));
    } else if (entry.type === 'member.left') {
      list.append(createRemarkLine(entry.seq, entry.createdAt, texts.left(entry.userName)));
    }
  }

  /** The stored message takes the place of the pending one. */
  function settle(clientMessageId: string | undefined): void {
    const line = clientMessageId === undefined ? undefined : pending.get(clientMessageId);
    if (clientMessageId === undefined || line === undefined) return;
    pending.delete(clientMessageId);
    list.remove(line);
  }

  function write(content: string): void {
    const clientMessageId = createClientMessageId();
    const line = createPendingLine(me, content, texts, dates);
    pending.set(clientMessageId, line);
    list.appendPending(line);
    send(content, clientMessageId, line);
  }

  function send(content: string, clientMessageId: string, line: PendingLine): void {
    line.showSending();
    chat.sendMessage(room.roomId, content, { clientMessageId }).then(
      (sent: Sent) => {
        // Stored; if its entry has not come yet it is on its way, and will replace this line.
        if (pending.has(sent.clientMessageId)) line.showSent(line.at);
      },
      (error: unknown) => {
        // The same id again: were it stored after all, it is not stored twice.
        line.showFailed(explain(error, texts), () => send(content, clientMessageId, line));
      },
    );
  }

  async function loadEarlier(): Promise<void> {
    if (loadingEarlier || firstSeq === null) return;
    const before = firstSeq;
    loadingEarlier = true;
    list.setEarlier('loading');
    try {
      const page = await rest.listMessages(room.roomId, { before, limit: EARLIER_PAGE });
      // The log was reset meanwhile: this page is of the one before.
      if (firstSeq !== before) return;
      firstSeq = page.messages[0]?.seq ?? firstSeq;
      list.prepend(page.messages.map(lineOf));
      list.setEarlier(page.hasMore ? 'some' : 'none');
    } catch {
      list.setEarlier('failed');
    } finally {
      loadingEarlier = false;
    }
  }

  function lineOf(message: MessageCreated): Line {
    return createMessageLine(message, message.senderId === me.userId, dates);
  }

  return { root, focus: composer.focus, close: () => subscription.close() };
}
