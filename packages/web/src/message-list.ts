// The lines of a room in order, with the days between them; keeps its place while lines come and go.
import type { Dates } from './dates.ts';
import { sameDay } from './dates.ts';
import { button, element } from './element.ts';
import { createDaySeparator, type Line } from './message-line.ts';
import type { Texts } from './texts.ts';

/** Lines of one person within this time share one name. */
const GROUP_MS = 5 * 60_000;
/** So near the end, one wants to stay at the end. */
const PINNED_PX = 80;
const LOAD_EARLIER_PX = 120;

export type MessageList = {
  readonly root: HTMLElement;
  /** The newest line is in view. */
  readonly isAtEnd: boolean;
  /** After all stored lines, before those still pending. */
  append(line: Line): void;
  /** At the very end, and comes into view. */
  appendPending(line: Line): void;
  /** Before all others; `lines` ascending. What is in view stays where it is. */
  prepend(lines: readonly Line[]): void;
  remove(line: Line): void;
  /** Something in a line has changed its height: the end stays the end. */
  settle(): void;
  clear(): void;
  setBusy(busy: boolean): void;
  setEarlier(state: 'none' | 'some' | 'loading' | 'failed'): void;
};

export function createMessageList(options: {
  texts: Texts;
  dates: Dates;
  onEarlier: () => void;
  /** The end has come into view. */
  onEnd: () => void;
}): MessageList {
  const { texts, dates, onEarlier, onEnd } = options;
  let lines: Line[] = [];
  let isPinned = true;
  let earlier: 'none' | 'some' | 'loading' | 'failed' = 'none';

  const earlierButton = button('', { class: 'earlier', hidden: true }, onEarlier);
  const empty = element('p', { class: 'empty', hidden: true }, texts.firstMessage);
  const list = element('ol');
  const log = element(
    'div',
    { role: 'log', 'aria-label': texts.messages, 'aria-busy': 'true', tabindex: '0', class: 'log' },
    earlierButton,
    empty,
    list,
  );
  const toEnd = button(texts.newMessages, { class: 'to-end', hidden: true }, () => scrollToEnd());
  const root = element('div', { class: 'log-frame' }, log, toEnd);

  log.addEventListener('scroll', () => {
    isPinned = log.scrollHeight - log.scrollTop - log.clientHeight < PINNED_PX;
    if (isPinned) {
      toEnd.hidden = true;
      onEnd();
    }
    if (log.scrollTop < LOAD_EARLIER_PX && earlier === 'some' && lines.length > 0) onEarlier();
  });
  // The keyboard of a phone, a longer composer, a turned screen: the end stays the end.
  new ResizeObserver(() => {
    if (isPinned) scrollToEnd();
  }).observe(log);

  function scrollToEnd(): void {
    isPinned = true;
    toEnd.hidden = true;
    log.scrollTop = log.scrollHeight;
  }

  /** Gives a line what follows from the one before it: a day's separator, or no name of its own. */
  function relate(index: number): void {
    const line = lines[index];
    if (line === undefined) return;
    const previous = lines[index - 1];
    const isNewDay = previous === undefined || !sameDay(previous.at, line.at);
    if (!isNewDay) {
      line.separator?.remove();
      line.separator = null;
    } else if (line.separator === null) {
      line.separator = createDaySeparator(line.at, dates);
      line.root.before(line.separator);
    }
    const follows =
      !isNewDay &&
      line.senderId !== null &&
      previous?.senderId === line.senderId &&
      line.at.getTime() - previous.at.getTime() < GROUP_MS;
    line.root.classList.toggle('follows', follows);
  }

  function insert(line: Line, index: number): void {
    const next = lines[index];
    list.insertBefore(line.root, next?.separator ?? next?.root ?? null);
    lines.splice(index, 0, line);
    relate(index);
    relate(index + 1);
    showEmptiness();
  }

  function showEmptiness(): void {
    empty.hidden = lines.length > 0 || log.getAttribute('aria-busy') === 'true';
  }

  return {
    root,
    get isAtEnd() {
      return isPinned;
    },
    append(line) {
      const end = lines.findLastIndex((other) => other.seq !== null) + 1;
      insert(line, end);
      if (isPinned) scrollToEnd();
      else if (line.senderId !== null) toEnd.hidden = false;
    },
    appendPending(line) {
      insert(line, lines.length);
      scrollToEnd();
    },
    prepend(earlierLines) {
      const before = log.scrollHeight - log.scrollTop;
      lines = [...earlierLines, ...lines];
      list.prepend(...earlierLines.map((line) => line.root));
      for (let index = 0; index <= earlierLines.length; index += 1) relate(index);
      log.scrollTop = log.scrollHeight - before;
      showEmptiness();
    },
    remove(line) {
      const index = lines.indexOf(line);
      if (index < 0) return;
      lines.splice(index, 1);
      line.separator?.remove();
      line.root.remove();
      relate(index);
      showEmptiness();
    },
    settle() {
      if (isPinned) scrollToEnd();
    },
    clear() {
      lines = [];
      list.replaceChildren();
      isPinned = true;
    },
    setBusy(busy) {
      log.setAttribute('aria-busy', String(busy));
      showEmptiness();
    },
    setEarlier(state) {
      const before = log.scrollHeight - log.scrollTop;
      earlier = state;
      earlierButton.hidden = state === 'none';
      earlierButton.disabled = state === 'loading';
      const words = { none: '', some: texts.loadEarlier, loading: texts.loadingEarlier };
      earlierButton.textContent = state === 'failed' ? texts.loadEarlierFailed : words[state];
      // The button stands above the lines: where it comes or goes, they stay.
      log.scrollTop = log.scrollHeight - before;
    },
  };
}
