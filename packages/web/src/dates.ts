// Dates and times as people of a language write them.
import type { Language } from './texts.ts';

export type Dates = {
  time(date: Date): string;
  day(date: Date): string;
  full(date: Date): string;
  /** The time if it is today's, the day otherwise. */
  brief(date: Date): string;
};

export function createDates(language: Language): Dates {
  // The person's own variety if it is of the chosen language: en-GB and en-US write times differently.
  const locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
  const format = (options: Intl.DateTimeFormatOptions) => {
    const formatter = new Intl.DateTimeFormat(locale, options);
    return (date: Date) => formatter.format(date);
  };
  const time = format({ hour: 'numeric', minute: '2-digit' });
  const shortDay = format({ month: 'short', day: 'numeric' });
  return {
    time,
    day: format({ weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }),
    full: format({ dateStyle: 'full', timeStyle: 'medium' }),
    brief: (date) => (sameDay(date, new Date()) ? time(date) : shortDay(date)),
  };
}

export function sameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}
