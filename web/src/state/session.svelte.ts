import { call, Refused, SIGNED_OUT } from '../api/client';
import type { Account } from '../api/types';
import { dropAll } from './drafts';
import { leaveVehicle } from './vehicle.svelte';

export const session = $state<{ known: boolean; signedIn: boolean; account: Account | null }>({
  known: false,
  signedIn: false,
  account: null,
});

window.addEventListener(SIGNED_OUT, forget);

/** Asks who this browser is signed in as; never raises: without an answer it is nobody. */
export async function begin(): Promise<void> {
  const role = new URLSearchParams(location.search).get('as');
  try {
    if (role) await call('POST /v1/browser-sessions', { body: { sample_role: role as 'driver' } });
    const found = await call('GET /v1/browser-sessions/current');
    if (found.signed_in) await readAccount();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  session.known = true;
}

export async function signIn(email: string, code: string, key: string): Promise<void> {
  await call('POST /v1/browser-sessions', { body: { email, code }, key });
  await readAccount();
}

export async function signOut(): Promise<void> {
  await call('DELETE /v1/browser-sessions/current');
  dropAll();
  leaveVehicle();
  forget();
}

/** Whether the session still lasts; without an answer it is taken to last. */
export async function check(): Promise<void> {
  const found = await call('GET /v1/browser-sessions/current').catch(() => null);
  if (found && !found.signed_in) forget();
}

/** The session is over, here or elsewhere. */
export function forget(): void {
  session.signedIn = false;
  session.account = null;
}

export async function readAccount(): Promise<void> {
  session.account = await call('GET /v1/me');
  session.signedIn = true;
}
