// A room: its name, who is in it, and the conversation; or the way in, for whoever isn't a member yet.
import type { ChatClient, RestClient } from '@maru/client';
import type { Me, MessageCreated, Room } from '@maru/contract';
import { createConversation } from './conversation.ts';
import type { Dates } from './dates.ts';
import { button, element, type View } from './element.ts';
import { ROOMS_HASH } from './route.ts';
import { explain, type Texts } from './texts.ts';

export function createRoomView(options: {
  roomId: string;
  me: Me;
  chat: ChatClient;
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  onMessage: (message: MessageCreated) => void;
  /** The caller's rooms are no longer what they were. */
  onMembership: () => void;
}): View {
  const { roomId, me, rest, texts } = options;
  const name = element('h2', { dir: 'auto' }, '');
  const people = element('p', { class: 'people' });
  const header = element(
    'header',
    {},
    element('a', { href: ROOMS_HASH, class: 'back', 'aria-label': texts.backToRooms }, '‹'),
    name,
    people,
  );
  const body = element('div', { class: 'room-body' });
  const root = element('section', { class: 'room' }, header, body);
  let conversation: ReturnType<typeof createConversation> | null = null;
  let isClosed = false;

  async function load(): Promise<void> {
    body.replaceChildren(element('p', { class: 'empty', role: 'status' }, texts.loading));
    try {
      const room = await rest.findRoom(roomId);
      if (isClosed) return;
      name.textContent = room.name;
      people.textContent = texts.people(room.memberCount);
      document.title = `${room.name} · Maru`;
      root.setAttribute('aria-label', room.name);
      if (room.role === null) showEntrance(room);
      else open(room);
    } catch (error) {
      if (!isClosed) showTrouble(explain(error, texts));
    }
  }

  function open(room: Room): void {
    let count = room.memberCount;
    conversation = createConversation({
      ...options,
      room,
      onEntry(entry) {
        if (entry.type === 'message.created') options.onMessage(entry);
        // What the room said of itself holds up to its head; older entries are in the count already.
        else if (entry.seq > room.head) {
          count += entry.type === 'member.joined' ? 1 : -1;
          people.textContent = texts.people(count);
        }
        if (entry.type === 'member.left' && entry.userId === me.userId) showLost();
      },
      onLost: showLost,
    });
    body.replaceChildren(conversation.root);
    // A finger's keyboard would cover what one came to read.
    if (matchMedia('(pointer: fine)').matches) conversation.focus();
  }

  function showEntrance(room: Room): void {
    const alert = element('p', { role: 'alert', class: 'alert' });
    const join = button(texts.join, { class: 'primary' }, async () => {
      join.disabled = true;
      try {
        await rest.joinRoom(room.roomId);
        options.onMembership();
        await load();
      } catch (error) {
        alert.textContent = explain(error, texts);
        join.disabled = false;
      }
    });
    body.replaceChildren(element('div', { class: 'empty' }, element('p', {}, texts.notMember), join, alert));
  }

  function showLost(): void {
    conversation?.close();
    conversation = null;
    options.onMembership();
    body.replaceChildren(element('p', { class: 'empty', role: 'alert' }, texts.roomLost));
  }

  function showTrouble(text: string): void {
    const again = button(texts.tryAgain, {}, () => void load());
    body.replaceChildren(
      element('div', { class: 'empty' }, element('p', { role: 'alert', class: 'alert' }, text), again),
    );
  }

  void load();
  return {
    root,
    close() {
      isClosed = true;
      conversation?.close();
      document.title = 'Maru';
    },
  };
}
