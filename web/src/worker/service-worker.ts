/**
 * Keeps the app itself for when there is no line: its page, script and styles, nothing else.
 *
 * What people see in it is never in this cache: the app keeps the next booking by itself.
 */

interface Waiting extends Event {
  waitUntil: (work: Promise<unknown>) => void;
}
interface Fetching extends Waiting {
  readonly request: Request;
  respondWith: (answer: Promise<Response>) => void;
}
interface Worker extends EventTarget {
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
}

// The build puts in what it has made (vite.config.ts).
const SHELL = '__SHELL__'.split(' ');
const NAME = 'evslot-shell-__VERSION__';
const PAGE = '/';
const PAGES = /^\/(|bookings|account|sign-in|(stations|checkout|bookings|c)\/[^/]+)$/;
const PATIENCE_MILLISECONDS = 4000;

const worker = self as unknown as Worker;

worker.addEventListener('install', (event) => (event as Waiting).waitUntil(install()));
worker.addEventListener('activate', (event) => (event as Waiting).waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const { request } = event as Fetching;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== location.origin) return;
  const wanted = request.mode === 'navigate' && PAGES.test(address.pathname);
  if (wanted) (event as Fetching).respondWith(page(request));
  else if (address.pathname !== PAGE && SHELL.includes(address.pathname)) (event as Fetching).respondWith(file(request));
});

async function install(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll(SHELL);
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('evslot-shell-') && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page of now where somebody answers in time, else the one that was kept. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.match(PAGE);
  try {
    const signal = kept ? AbortSignal.timeout(PATIENCE_MILLISECONDS) : null;
    const answer = await fetch(request, { signal });
    return answer.status >= 500 && kept ? kept : answer;
  } catch (error) {
    if (!kept) throw error;
    return kept;
  }
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
