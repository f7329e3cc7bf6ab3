// Where a message of one's own gets another content, in the place of its bubble.
import { button, element } from './element.ts';
import { isSendKey } from './send-key.ts';
import { explain, type Texts } from './texts.ts';

/** @param options.onSave rejects with why it could not be saved; `onClose` is called in any case but that. */
export function createMessageEditor(options: {
  content: string;
  texts: Texts;
  onSave: (content: string) => Promise<void>;
  onClose: () => void;
}): { readonly root: HTMLFormElement; focus(): void } {
  const { content, texts, onSave, onClose } = options;
  const input = element('textarea', { rows: '1', 'aria-label': texts.editMessage, dir: 'auto' });
  input.value = content;
  const save = element('button', { type: 'submit', class: 'primary small' }, texts.save);
  const alert = element('p', { role: 'alert', class: 'alert' });
  const root = element(
    'form',
    { class: 'editor' },
    input,
    element('div', { class: 'actions' }, save, button(texts.cancel, { class: 'small' }, onClose)),
    alert,
  );

  async function submit(): Promise<void> {
    const wanted = input.value.trim();
    if (wanted === '' || save.disabled) return;
    if (wanted === content) return onClose();
    save.disabled = true;
    alert.textContent = '';
    try {
      await onSave(wanted);
      onClose();
    } catch (error) {
      alert.textContent = explain(error, texts);
      save.disabled = false;
    }
  }

  root.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  root.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) onClose();
  });
  input.addEventListener('keydown', (event) => {
    if (!isSendKey(event)) return;
    event.preventDefault();
    void submit();
  });
  return {
    root,
    focus() {
      input.focus();
      input.setSelectionRange(input.value.length, input.value.length);
    },
  };
}
