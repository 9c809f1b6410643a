// Windows of the week grid as numbers: { day, from, to }, the day from 0 = Monday, minutes of it; `to` at or below `from`
// is past midnight. Nothing here touches the page.

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const STEP = 15;
export const DAY = 1440;

export const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
export const minuteOf = (text) => (/^\d\d:\d\d$/.test(text.trim()) ? Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5)) : NaN);

export function words({ day, from, to }) {
  const name = (it) => DAYS[it % 7][0].toUpperCase() + DAYS[it % 7].slice(1);
  return to > from ? `${name(day)} ${clock(from)}-${clock(to)}` : `${name(day)} ${clock(from)} until ${name(day + 1)} ${clock(to)}`;
}

// Over several days the same hours each day, or one window past midnight.
export function strokeOf(a, b, night) {
  if (night && a.day !== b.day) return [nightOf(a, b)];
  const [first, last] = [Math.min(a.day, b.day), Math.max(a.day, b.day)];
  const [from, to] = [Math.min(a.minute, b.minute), Math.max(a.minute, b.minute) + STEP];
  return Array.from({ length: last - first + 1 }, (_, index) => ({ day: first + index, from, to }));
}

// From one day into the next, Sunday into Monday too; less than 24 hours.
function nightOf(a, b) {
  const forward = (b.day - a.day + 7) % 7 <= 3;
  const [start, end] = forward ? [a, b] : [b, a];
  const isNext = (end.day - start.day + 7) % 7 === 1;
  return withEnd({ day: start.day, from: start.minute, to: DAY }, isNext ? end : { day: (start.day + 1) % 7, minute: DAY });
}

export function moved({ day, from, to }, days, minutes) {
  const length = ((to - from + DAY) % DAY) || DAY;
  const start = length === DAY ? from : Math.max(0, Math.min(DAY - STEP, from + minutes));
  const end = start + length;
  return { day: (day + days + 7) % 7, from: start, to: end > DAY ? end - DAY : end };
}

// The end follows the pointer on its own day, or on the next one up to the start.
export function withEnd(window, at) {
  if (at.day === window.day && at.minute + STEP > window.from) return { ...window, to: at.minute + STEP };
  if (at.day !== (window.day + 1) % 7) return window;
  return { ...window, to: window.from ? Math.min(at.minute + STEP, Math.max(window.from - STEP, 0)) : DAY };
}

export function withStart(window, at) {
  const limit = window.to > window.from ? window.to - STEP : DAY - STEP;
  const least = window.to > window.from ? 0 : window.to + STEP;
  return { ...window, from: Math.max(least, Math.min(limit, at.minute)) };
}
