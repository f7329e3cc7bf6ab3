// The page of whoever is signed in: rooms at one side, the open room at the other, the connection above both.
import type { ChatClient, RestClient } from '@maru/client';
import type { Me } from '@maru/contract';
import { createConnectionBanner } from './connection-banner.ts';
import { createDates } from './dates.ts';
import { element, type View } from './element.ts';
import { createRoomView } from './room-view.ts';
import { createRoomsView } from './rooms-view.ts';
import { parseRoute, roomHash } from './route.ts';
import type { Language, Texts } from './texts.ts';

export function createChatScreen(options: {
  me: Me;
  chat: ChatClient;
  rest: RestClient;
  language: Language;
  texts: Texts;
  onSignOut: () => void;
  onLanguage: (language: Language) => void;
}): View {
  const { chat, texts } = options;
  const dates = createDates(options.language);
  const banner = createConnectionBanner(chat, texts);
  const rooms = createRoomsView({
    ...options,
    dates,
    onOpen: (room) => {
      location.hash = roomHash(room.roomId);
    },
  });
  const main = element('main', { class: 'stage' });
  const root = element('div', { class: 'chat' }, rooms.root, main, banner.root);
  let roomView: View | null = null;

  function showRoute(): void {
    const { roomId } = parseRoute(location.hash);
    roomView?.close();
    roomView = null;
    rooms.showCurrent(roomId);
    // On a phone rooms and room are two screens; this says which is in front.
    root.dataset.screen = roomId === null ? 'rooms' : 'room';
    if (roomId === null) {
      main.replaceChildren(element('p', { class: 'empty' }, texts.chooseRoom));
      return;
    }
    roomView = createRoomView({
      ...options,
      roomId,
      dates,
      onMembership: () => void rooms.refresh(),
    });
    main.replaceChildren(roomView.root);
  }

  window.addEventListener('hashchange', showRoute);
  showRoute();
  return {
    root,
    close() {
      window.removeEventListener('hashchange', showRoute);
      roomView?.close();
      rooms.close();
      banner.close();
    },
  };
}
