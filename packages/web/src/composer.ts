// Where a message is written: Enter sends, Shift+Enter makes a line.
import { element } from './element.ts';
import type { Texts } from './texts.ts';

export type Composer = { readonly root: HTMLFormElement; focus(): void };

export function createComposer(options: {
  roomName: string;
  texts: Texts;
  onSend: (content: string) => void;
}): Composer {
  const { texts } = options;
  const input = element('textarea', {
    rows: '1',
    'aria-label': texts.message,
    placeholder: texts.writeTo(options.roomName),
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
  input.addEventListener('keydown', (event) => {
    // While an input method composes (한글), Enter ends the syllable and is not meant for us. Safari says so only by
    // the key code 229.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  });
  return { root, focus: () => input.focus() };
}
