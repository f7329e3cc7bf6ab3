// The side of the page with all rooms: one's own, the public ones, and a way to make another.
import type { RestClient } from '@maru/client';
import type { Me, MessageCreated, Room } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element, type View } from './element.ts';
import { createLanguageSelect } from './language-select.ts';
import { createNewRoomForm } from './new-room-form.ts';
import { createRoomList } from './room-list.ts';
import { explain, type Language, type Texts } from './texts.ts';
import { createWordmark } from './wordmark.ts';

const REFRESH_MS = 5_000;

export type RoomsView = View & {
  refresh(): Promise<void>;
  showCurrent(roomId: string | null): void;
  showLastMessage(message: MessageCreated): void;
};

export function createRoomsView(options: {
  me: Me;
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  language: Language;
  onOpen: (room: Room) => void;
  onSignOut: () => void;
  onLanguage: (language: Language) => void;
}): RoomsView {
  const { me, rest, texts, dates, onOpen } = options;
  const alert = element('p', { role: 'alert', class: 'alert' });
  const lists = (['joined', 'public'] as const).map((scope) =>
    createRoomList({ scope, rest, texts, dates, onJoin: (room) => void join(room) }),
  );
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
    element('div', { class: 'rooms-body' }, newRoom, alert, ...lists.map((list) => list.root)),
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
  void refresh();

  return {
    root,
    refresh,
    showCurrent(roomId) {
      for (const list of lists) list.showCurrent(roomId);
    },
    showLastMessage(message) {
      for (const list of lists) list.showLastMessage(message);
    },
    close() {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refreshIfSeen);
    },
  };
}
