/** The plug of one's car: asked once, kept on this device, with or without an account. */
const KEY = 'evslot.plug';

export const ANY = 'any';
export const plug = $state<{ name: string | null }>({ name: localStorage.getItem(KEY) });

export function choosePlug(name: string): void {
  plug.name = name;
  localStorage.setItem(KEY, name);
}

/** The OCPI connector type to ask for; null = all. */
export function wantedPlug(): string | null {
  return plug.name === ANY ? null : plug.name;
}
