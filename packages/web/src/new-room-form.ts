// Making a room: its name, and who may join it.
import type { RestClient } from '@maru/client';
import type { Room, Visibility } from '@maru/contract';
import { button, element } from './element.ts';
import { explain, type Texts } from './texts.ts';

export function createNewRoomForm(options: {
  rest: RestClient;
  texts: Texts;
  onCreated: (room: Room) => void;
}): HTMLElement {
  const { rest, texts } = options;
  const name = element('input', { id: 'room-name', maxlength: '80', autocomplete: 'off', required: true });
  const alert = element('p', { role: 'alert', class: 'alert' });
  const submit = element('button', { type: 'submit', class: 'primary' }, texts.createRoom);
  const form = element(
    'form',
    { novalidate: true, hidden: true, id: 'new-room', class: 'new-room' },
    element('div', { class: 'field' }, element('label', { for: name.id }, texts.roomName), name),
    element(
      'fieldset',
      {},
      element('legend', {}, texts.visibility),
      choice('public', texts.isPublic, texts.publicHint, true),
      choice('private', texts.isPrivate, texts.privateHint, false),
    ),
    alert,
    element(
      'div',
      { class: 'actions' },
      submit,
      button(texts.cancel, { class: 'plain' }, () => show(false)),
    ),
  );
  const opener = button(texts.newRoom, { 'aria-expanded': 'false', 'aria-controls': form.id }, () => {
    show(form.hidden !== false);
  });

  function show(isOpen: boolean): void {
    form.hidden = !isOpen;
    opener.setAttribute('aria-expanded', String(isOpen));
    alert.textContent = '';
    if (isOpen) name.focus();
    else opener.focus();
  }

  async function create(): Promise<void> {
    if (submit.disabled) return;
    const wanted = name.value.trim();
    if (wanted === '') {
      alert.textContent = texts.roomNameMissing;
      name.focus();
      return;
    }
    submit.disabled = true;
    alert.textContent = '';
    const visibility = new FormData(form).get('visibility') as Visibility;
    try {
      const room = await rest.createRoom({ name: wanted, visibility });
      form.reset();
      show(false);
      options.onCreated(room);
    } catch (error) {
      alert.textContent = explain(error, texts);
    } finally {
      submit.disabled = false;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void create();
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) show(false);
  });
  return element('div', { class: 'new-room-frame' }, opener, form);
}

function choice(value: Visibility, label: string, hint: string, checked: boolean): HTMLElement {
  const id = `visibility-${value}`;
  return element(
    'div',
    { class: 'choice' },
    element('input', {
      type: 'radio',
      name: 'visibility',
      id,
      value,
      checked,
      'aria-describedby': `${id}-hint`,
    }),
    element('label', { for: id }, label),
    element('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}
