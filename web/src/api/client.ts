import type { Operations, Problem } from './types';

/** Why the system said no; `code` is stable, `offline` where nobody answered. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly details: Record<string, unknown> = {},
    message = code,
  ) {
    super(message);
  }
}

type Name = keyof Operations;
type Wish<K extends Name> = Partial<
  Pick<Operations[K], 'path' | 'query' | 'body'> & { key: string; signal: AbortSignal }
>;

/** Told to the window where the session turned out to be over. */
export const SIGNED_OUT = 'evslot:signed-out';
/** Told to the window with every answer, and where none came. */
export const ANSWERED = 'evslot:answered';
export const UNANSWERED = 'evslot:unanswered';
const TRIES = 8;
const MILLISECONDS = 15_000;
/** How far the server's clock is ahead of ours. */
let ahead = 0;

/** What our last write made of a booking: views that are asked soon after it wait to know of it. */
const written = { version: '', until: 0 };
const REMEMBERED_MILLISECONDS = 10_000;
const VIEWS = /^\/v1\/(stations|stickers|notifications)\b/;

/** The last write while its outcome is not known: the same again asks for that one. */
let open = { what: '', key: '' };
/** A question, though it is a POST. */
const ASKS = '/v1/quotes';

export function serverNow(): number {
  return Date.now() + ahead;
}

/** One request; raises Refused. A write repeats under one key until its outcome is known. */
export async function call<K extends Name>(
  name: K,
  wish: Wish<K> = {},
): Promise<Operations[K]['answer']> {
  const [method = 'GET', template = ''] = name.split(' ');
  const path = filled(template, (wish.path ?? {}) as Record<string, string>);
  const address = path + queryOf((wish.query ?? {}) as Record<string, unknown>);
  return (await send(method, address, wish.body, wish.key, wish.signal)) as Operations[K]['answer'];
}

/** For addresses that an answer named. */
export async function send(
  method: string,
  address: string,
  body?: unknown,
  key?: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const text = body === undefined ? null : JSON.stringify(body);
  if (key || method === 'GET' || address === ASKS) return await sent(method, address, text, key, signal);
  const what = `${method} ${address} ${text}`;
  if (open.what !== what) open = { what, key: crypto.randomUUID() };
  const mine = open;
  let known = true;
  try {
    return await sent(method, address, text, mine.key, signal);
  } catch (error) {
    // Where it broke on the other side, it broke for good under this key.
    known = error instanceof Refused && error.status >= 400 && error.status <= 500;
    throw error;
  } finally {
    if (known && open === mine) open = { what: '', key: '' };
  }
}

async function sent(
  method: string,
  address: string,
  text: string | null,
  key: string = crypto.randomUUID(),
  signal?: AbortSignal,
): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['Idempotency-Key'] = key;
  if (text !== null) headers['Content-Type'] = 'application/json';
  if (method === 'GET' && VIEWS.test(address) && Date.now() < written.until) headers['Evslot-Version'] = written.version;
  for (let attempt = 1; ; attempt++) {
    const answer = await fetched(address, { method, headers, body: text, signal });
    const version = answer.headers.get('evslot-version');
    if (method !== 'GET' && version) Object.assign(written, { version, until: Date.now() + REMEMBERED_MILLISECONDS });
    const unknown = answer.status === 202 || answer.status === 503;
    if (method !== 'GET' && unknown && attempt < TRIES) {
      // Not known yet: the same key asks for the same outcome, it does nothing twice.
      await new Promise((done) => setTimeout(done, 400 * attempt));
      continue;
    }
    if (answer.status === 204) return undefined;
    if (answer.ok && answer.status !== 202) return await answer.json();
    const refused = await refusal(answer);
    if (refused.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
    throw refused;
  }
}

async function fetched(
  address: string,
  wish: RequestInit & { signal?: AbortSignal | undefined },
): Promise<Response> {
  const late = AbortSignal.timeout(MILLISECONDS);
  try {
    const signal = wish.signal ? AbortSignal.any([wish.signal, late]) : late;
    const answer = await fetch(address, { ...wish, signal });
    window.dispatchEvent(new Event(ANSWERED));
    const date = Date.parse(answer.headers.get('date') ?? '');
    // Whole seconds, half a second old on average; small differences are noise.
    if (date && Math.abs(date + 500 - Date.now() - ahead) > 1500) ahead = date + 500 - Date.now();
    return answer;
  } catch (error) {
    if (wish.signal?.aborted) throw error;
    window.dispatchEvent(new Event(UNANSWERED));
    throw new Refused('offline', 0);
  }
}

async function refusal(answer: Response): Promise<Refused> {
  const text = await answer.text();
  try {
    const problem = JSON.parse(text) as Problem;
    return new Refused(problem.code, answer.status, problem.details ?? {}, problem.detail);
  } catch {
    return new Refused('failed', answer.status);
  }
}

function filled(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

function queryOf(values: Record<string, unknown>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  if (!given.length) return '';
  return '?' + new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}
