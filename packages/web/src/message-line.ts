// One line of a room: a message with its sender and time, or a remark such as "Ann joined".
import type { MessageCreated } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element } from './element.ts';
import type { Texts } from './texts.ts';

export type Line = {
  readonly root: HTMLLIElement;
  /** `null` until the message is stored. */
  readonly seq: number | null;
  readonly at: Date;
  /** `null` for a remark. */
  readonly senderId: string | null;
  /** The day's separator before it, if it has one. */
  separator: HTMLLIElement | null;
};

export type PendingLine = Line & {
  showSending(): void;
  showFailed(reason: string, onRetry: () => void): void;
  showSent(at: Date): void;
};

export function createMessageLine(message: MessageCreated, isOwn: boolean, dates: Dates): Line {
  const at = new Date(message.createdAt);
  const { root } = messageElement(message.senderName, message.content, isOwn, timeElement(at, dates));
  return { root, seq: message.seq, at, senderId: message.senderId, separator: null };
}

export function createPendingLine(
  sender: { readonly userId: string; readonly name: string },
  content: string,
  texts: Texts,
  dates: Dates,
): PendingLine {
  const at = new Date();
  const delivery = element('span', { class: 'delivery' });
  const { root } = messageElement(sender.name, content, true, delivery);
  return {
    root,
    seq: null,
    at,
    senderId: sender.userId,
    separator: null,
    showSending() {
      root.dataset.delivery = 'sending';
      delivery.replaceChildren(texts.sending);
    },
    showFailed(reason, onRetry) {
      root.dataset.delivery = 'failed';
      const retry = button(texts.tryAgain, { class: 'plain' }, onRetry);
      delivery.replaceChildren(`${texts.notSent} ${reason} `, retry);
    },
    showSent(sentAt) {
      delete root.dataset.delivery;
      delivery.replaceChildren(timeElement(sentAt, dates));
    },
  };
}

export function createRemarkLine(seq: number, createdAt: string, text: string): Line {
  const root = element('li', { class: 'remark' }, text);
  return { root, seq, at: new Date(createdAt), senderId: null, separator: null };
}

export function createDaySeparator(day: Date, dates: Dates): HTMLLIElement {
  return element('li', { class: 'day' }, element('span', {}, dates.day(day)));
}

function messageElement(senderName: string, content: string, isOwn: boolean, aside: HTMLElement) {
  const root = element(
    'li',
    { class: isOwn ? 'line own' : 'line' },
    element('p', { class: 'sender', dir: 'auto' }, senderName),
    element('p', { class: 'bubble', dir: 'auto' }, content),
    element('p', { class: 'aside' }, aside),
  );
  return { root };
}

function timeElement(at: Date, dates: Dates): HTMLElement {
  return element('time', { datetime: at.toISOString(), title: dates.full(at) }, dates.time(at));
}
