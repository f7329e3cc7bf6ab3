// Where a message is written: Enter sends, Shift+Enter makes a line.
import { element } from './element.ts';
import { isSendKey } from './send-key.ts';
import type { Texts } from './texts.ts';

export type Composer = { readonly root: HTMLFormElement; focus(): void };

export function createComposer(options: {
  placeholder: string;
  texts: Texts;
  onSend: (content: string) => void;
  onTyping: () => void;
}): Composer {
  const { texts } = options;
  const input = element('textarea', {
    rows: '1',
    'aria-label': texts.message,
    placeholder: options.placeholder,
    enterkeyhint: 'send',
    dir: 'auto',
  });
  const root = element(
    'form',
    { class: 'composer' },
    input,
    element('button', { type: 'submit', class: 'primary' }, texts.send),
  );

  function send(): void {
    const content = input.value.trim();
    if (content === '') return;
    input.value = '';
    options.onSend(content);
    input.focus();
  }

  root.addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  input.addEventListener('input', () => {
    if (input.value.trim() !== '') options.onTyping();
  });
  input.addEventListener('keydown', (event) => {
    if (!isSendKey(event)) return;
    event.preventDefault();
    send();
  });
  return { root, focus: () => input.focus() };
}
