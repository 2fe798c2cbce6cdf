import { call, Refused, SIGNED_OUT } from '../api/client';
import type { Account } from '../api/types';
import { dropAll } from './drafts';
import { forgetNext, kept } from './kept.svelte';
import { leaveVehicle } from './vehicle.svelte';

export const session = $state<{ known: boolean; signedIn: boolean; account: Account | null; person: number }>({
  known: false,
  signedIn: false,
  account: null,
  /** Another number for another person: whatever was shown to the one before is made anew. */
  person: 0,
});

/** Who was signed in last, also when nobody is now. */
let last = kept.next?.owner ?? '';

const AGAIN_MILLISECONDS = 3000;

window.addEventListener(SIGNED_OUT, forget);

/**
 * Asks who this browser is signed in as, until somebody answers; never raises.
 *
 * Meanwhile whoever has a booking kept here is taken for its owner: they see that booking, and
 * whatever else they ask for is refused where it is asked.
 */
export async function begin(): Promise<void> {
  const role = new URLSearchParams(location.search).get('as');
  try {
    if (role) await call('POST /v1/browser-sessions', { body: { sample_role: role as 'driver' } });
    await readSession();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 0 && error.status < 500) {
      session.known = true;
      return;
    }
    session.signedIn = kept.next !== null;
    session.known = session.signedIn;
    window.setTimeout(() => void begin(), AGAIN_MILLISECONDS);
  }
}

async function readSession(): Promise<void> {
  const found = await call('GET /v1/browser-sessions/current');
  if (found.signed_in) await readAccount();
  else forget();
  session.known = true;
}

export async function signIn(email: string, code: string): Promise<void> {
  await call('POST /v1/browser-sessions', { body: { email, code } });
  await readAccount();
}

export async function signOut(): Promise<void> {
  await call('DELETE /v1/browser-sessions/current');
  dropAll();
  leaveVehicle();
  forget();
}

/** Whether the session still lasts, and is the same person's; without an answer it is taken to. */
export async function check(): Promise<void> {
  const found = await call('GET /v1/browser-sessions/current').catch(() => null);
  if (found && !found.signed_in) forget();
  else if (found && session.account && found.user_id !== session.account.user_id) await readAccount().catch(forget);
}

/** The session is over, here or elsewhere. */
export function forget(): void {
  session.signedIn = false;
  session.account = null;
  forgetNext();
}

export async function readAccount(): Promise<void> {
  const account = await call('GET /v1/me');
  if (kept.next && kept.next.owner !== account.user_id) forgetNext();
  if (last && last !== account.user_id) {
    session.person++;
    leaveVehicle();
  }
  last = account.user_id;
  session.account = account;
  session.signedIn = true;
}
