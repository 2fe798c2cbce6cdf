import type { Period } from '../api/types';

/** Where we are: path and query of the address bar, and ways to go elsewhere. */
export const place = $state({ path: location.pathname, query: new URLSearchParams(location.search) });

export interface Match {
  name: string;
  id: string;
}

const ROUTES: [string, RegExp][] = [
  ['find', /^\/$/],
  ['station', /^\/stations\/([^/]+)$/],
  ['checkout', /^\/checkout\/([^/]+)$/],
  ['mine', /^\/bookings$/],
  ['booking', /^\/bookings\/([^/]+)$/],
  ['account', /^\/account$/],
  ['charger', /^\/c\/([^/]+)$/],
  ['sign-in', /^\/sign-in$/],
];

export function matched(path: string): Match {
  for (const [name, form] of ROUTES) {
    const found = form.exec(path);
    if (found) return { name, id: decodeURIComponent(found[1] ?? '') };
  }
  return { name: 'lost', id: '' };
}

/** Where a hold is paid for; with all it takes to hold the slot again, should it lapse. */
export function checkoutOf(held: { station_id: string; reservation_id: string; charger_id: string; period: Period }): string {
  const { station_id, reservation_id: reservation, charger_id: charger, period } = held;
  return `/checkout/${station_id}?` + new URLSearchParams({ reservation, charger, start: period.start, end: period.end });
}

export function go(address: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  read();
  if (!replace) window.scrollTo(0, 0);
}

/** Says in the address what was chosen, so that reload and back keep it. */
export function remember(values: Record<string, string | null>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const address = location.pathname + (text ? `?${text}` : '');
  if (address !== location.pathname + location.search) go(address, { replace: true });
}

function read(): void {
  place.path = location.pathname;
  place.query = new URLSearchParams(location.search);
}

export function listen(): void {
  window.addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    const link = (event.target as Element | null)?.closest('a');
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !plain || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || matched(link.pathname).name === 'lost') return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
