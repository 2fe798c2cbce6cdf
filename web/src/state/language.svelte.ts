import { Refused } from '../api/client';
import { de } from '../texts/de';
import { en } from '../texts/en';
import { refusals, type Way } from '../texts/refusals';

export type Language = 'en' | 'de';

const KEY = 'evslot.language';
const TEXTS = { en, de };

function first(): Language {
  const kept = localStorage.getItem(KEY) ?? navigator.language;
  return kept.startsWith('de') ? 'de' : 'en';
}

export const language = $state<{ name: Language }>({ name: first() });

export function speak(name: Language): void {
  language.name = name;
  localStorage.setItem(KEY, name);
}

/** The texts in the language of now. */
export function t(): typeof en {
  return TEXTS[language.name];
}

/** For formats: the browser's own region where it speaks the same language. */
export function locale(): string {
  return navigator.language.startsWith(language.name) ? navigator.language : { en: 'en-GB', de: 'de-DE' }[language.name];
}

/** What went wrong, why, and what to do now. */
export function wording(error: unknown): string {
  if (!(error instanceof Refused)) return refusalText('failed');
  return refusalText(error.code) || t().refusalOther(error.message);
}

/** The words for a code; none where it is not one of a refusal. */
export function refusalText(code: string): string {
  const [, en, de] = refusals[code] ?? ['', '', ''];
  return language.name === 'de' ? de : en;
}

/** What leads on after a refusal. */
export function wayOn(error: unknown): Way {
  return (error instanceof Refused && refusals[error.code]?.[0]) || 'again';
}
