import { serverNow } from '../api/client';

/** The server's time, every second; right at once after sleep. */
export const clock = $state({ now: serverNow() });

const tick = (): void => {
  clock.now = serverNow();
};

setInterval(tick, 1000);
document.addEventListener('visibilitychange', tick);
window.addEventListener('focus', tick);
window.addEventListener('pageshow', tick);
