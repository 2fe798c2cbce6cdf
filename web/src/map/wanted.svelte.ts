/** Whether there is room for a map beside the list, and whether this browser can draw one. */
const roomy = matchMedia('(min-width: 64rem)');
const KEY = 'evslot.map';

export const map = $state({
  /** Beside the list; on a small screen a button shows it above. */
  beside: roomy.matches,
  /** On a small screen: whether it is asked for. */
  open: sessionStorage.getItem(KEY) === 'open',
  /** False where WebGL is missing or blocked: the list has everything. */
  possible: true,
});

// A window that is on its way to another size passes the border; a map is not drawn anew for that.
const SETTLED_MILLISECONDS = 250;
let settling = 0;
roomy.addEventListener('change', () => {
  clearTimeout(settling);
  settling = window.setTimeout(() => (map.beside = roomy.matches), SETTLED_MILLISECONDS);
});

export function toggleMap(): void {
  map.open = !map.open;
  sessionStorage.setItem(KEY, map.open ? 'open' : '');
}

let known: boolean | null = null;

/** Asked once, and only where a map would be shown: a context costs some milliseconds. */
export function checkMap(): boolean {
  known ??= canDraw();
  map.possible = known;
  return known;
}

function canDraw(): boolean {
  const context = document.createElement('canvas').getContext('webgl2');
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null;
}
