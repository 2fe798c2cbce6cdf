import { ANSWERED, call, UNANSWERED } from '../api/client';
import { kept } from './kept.svelte';

/** Whether anybody answers, and when the last answer came: what is shown is as old as that. */
export const line = $state({ down: !navigator.onLine, heardAt: kept.next?.at ?? Date.now() });

const AGAIN_MILLISECONDS = 3000;
const ASLEEP_MILLISECONDS = 60_000;

const listeners = new Set<() => void>();
let timer = 0;
let hiddenAt = 0;

/** Called when there is a line again, and after sleep: read anew. The answer ends the listening. */
export function onBack(hear: () => void): () => void {
  listeners.add(hear);
  return () => listeners.delete(hear);
}

function answered(): void {
  line.heardAt = Date.now();
  if (!line.down) return;
  line.down = false;
  clearInterval(timer);
  listeners.forEach((hear) => hear());
}

function unanswered(): void {
  if (line.down && timer) return;
  line.down = true;
  clearInterval(timer);
  timer = window.setInterval(ask, AGAIN_MILLISECONDS);
}

/** Anything that answers will do; what comes of it is said by the events of the client. */
function ask(): void {
  if (document.visibilityState === 'hidden') return;
  void call('GET /v1/browser-sessions/current').catch(() => undefined);
}

function woken(): void {
  if (document.visibilityState === 'hidden') {
    hiddenAt = Date.now();
    return;
  }
  if (line.down) ask();
  else if (hiddenAt && Date.now() - hiddenAt > ASLEEP_MILLISECONDS) listeners.forEach((hear) => hear());
}

window.addEventListener(ANSWERED, answered);
window.addEventListener(UNANSWERED, unanswered);
window.addEventListener('offline', unanswered);
window.addEventListener('online', ask);
document.addEventListener('visibilitychange', woken);
if (line.down) unanswered();
