// Words, numbers and times in the reader's language. The texts themselves are in words/.
import { de } from './words/de.js';
import { en } from './words/en.js';

const DICTIONARIES = { en, de };
let current = 'en';

export const lang = () => current;

export function setLang(name) {
  current = name in DICTIONARIES ? name : 'en';
  document.documentElement.lang = current;
}

// The text of a key, with {names} replaced by values.
export function t(key, values) {
  let text = DICTIONARIES[current][key] ?? en[key] ?? key;
  for (const name in values ?? {}) text = text.replace(`{${name}}`, values[name]);
  return text;
}

// What came of a command that was not answered.
export const outcome = kind => DICTIONARIES[current].outcomes[kind] ?? kind;

const locale = () => (current === 'de' ? 'de-DE' : 'en-GB');

export const num = (value, digits = 1) =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const kwh = wh => num(wh / 1000, 2);
export const hm = ms => new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
export const hms = ms => new Date(ms).toLocaleTimeString('en-GB');

// A time of day, with the date when it is not today.
export function dayTime(iso) {
  const ms = Date.parse(iso);
  if (Math.abs(Date.now() - ms) < 20 * 3600e3) return hm(ms);
  return `${new Date(ms).toLocaleDateString(locale(), { day: '2-digit', month: 'short' })} ${hm(ms)}`;
}

export function dur(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  if (h) return `${h} h ${String(m).padStart(2, '0')} min`;
  return m ? `${m} min` : `${s} s`;
}
