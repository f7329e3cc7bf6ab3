// Says in words how the connection is, while it isn't as one would wish.
import type { ChatClient, ConnectionStatus } from '@maru/client';
import { button, element, type View } from './element.ts';
import type { Texts } from './texts.ts';

/** A page that connects at once need not say that it does. */
const CONNECTING_SHOWN_AFTER_MS = 800;
const CONNECTED_SHOWN_FOR_MS = 2500;

export function createConnectionBanner(chat: ChatClient, texts: Texts): View {
  const words = element('span');
  // Kept from screen readers: a count-down read out every second would drown everything else.
  const countdown = element('span', { 'aria-hidden': 'true', class: 'countdown' });
  const tryNow = button(texts.tryNow, { class: 'plain' }, () => chat.connect());
  const root = element(
    'div',
    { class: 'banner', 'data-tone': 'quiet' },
    element('p', { role: 'status' }, words, countdown),
    tryNow,
  );
  let wasLost = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function say(tone: 'quiet' | 'trouble' | 'good', text: string, count = ''): void {
    root.dataset.tone = tone;
    // Setting the same text again would have it read out again.
    if (words.textContent !== text) words.textContent = text;
    countdown.textContent = count;
    tryNow.hidden = count === '' || tone !== 'trouble';
  }

  function show(status: ConnectionStatus): void {
    clearTimeout(timer);
    const lost = navigator.onLine ? texts.connectionLost : texts.offline;
    if (status.state === 'waiting') {
      wasLost = true;
      const seconds = Math.max(1, Math.ceil((status.retryAt - Date.now()) / 1000));
      say('trouble', lost, ` ${texts.retryIn(seconds)}`);
      timer = setTimeout(() => show(status), 250);
    } else if (status.state === 'connecting') {
      if (wasLost) say('trouble', lost, ` ${texts.retrying}`);
      else timer = setTimeout(() => say('quiet', texts.connecting), CONNECTING_SHOWN_AFTER_MS);
    } else if (status.state === 'connected' && wasLost) {
      wasLost = false;
      say('good', texts.connectedAgain);
      timer = setTimeout(() => say('quiet', ''), CONNECTED_SHOWN_FOR_MS);
    } else {
      say('quiet', '');
    }
  }

  const stopListening = chat.onStatus(show);
  show(chat.status);
  return {
    root,
    close() {
      clearTimeout(timer);
      stopListening();
    },
  };
}
