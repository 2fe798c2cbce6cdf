import type { Money, Terms } from '../api/types';
import { dayAndTime, money } from './format';
import { t } from './language.svelte';

const MINUTE = 60_000;

/** What cancelling costs, as instants and sums: at most four lines. */
export function termLines(terms: Terms, total: Money, start: string, zone: string, now: number): string[] {
  const kept = (percent: number): string =>
    money({ amount: Math.floor((total.amount * percent) / 100 + 0.5), currency: total.currency });
  const lines: string[] = [];
  for (const step of terms.ladder) {
    const until = Date.parse(start) - step.until_minutes * MINUTE;
    if (until <= now || lines.length === 2) continue;
    const instant = dayAndTime(until, zone);
    lines.push(
      step.kept_percent === 0 ? t().checkout.free(instant) : t().checkout.keeps(instant, kept(step.kept_percent)),
    );
  }
  if (terms.last_percent > 0) {
    const costs = kept(terms.last_percent);
    lines.push(lines.length ? t().checkout.after(costs) : t().checkout.always(costs));
  }
  if (!lines.length) lines.push(t().checkout.alwaysFree);
  if (terms.grace_minutes) lines.push(t().checkout.grace(terms.grace_minutes));
  return lines;
}
