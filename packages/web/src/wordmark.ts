// The name as it is written on the page.
import { element } from './element.ts';

export function createWordmark(): HTMLElement {
  return element(
    'h1',
    { class: 'wordmark' },
    element('img', { src: '/favicon.svg', alt: '', width: '28', height: '28' }),
    'Maru',
    element('span', { lang: 'ko' }, '마루'),
  );
}
