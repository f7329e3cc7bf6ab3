// Says who is typing just now.
import { TYPING_EVERY_MS } from '@maru/client';
import { element, type View } from './element.ts';
import type { Texts } from './texts.ts';

/** Somebody who was heard typing and isn't heard again for this long has stopped. */
const STOPPED_AFTER_MS = TYPING_EVERY_MS + 2_000;

export type TypingLine = View & {
  heard(userId: string, name: string): void;
  /** What they typed has come. */
  done(userId: string): void;
};

/** Not read out: it would come between the messages that are. */
export function createTypingLine(texts: Texts): TypingLine {
  const root = element('p', { class: 'typing', dir: 'auto' });
  const typing = new Map<string, { readonly name: string; readonly timer: ReturnType<typeof setTimeout> }>();

  function render(): void {
    root.textContent = typing.size === 0 ? '' : texts.typing([...typing.values()].map(({ name }) => name));
  }

  function done(userId: string): void {
    clearTimeout(typing.get(userId)?.timer);
    if (typing.delete(userId)) render();
  }

  return {
    root,
    heard(userId, name) {
      clearTimeout(typing.get(userId)?.timer);
      typing.set(userId, { name, timer: setTimeout(() => done(userId), STOPPED_AFTER_MS) });
      render();
    },
    done,
    close() {
      for (const { timer } of typing.values()) clearTimeout(timer);
    },
  };
}
