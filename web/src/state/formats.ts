/** Formats by language and wish. Making one takes a hundred times as long as using it, and a day has 96 slots. */
const dates = new Map<string, Intl.DateTimeFormat>();
const numbers = new Map<string, Intl.NumberFormat>();

export function dateFormat(language: string, wish: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(dates, language, wish, () => new Intl.DateTimeFormat(language, wish));
}

export function numberFormat(language: string, wish: Intl.NumberFormatOptions): Intl.NumberFormat {
  return kept(numbers, language, wish, () => new Intl.NumberFormat(language, wish));
}

function kept<Format>(made: Map<string, Format>, language: string, wish: object, make: () => Format): Format {
  const key = language + JSON.stringify(wish);
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known;
}
