/** What was typed or chosen and not used yet, kept for this tab: over reload, sleep and a session's end. */
const PREFIX = 'evslot.draft.';

export function draft<T>(name: string, first: T): T {
  const text = sessionStorage.getItem(PREFIX + name);
  return text === null ? first : (JSON.parse(text) as T);
}

/** The same value as `usual` needs no keeping. */
export function keep<T>(name: string, value: T, usual?: T): void {
  if (value === usual) drop(name);
  else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
}

export function drop(name: string): void {
  sessionStorage.removeItem(PREFIX + name);
}

/** Who signs out leaves nothing behind. */
export function dropAll(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
