// The side of the page with all rooms: one's own, the public ones, and a way to make another.
import type { ChatClient, RestClient } from '@maru/client';
import type { Me, Room } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element, type View } from './element.ts';
import { createLanguageSelect } from './language-select.ts';
import { createNewRoomForm } from './new-room-form.ts';
import { createRoomList, type RoomList } from './room-list.ts';
import { createSearchPanel } from './search-panel.ts';
import { explain, type Language, type Texts } from './texts.ts';
import { createWordmark } from './wordmark.ts';

/** What is public is told to nobody; one's own rooms tell of themselves. */
const REFRESH_MS = 15_000;

export type RoomsView = View & {
  refresh(): Promise<void>;
  showCurrent(roomId: string | null): void;
};

export function createRoomsView(options: {
  me: Me;
  chat: ChatClient;
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  language: Language;
  onOpen: (room: Room) => void;
  onSignOut: () => void;
  onLanguage: (language: Language) => void;
}): RoomsView {
  const { me, chat, rest, texts, dates, onOpen } = options;
  const alert = element('p', { role: 'alert', class: 'alert' });
  const [joined, open] = (['joined', 'public'] as const).map((scope) =>
    createRoomList({ scope, rest, texts, dates, onJoin: (room) => void join(room) }),
  ) as [RoomList, RoomList];
  const lists = [joined, open];
  const search = createSearchPanel({
    rest,
    texts,
    dates,
    viewerId: me.userId,
    nameOf: joined.nameOf,
    onOpen(room) {
      void refresh();
      onOpen(room);
    },
    onSearching(isSearching) {
      for (const part of [newRoom, ...lists.map((list) => list.root)]) part.hidden = isSearching;
    },
  });
  const newRoom = createNewRoomForm({
    rest,
    texts,
    onCreated(room) {
      void refresh();
      onOpen(room);
    },
  });
  const root = element(
    'nav',
    { class: 'rooms', 'aria-label': texts.rooms },
    element('header', {}, createWordmark()),
    element(
      'div',
      { class: 'rooms-body' },
      search.root,
      newRoom,
      alert,
      search.results,
      ...lists.map((list) => list.root),
    ),
    element(
      'footer',
      {},
      element('span', { class: 'me', dir: 'auto' }, me.name),
      createLanguageSelect(options.language, texts, options.onLanguage),
      button(texts.signOut, { class: 'plain' }, options.onSignOut),
    ),
  );

  async function refresh(): Promise<void> {
    try {
      await Promise.all(lists.map((list) => list.refresh()));
      alert.textContent = '';
    } catch (error) {
      alert.textContent = explain(error, texts);
    }
  }

  async function join(room: Room): Promise<void> {
    try {
      await rest.joinRoom(room.roomId);
      onOpen(room);
      await refresh();
    } catch (error) {
      alert.textContent = explain(error, texts);
    }
  }

  const refreshIfSeen = () => {
    if (document.visibilityState === 'visible') void refresh();
  };
  const timer = setInterval(refreshIfSeen, REFRESH_MS);
  document.addEventListener('visibilitychange', refreshIfSeen);
  const stopListening = chat.onRooms(
    (event) => {
      if (event.type === 'room.updated') joined.update(event);
      else void refresh();
    },
    () => void refresh(),
  );
  void refresh();

  return {
    root,
    refresh,
    showCurrent(roomId) {
      for (const list of lists) list.showCurrent(roomId);
    },
    close() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refreshIfSeen);
      stopListening();
      search.close();
    },
  };
}
