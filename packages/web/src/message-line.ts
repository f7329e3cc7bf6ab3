// One line of a room: a message with its sender and time, or a remark such as "Ann joined".
import type { ChatMessage } from '@maru/contract';
import type { Dates } from './dates.ts';
import { button, element } from './element.ts';
import { createMessageActions, type MessageDeeds } from './message-actions.ts';
import { createMessageEditor } from './message-editor.ts';
import { createReactionChips } from './reaction-chips.ts';
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

export type MessageLine = Line & {
  /** The same message after what came of it. */
  show(message: ChatMessage): void;
};

export type PendingLine = Line & {
  showSending(): void;
  showFailed(reason: string, onRetry: () => void): void;
  showSent(at: Date): void;
};

/** What every message of a room is shown with. */
export type MessageSurroundings = {
  readonly viewerId: string;
  /** Deletes the messages of others too. */
  readonly isModerator: boolean;
  readonly texts: Texts;
  readonly dates: Dates;
  readonly deeds: MessageDeeds;
};

export function createMessageLine(first: ChatMessage, surroundings: MessageSurroundings): MessageLine {
  const { viewerId, isModerator, texts, dates, deeds } = surroundings;
  let message = first;
  let editor: ReturnType<typeof createMessageEditor> | null = null;
  const at = new Date(first.createdAt);
  const isOwn = first.senderId === viewerId;
  const edited = element('span', { class: 'edited' });
  const chips = createReactionChips(texts, (emoji, remove) => deeds.react(message, emoji, remove));
  const actions = createMessageActions({
    message: () => message,
    mayEdit: isOwn,
    mayDelete: isOwn || isModerator,
    texts,
    deeds,
    onEdit: openEditor,
  });
  const aside = element('div', { class: 'aside' }, edited, timeElement(at, dates), actions.opener);
  const { root, bubble } = lineElement(first.senderName, '', isOwn, aside);
  root.append(chips.root, actions.place);

  function show(shown: ChatMessage): void {
    message = shown;
    const isDeleted = shown.content === null;
    const text = shown.content ?? texts.messageDeleted;
    // The same text again would be read out again.
    if (bubble.textContent !== text) bubble.textContent = text;
    root.classList.toggle('deleted', isDeleted);
    edited.textContent = shown.editedAt === undefined ? '' : texts.edited;
    edited.title = shown.editedAt === undefined ? '' : dates.full(new Date(shown.editedAt));
    chips.show(shown.reactions ?? []);
    actions.opener.hidden = isDeleted;
    if (!isDeleted) return;
    actions.close();
    closeEditor();
  }

  function openEditor(): void {
    if (message.content === null || editor !== null) return;
    editor = createMessageEditor({
      content: message.content,
      texts,
      onSave: (content) => deeds.edit(message, content),
      onClose: closeEditor,
    });
    root.classList.add('editing');
    bubble.after(editor.root);
    editor.focus();
    editor.root.scrollIntoView({ block: 'nearest' });
  }

  function closeEditor(): void {
    if (editor === null) return;
    const hadFocus = editor.root.contains(document.activeElement);
    editor.root.remove();
    editor = null;
    root.classList.remove('editing');
    if (hadFocus) actions.opener.focus();
  }

  show(first);
  return { root, seq: first.seq, at, senderId: first.senderId, separator: null, show };
}

export function createPendingLine(
  sender: { readonly userId: string; readonly name: string },
  content: string,
  texts: Texts,
  dates: Dates,
): PendingLine {
  const at = new Date();
  const delivery = element('span', { class: 'delivery' });
  const { root } = lineElement(sender.name, content, true, element('div', { class: 'aside' }, delivery));
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

function lineElement(senderName: string, content: string, isOwn: boolean, aside: HTMLElement) {
  const bubble = element('p', { class: 'bubble', dir: 'auto' }, content);
  const root = element(
    'li',
    { class: isOwn ? 'line own' : 'line' },
    element('p', { class: 'sender', dir: 'auto' }, senderName),
    bubble,
    aside,
  );
  return { root, bubble };
}

function timeElement(at: Date, dates: Dates): HTMLElement {
  return element('time', { datetime: at.toISOString(), title: dates.full(at) }, dates.time(at));
}
