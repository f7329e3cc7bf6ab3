// What can be done about a message: a button that opens its row of reactions, editing and deleting.
import type { ChatMessage } from '@maru/contract';
import { button, element } from './element.ts';
import { explain, type Texts } from './texts.ts';

/** Rejects with why it could not be done. */
export type MessageDeeds = {
  react(message: ChatMessage, emoji: string, remove: boolean): Promise<void>;
  edit(message: ChatMessage, content: string): Promise<void>;
  remove(message: ChatMessage): Promise<void>;
};

const PALETTE = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const;

export type MessageActions = {
  readonly opener: HTMLButtonElement;
  /** Stands where the row opens. */
  readonly place: HTMLElement;
  close(): void;
};

/** `message` answers the message as it is by now. */
export function createMessageActions(options: {
  message: () => ChatMessage;
  mayEdit: boolean;
  mayDelete: boolean;
  texts: Texts;
  deeds: MessageDeeds;
  onEdit: () => void;
}): MessageActions {
  const { message, texts, deeds } = options;
  const place = element('div', { class: 'actions-place' });
  const opener = button(
    '⋯',
    { class: 'opener plain', 'aria-expanded': 'false', 'aria-label': texts.messageActions },
    () => {
      if (place.hasChildNodes()) close();
      else open();
    },
  );
  opener.title = texts.messageActions;

  function open(): void {
    const { content, reactions = [] } = message();
    if (content === null) return;
    const alert = element('p', { role: 'alert', class: 'alert' });
    const run = (deed: Promise<void>) => {
      alert.textContent = '';
      deed.then(close, (error: unknown) => {
        alert.textContent = explain(error, texts);
      });
    };
    const row = element('div', {
      class: 'message-actions',
      role: 'group',
      'aria-label': texts.messageActions,
    });
    for (const emoji of PALETTE) {
      const mine = reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
      const label = { class: 'emoji', 'aria-label': texts.react(emoji), 'aria-pressed': String(mine) };
      row.append(button(emoji, label, () => run(deeds.react(message(), emoji, mine))));
    }
    if (options.mayEdit) {
      row.append(
        button(texts.edit, { class: 'small' }, () => {
          close();
          options.onEdit();
        }),
      );
    }
    if (options.mayDelete) {
      row.append(
        button(texts.deleteMessage, { class: 'small danger' }, () => {
          // Asked again: it can't be undone.
          const sure = button(texts.deleteMessage, { class: 'small danger' }, () =>
            run(deeds.remove(message())),
          );
          const not = button(texts.cancel, { class: 'small' }, close);
          row.replaceChildren(element('span', { class: 'question' }, texts.deleteQuestion), sure, not);
          sure.focus();
        }),
      );
    }
    place.replaceChildren(row, alert);
    opener.setAttribute('aria-expanded', 'true');
    row.querySelector('button')?.focus();
    // At the end of the log the row would open out of view.
    place.scrollIntoView({ block: 'nearest' });
  }

  function close(): void {
    const hadFocus = place.contains(document.activeElement);
    place.replaceChildren();
    opener.setAttribute('aria-expanded', 'false');
    if (hadFocus) opener.focus();
  }

  place.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) close();
  });
  return { opener, place, close };
}
