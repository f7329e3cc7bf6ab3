// Signing in and signing up: one form with two modes.
import type { Account } from '@maru/client';
import { button, element, type View } from './element.ts';
import { createLanguageSelect } from './language-select.ts';
import { explain, type Language, type Texts } from './texts.ts';
import { createWordmark } from './wordmark.ts';

type Mode = 'sign-in' | 'sign-up';
type Problem = { readonly input: HTMLInputElement; readonly text: string };

const SHORTEST_PASSWORD = 8;

export function createSignInView(options: {
  account: Account;
  language: Language;
  texts: Texts;
  /** Why one is here again, if not of one's own will. */
  notice: string | null;
  onSignedIn: () => void;
  onLanguage: (language: Language) => void;
}): View {
  const { account, texts } = options;
  let mode: Mode = 'sign-in';

  const name = element('input', { id: 'name', autocomplete: 'name', maxlength: '80', required: true });
  const email = element('input', { id: 'email', type: 'email', autocomplete: 'email', required: true });
  const password = element('input', { id: 'password', type: 'password', required: true });
  const hint = element('p', { class: 'hint', id: 'password-hint' }, texts.passwordHint);
  const nameField = field(texts.name, name);
  const heading = element('h2');
  const alert = element('p', { role: 'alert', class: 'alert', id: 'sign-in-alert' });
  const submit = element('button', { type: 'submit', class: 'primary' });
  const toggle = button('', { class: 'plain' }, () => show(mode === 'sign-in' ? 'sign-up' : 'sign-in'));

  // `novalidate`: the browser's own bubbles speak the browser's language, not the chosen one.
  const form = element(
    'form',
    { novalidate: true },
    heading,
    element('p', { role: 'status', class: 'notice' }, options.notice ?? ''),
    nameField,
    field(texts.email, email),
    field(texts.password, password, hint),
    alert,
    submit,
    toggle,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void enter();
  });

  function show(next: Mode): void {
    mode = next;
    const isNew = mode === 'sign-up';
    nameField.hidden = !isNew;
    hint.hidden = !isNew;
    password.setAttribute('autocomplete', isNew ? 'new-password' : 'current-password');
    heading.textContent = isNew ? texts.signUp : texts.signIn;
    submit.textContent = isNew ? texts.signUp : texts.signIn;
    toggle.textContent = isNew ? texts.toSignIn : texts.toSignUp;
    report(null);
  }

  function findProblem(): Problem | null {
    const isNew = mode === 'sign-up';
    if (isNew && name.value.trim() === '') return { input: name, text: texts.nameMissing };
    if (!/^\S+@\S+\.\S+$/.test(email.value.trim())) return { input: email, text: texts.emailWrong };
    if (password.value === '') return { input: password, text: texts.passwordMissing };
    if (isNew && password.value.length < SHORTEST_PASSWORD)
      return { input: password, text: texts.passwordShort };
    return null;
  }

  function report(problem: Problem | null, text = problem?.text ?? ''): void {
    alert.textContent = text;
    for (const input of [name, email, password]) {
      const isWrong = input === problem?.input;
      input.setAttribute('aria-invalid', String(isWrong));
      if (isWrong) input.setAttribute('aria-errormessage', alert.id);
      else input.removeAttribute('aria-errormessage');
    }
    problem?.input.focus();
  }

  async function enter(): Promise<void> {
    // Double clicks and impatient Enters: one account is enough.
    if (submit.disabled) return;
    const problem = findProblem();
    report(problem);
    if (problem !== null) return;
    submit.disabled = true;
    form.setAttribute('aria-busy', 'true');
    const credentials = { email: email.value.trim(), password: password.value };
    try {
      if (mode === 'sign-up') await account.signUp({ name: name.value.trim(), ...credentials });
      else await account.signIn(credentials);
      options.onSignedIn();
    } catch (error) {
      report(null, explain(error, texts));
    } finally {
      submit.disabled = false;
      form.removeAttribute('aria-busy');
    }
  }

  show(mode);
  const root = element(
    'main',
    { class: 'entrance' },
    element(
      'div',
      { class: 'card' },
      createWordmark(),
      element('p', { class: 'tagline' }, texts.tagline),
      form,
    ),
    createLanguageSelect(options.language, texts, options.onLanguage),
  );
  return { root, close: () => undefined };
}

function field(label: string, input: HTMLInputElement, hint?: HTMLElement): HTMLElement {
  if (hint !== undefined) input.setAttribute('aria-describedby', hint.id);
  return element(
    'div',
    { class: 'field' },
    element('label', { for: input.id }, label),
    input,
    ...(hint === undefined ? [] : [hint]),
  );
}
