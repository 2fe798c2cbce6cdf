/** Where a dialog or the next step appears in place of what had the focus, it is read from there. */
const NEXT = '[role=alertdialog], [data-next]';

let way: HTMLElement[] = [];

/** Whoever has only keys never starts anew at the top: what takes the focused thing away passes it on. */
export function keepFocus(): void {
  document.addEventListener('focusin', (event) => {
    way = [];
    for (let one = event.target as HTMLElement | null; one && one !== document.body; one = one.parentElement) way.push(one);
  });
  // Who taps beside everything means to leave it.
  document.addEventListener('pointerdown', () => (way = []));
  // Only with the next frame has the browser taken the focus from what went, or was disabled.
  const soon = (): number => requestAnimationFrame(() => requestAnimationFrame(passOn));
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
}

function passOn(): void {
  const [last] = way;
  if (!last || document.activeElement !== document.body) return;
  if (last.isConnected) {
    last.focus({ preventScroll: true }); // in vain while it is disabled; then it is tried again
    return;
  }
  const around = way.find((one) => one.isConnected);
  const next = around?.querySelector<HTMLElement>(NEXT) ?? around;
  if (!next) return;
  if (next.tabIndex < 0) next.tabIndex = -1;
  next.focus({ preventScroll: next === around });
}
