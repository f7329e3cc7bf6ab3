// Looking for people and messages: people to write to, messages to open the room of.
import type { RestClient } from '@maru/client';
import type { ChatMessage, Room, User } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element, type View } from './element.ts';
import { roomHash } from './route.ts';
import { explain, type Texts } from './texts.ts';

/** While one goes on typing nothing is asked. */
const PAUSE_MS = 250;
const PEOPLE = 5;
const MESSAGES = 20;

export type SearchPanel = View & {
  /** Where what was found is shown; the caller's to place. */
  readonly results: HTMLElement;
};

export function createSearchPanel(options: {
  rest: RestClient;
  texts: Texts;
  dates: Dates;
  viewerId: string;
  nameOf: (roomId: string) => string | undefined;
  onOpen: (room: Room) => void;
  /** Something is looked for, or nothing any more. */
  onSearching: (isSearching: boolean) => void;
}): SearchPanel {
  const { rest, texts, dates } = options;
  const input = element('input', {
    type: 'search',
    'aria-label': texts.search,
    placeholder: texts.search,
    autocomplete: 'off',
    maxlength: '80',
    enterkeyhint: 'search',
  });
  const root = element('form', { role: 'search', class: 'search' }, input);
  const results = element('div', { class: 'results', hidden: true });
  const status = element('p', { role: 'status', class: 'hint' });
  let asked: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function start(): void {
    clearTimeout(timer);
    asked?.abort();
    const query = input.value.trim();
    results.hidden = query === '';
    options.onSearching(query !== '');
    if (query === '') return results.replaceChildren();
    timer = setTimeout(() => void ask(query), PAUSE_MS);
  }

  async function ask(query: string): Promise<void> {
    asked = new AbortController();
    const { signal } = asked;
    try {
      const [people, page] = await Promise.all([
        rest.listUsers(query, PEOPLE + 1),
        rest.search({ q: query, limit: MESSAGES }, signal),
      ]);
      if (signal.aborted) return;
      show(people.filter(({ userId }) => userId !== options.viewerId).slice(0, PEOPLE), page.messages);
    } catch (error) {
      if (!signal.aborted) say(explain(error, texts));
    }
  }

  function show(people: readonly User[], messages: readonly ChatMessage[]): void {
    say(people.length + messages.length === 0 ? texts.nothingFound : '');
    if (people.length > 0) results.append(section(texts.foundPeople, people.map(personItem)));
    if (messages.length > 0) results.append(section(texts.foundMessages, messages.map(messageItem)));
  }

  /** Says it in the place of what was found before. */
  function say(text: string): void {
    status.textContent = text;
    results.replaceChildren(status);
  }

  function section(title: string, items: readonly HTMLElement[]): HTMLElement {
    return element(
      'section',
      { class: 'room-list', 'aria-label': title },
      element('h3', {}, title),
      element('ul', {}, ...items.map((item) => element('li', {}, item))),
    );
  }

  function personItem({ userId, name }: User): HTMLElement {
    const write = button(texts.write, { class: 'small', 'aria-label': texts.writeToPerson(name) }, () => {
      write.disabled = true;
      rest.openDirect(userId).then(
        (room) => {
          clear();
          options.onOpen(room);
        },
        (error: unknown) => say(explain(error, texts)),
      );
    });
    return element(
      'div',
      { class: 'room-item' },
      element('span', { class: 'room-name', dir: 'auto' }, name),
      write,
    );
  }

  function messageItem({ roomId, senderName, content, createdAt }: ChatMessage): HTMLElement {
    return element(
      'a',
      { class: 'room-item', href: roomHash(roomId) },
      element('span', { class: 'found', dir: 'auto' }, `${senderName}: ${content ?? ''}`),
      element('span', { class: 'when' }, dates.brief(new Date(createdAt))),
      element('span', { class: 'preview', dir: 'auto' }, options.nameOf(roomId) ?? ''),
    );
  }

  function clear(): void {
    input.value = '';
    start();
  }

  root.addEventListener('submit', (event) => event.preventDefault());
  input.addEventListener('input', start);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) clear();
  });
  return {
    root,
    results,
    close() {
      clearTimeout(timer);
      asked?.abort();
    },
  };
}
