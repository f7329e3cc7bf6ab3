// A list of rooms: those one is in, to open, or public ones, to join.
import type { RestClient } from '@maru/client';
import type { ChatMessage, Room, RoomListEvent } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element } from './element.ts';
import { roomHash } from './route.ts';
import type { Texts } from './texts.ts';

const PAGE = 50;
const MOST_SHOWN = 99;

export type RoomList = {
  readonly root: HTMLElement;
  refresh(): Promise<void>;
  showCurrent(roomId: string | null): void;
  /** One of the rooms has changed. */
  update(event: Extract<RoomListEvent, { type: 'room.updated' }>): void;
  /** What is known of the room's name. */
  nameOf(roomId: string): string | undefined;
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
    const listed = scope === 'joined' ? loaded : loaded.filter((room) => room.role === null);
    rooms = listed.map((room) =>
      newerOf(
        room,
        rooms.find(({ roomId }) => roomId === room.roomId),
      ),
    );
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
    const isCurrent = room.roomId === currentId;
    return element(
      'a',
      {
        class: 'room-item',
        href: roomHash(room.roomId),
        'data-room-id': room.roomId,
        'aria-current': isCurrent ? 'page' : false,
      },
      name,
      element('span', { class: 'when' }, at === null ? '' : dates.brief(at)),
      element('span', { class: 'preview', dir: 'auto' }, previewOf(last)),
      badgeOf(room),
    );
  }

  function badgeOf({ roomId, unread, unreadMentions, visibility, directWith }: Room): HTMLElement {
    // Of what stands open before one's eyes nothing is unread, or only for a moment.
    if (unread > 0 && !(roomId === currentId && document.hasFocus())) {
      const mark = unreadMentions > 0 ? '@' : '';
      const count = unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(unread);
      return element(
        'span',
        { class: 'badge' },
        element('span', { 'aria-hidden': 'true' }, mark + count),
        element('span', { class: 'unseen' }, texts.unread(unread, unreadMentions)),
      );
    }
    if (directWith !== null) return element('span', { class: 'tag' }, texts.direct);
    return element('span', { class: 'tag' }, visibility === 'private' ? texts.isPrivate : '');
  }

  function previewOf(last: ChatMessage | null): string {
    if (last === null) return texts.noMessages;
    return `${last.senderName}: ${(last.content ?? texts.messageDeleted).replaceAll(/\s+/g, ' ')}`;
  }

  return {
    root,
    refresh,
    showCurrent(roomId) {
      currentId = roomId;
      render();
    },
    update({ type: _, ...change }) {
      rooms = rooms.map((room) => (room.roomId === change.roomId ? { ...room, ...change } : room));
      render();
    },
    nameOf: (roomId) => rooms.find((room) => room.roomId === roomId)?.name,
  };
}

/** What was heard while the list was on its way may be newer than the list. Of another log-epoch nothing is. */
function newerOf(listed: Room, known: Room | undefined): Room {
  if (known === undefined || known.logEpoch !== listed.logEpoch) return listed;
  const isNewer = known.head > listed.head || (known.head === listed.head && known.readSeq > listed.readSeq);
  if (!isNewer) return listed;
  const { name, head, lastMessage, readSeq, unread, unreadMentions } = known;
  return { ...listed, name, head, lastMessage, readSeq, unread, unreadMentions };
}
