// The live part of a room: history, what comes, what one writes oneself.
import {
  type ChatClient,
  type ClientErrorCode,
  createClientMessageId,
  RoomMessages,
  type Sent,
} from '@maru/client';
import type { ChatMessage, Me, Room, RoomEntry } from '@maru/contract';
import { createComposer } from './composer.ts';
import type { Dates } from './dates.ts';
import { element, type View } from './element.ts';
import {
  createMessageLine,
  createPendingLine,
  createRemarkLine,
  type MessageLine,
  type PendingLine,
} from './message-line.ts';
import { createMessageList } from './message-list.ts';
import { createReadPosition } from './read-position.ts';
import { explain, type Texts } from './texts.ts';
import { createTypingLine } from './typing-line.ts';

export function createConversation(options: {
  room: Room;
  me: Me;
  chat: ChatClient;
  texts: Texts;
  dates: Dates;
  /** The room, then every entry after that, for whoever counts members. */
  onRoom: (room: Room) => void;
  onEntry: (entry: RoomEntry) => void;
  onLost: (code: ClientErrorCode | null) => void;
}): View & { focus(): void } {
  const { room, me, chat, texts, dates } = options;
  const { roomId } = room;
  const messages = new RoomMessages(me.userId);
  const lines = new Map<string, MessageLine>();
  const pending = new Map<string, PendingLine>();
  let loadingEarlier = false;
  let isReady = false;

  const list = createMessageList({
    texts,
    dates,
    onEarlier: () => void loadEarlier(),
    onEnd: () => position.check(),
  });
  const position = createReadPosition({
    isAtEnd: () => list.isAtEnd,
    onRead: (seq) => chat.markRead(roomId, seq),
  });
  const typing = createTypingLine(texts);
  const composer = createComposer({
    placeholder: room.directWith === null ? texts.writeTo(room.name) : texts.writeToPerson(room.name),
    texts,
    onSend: (content) => write(content),
    onTyping: () => chat.typing(roomId),
  });
  const root = element('div', { class: 'conversation' }, list.root, typing.root, composer.root);
  const surroundings = {
    viewerId: me.userId,
    isModerator: room.role === 'owner' && room.directWith === null,
    texts,
    dates,
    deeds: {
      react: async ({ messageId }: ChatMessage, emoji: string, remove: boolean) => {
        await chat.react(roomId, messageId, emoji, { remove });
      },
      edit: async ({ messageId }: ChatMessage, content: string) => {
        await chat.editMessage(roomId, messageId, content);
      },
      remove: async ({ messageId }: ChatMessage) => {
        await chat.deleteMessage(roomId, messageId);
      },
    },
  };

  const subscription = chat.subscribeRoom(roomId, {
    onRoom: options.onRoom,
    onEntry(entry, asOf) {
      show(entry, asOf);
      position.arrived(entry.seq);
      options.onEntry(entry);
    },
    onReady({ hasEarlier }) {
      list.setBusy(false);
      // Only the first load knows; after a reconnect what is shown may already reach further back.
      if (!isReady) list.setEarlier(hasEarlier ? 'some' : 'none');
      isReady = true;
    },
    onReset() {
      isReady = false;
      messages.clear();
      lines.clear();
      position.reset();
      list.clear();
      list.setBusy(true);
      for (const line of pending.values()) list.appendPending(line);
    },
    onRefused: options.onLost,
    onEnded: () => options.onLost(null),
  });
  const stopSignals = chat.onSignal(roomId, (signal) => {
    if (signal.type === 'typing' && signal.userId !== me.userId) {
      typing.heard(signal.userId, signal.userName);
    }
  });

  function show(entry: RoomEntry | ChatMessage, asOf: number): void {
    const message = messages.apply(entry, asOf);
    if (message !== null) {
      if (entry.type === 'message.created') settle(message);
      const line = lines.get(message.messageId);
      if (line === undefined) list.append(lineOf(message));
      else {
        line.show(message);
        list.settle();
      }
    }
    const remark = remarkOn(entry, texts);
    if (remark !== null) list.append(createRemarkLine(entry.seq, entry.createdAt, remark));
  }

  function lineOf(message: ChatMessage): MessageLine {
    const line = createMessageLine(message, surroundings);
    lines.set(message.messageId, line);
    return line;
  }

  /** The stored message takes the place of the pending one. */
  function settle({ clientMessageId, senderId }: ChatMessage): void {
    typing.done(senderId);
    const line = clientMessageId === undefined ? undefined : pending.get(clientMessageId);
    if (clientMessageId === undefined || line === undefined || senderId !== me.userId) return;
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
    chat.sendMessage(roomId, content, { clientMessageId }).then(
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
    if (loadingEarlier) return;
    loadingEarlier = true;
    list.setEarlier('loading');
    const page = messages.awaitPage();
    try {
      const earlier = await subscription.earlier();
      if (earlier === null) return page.cancel();
      list.prepend(page.add(earlier.messages, earlier.asOf).map(lineOf));
      list.setEarlier(earlier.hasMore ? 'some' : 'none');
    } catch {
      page.cancel();
      list.setEarlier('failed');
    } finally {
      loadingEarlier = false;
    }
  }

  return {
    root,
    focus: composer.focus,
    close() {
      subscription.close();
      stopSignals();
      position.close();
      typing.close();
    },
  };
}

/** What the room says of itself between the messages; `null` for what shows otherwise. */
function remarkOn(entry: RoomEntry, texts: Texts): string | null {
  switch (entry.type) {
    case 'member.joined':
      return texts.joined(entry.userName);
    case 'member.left':
      return texts.left(entry.userName);
    case 'room.updated':
      return texts.renamed(entry.userName, entry.name);
    default:
      return null;
  }
}
