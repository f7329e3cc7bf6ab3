// A room: its name, who is in it, and the conversation; or the way in, for whoever isn't a member yet.
import type { ChatClient, RestClient } from '@maru/client';
import type { Me, Room } from '@maru/contract';
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
  /** The caller's rooms are no longer what they were. */
  onMembership: () => void;
}): View {
  const { roomId, rest, texts } = options;
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
      showHead(room.name, room.memberCount, room.directWith !== null);
      if (room.role === null) showEntrance(room);
      else open(room);
    } catch (error) {
      if (!isClosed) showTrouble(explain(error, texts));
    }
  }

  function open(room: Room): void {
    let count = 0;
    conversation = createConversation({
      ...options,
      room,
      onRoom(loaded) {
        count = loaded.memberCount;
        showHead(loaded.name, count, loaded.directWith !== null);
      },
      onEntry(entry) {
        if (entry.type === 'member.joined') count += 1;
        if (entry.type === 'member.left') count -= 1;
        if (entry.type === 'member.joined' || entry.type === 'member.left') showPeople(count);
        if (entry.type === 'room.updated') showName(entry.name);
        if (entry.type === 'room.deleted') showLost(texts.roomDeleted);
      },
      onLost: () => showLost(texts.roomLost),
    });
    body.replaceChildren(conversation.root);
    // A finger's keyboard would cover what one came to read.
    if (matchMedia('(pointer: fine)').matches) conversation.focus();
  }

  function showHead(name: string, count: number, isDirect: boolean): void {
    showName(name);
    if (isDirect) people.textContent = texts.direct;
    else showPeople(count);
  }

  function showPeople(count: number): void {
    people.textContent = texts.people(count);
  }

  function showName(text: string): void {
    name.textContent = text;
    document.title = `${text} · Maru`;
    root.setAttribute('aria-label', text);
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

  function showLost(why: string): void {
    if (conversation === null) return;
    conversation.close();
    conversation = null;
    options.onMembership();
    body.replaceChildren(element('p', { class: 'empty', role: 'alert' }, why));
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
