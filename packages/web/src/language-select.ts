// The switch between the page's languages.
import { element } from './element.ts';
import { LANGUAGES, type Language, rememberLanguage, type Texts } from './texts.ts';

export function createLanguageSelect(
  language: Language,
  texts: Texts,
  onChange: (language: Language) => void,
): HTMLElement {
  const select = element(
    'select',
    { 'aria-label': texts.language, class: 'language' },
    // Each in its own language: whoever looks for theirs can't read the other.
    ...Object.entries(LANGUAGES).map(([tag, name]) =>
      element('option', { value: tag, lang: tag, selected: tag === language }, name),
    ),
  );
  select.addEventListener('change', () => {
    const chosen = select.value as Language;
    rememberLanguage(chosen);
    onChange(chosen);
  });
  return select;
}
