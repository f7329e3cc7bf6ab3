// A list of rooms: those one is in, to open, or public ones, to join.
import type { RestClient } from '@maru/client';
import type { MessageCreated, Room } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element } from './element.ts';
import { roomHash } from './route.ts';
import type { Texts } from './texts.ts';

const PAGE = 50;

export type RoomList = {
  readonly root: HTMLElement;
  refresh(): Promise<void>;
  showCurrent(roomId: string | null): void;
  showLastMessage(message: MessageCreated): void;
};

export function createRoomList(options: {
  scope: 'joined' | 'public';
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  onJoin: (room: Room) => void;
}): RoomList {
  const { scope, rest, texts, dates } = options;
  const title = scope === 'joined' ? texts.yourRooms : texts.publicRooms;
  const list = element('ul');
  const empty = element('p', { class: 'hint', hidden: true }, '');
  empty.textContent = scope === 'joined' ? texts.noRooms : texts.noPublicRooms;
  const more = button(texts.moreRooms, { class: 'plain', hidden: true }, () => {
    pages += 1;
    void refresh();
  });
  const root = element(
    'section',
    { class: 'room-list', 'aria-label': title },
    element('h3', {}, title),
    list,
    empty,
    more,
  );
  let rooms: Room[] = [];
  let pages = 1;
  let currentId: string | null = null;
  let lastRefresh = 0;

  async function refresh(): Promise<void> {
    lastRefresh += 1;
    const thisRefresh = lastRefresh;
    const loaded: Room[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages; page += 1) {
      const answer = await rest.listRooms(scope, { cursor: cursor ?? undefined, limit: PAGE });
      loaded.push(...answer.rooms);
      cursor = answer.nextCursor;
      if (cursor === null) break;
    }
    // A slower answer to an older question says nothing new.
    if (thisRefresh !== lastRefresh) return;
    more.hidden = cursor === null;
    // A public room that one is in stands among one's own.
    rooms = scope === 'joined' ? loaded : loaded.filter((room) => room.role === null);
    render();
  }

  function render(): void {
    const focusedId = (document.activeElement as HTMLElement | null)?.dataset.roomId;
    list.replaceChildren(...rooms.map((room) => element('li', {}, itemOf(room))));
    empty.hidden = rooms.length > 0;
    if (focusedId !== undefined) {
      list.querySelector<HTMLElement>(`[data-room-id="${CSS.escape(focusedId)}"]`)?.focus();
    }
  }

  function itemOf(room: Room): HTMLElement {
    const name = element('span', { class: 'room-name', dir: 'auto' }, room.name);
    if (scope === 'public') {
      const label = { class: 'small', 'aria-label': texts.joinRoom(room.name), 'data-room-id': room.roomId };
      const people = element('span', { class: 'preview' }, texts.people(room.memberCount));
      const join = button(texts.join, label, () => options.onJoin(room));
      return element('div', { class: 'room-item' }, name, people, join);
    }
    const last = room.lastMessage;
    const at = last === null ? null : new Date(last.createdAt);
    return element(
      'a',
      {
        class: 'room-item',
        href: roomHash(room.roomId),
        'data-room-id': room.roomId,
        'aria-current': room.roomId === currentId ? 'page' : false,
      },
      name,
      element('span', { class: 'when' }, at === null ? '' : dates.brief(at)),
      element('span', { class: 'preview', dir: 'auto' }, previewOf(last)),
      element('span', { class: 'tag' }, room.visibility === 'private' ? texts.isPrivate : ''),
    );
  }

  function previewOf(last: MessageCreated | null): string {
    return last === null ? texts.noMessages : `${last.senderName}: ${last.content.replaceAll(/\s+/g, ' ')}`;
  }

  return {
    root,
    refresh,
    showCurrent(roomId) {
      currentId = roomId;
      for (const link of list.querySelectorAll('a')) {
        if (link.dataset.roomId === roomId) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
    },
    showLastMessage(message) {
      const room = rooms.find(({ roomId }) => roomId === message.roomId);
      if (room === undefined || (room.lastMessage?.seq ?? 0) >= message.seq) return;
      rooms = rooms.map((other) => (other === room ? { ...room, lastMessage: message } : other));
      render();
    },
  };
}
