const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** One stop for the Tab key among the buttons of a group; arrows move between them. */
export function roving(group: HTMLElement): { destroy: () => void } {
  const buttons = (): HTMLButtonElement[] => [...group.querySelectorAll('button')];

  function settle(): void {
    const all = buttons();
    const stop = all.find((one) => one.ariaPressed === 'true') ?? all[0];
    for (const one of all) one.tabIndex = one === stop ? 0 : -1;
  }

  function pressed(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    const all = buttons();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const next = all[at + (step ?? 0)];
    if (!step || at < 0 || !next) return;
    event.preventDefault();
    next.focus();
  }

  const observer = new MutationObserver(settle);
  observer.observe(group, { childList: true, subtree: true, attributeFilter: ['aria-pressed'] });
  group.addEventListener('keydown', pressed);
  settle();
  return {
    destroy: () => {
      observer.disconnect();
      group.removeEventListener('keydown', pressed);
    },
  };
}
