// Words, numbers and times in the reader's language. The texts themselves are in words/.
import { de } from './words/de.js';
import { en } from './words/en.js';
import { FAULTS } from './words/faults.js';
import { CAUSES_DE } from './words/causes.js';

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

export const has = key => key in en;

// Name, explanation and steps of a fault, in the reader's language; an unknown code explains itself.
export const faultText = code => FAULTS[code]?.[current] ?? { name: code, what: code, todo: [] };
export const faultPlace = code => FAULTS[code]?.at ?? 'post';
export const faultCodes = Object.keys(FAULTS);

// What a diagnosis says: the station speaks English, other languages have their words by cause.
export function diagnosisText(found) {
  const [says, check] = (current === 'de' && CAUSES_DE[found.cause]) || [sentence(found.says), `${found.check_first}.`];
  return { says, check };
}

const sentence = text => (text ? text[0].toUpperCase() + text.slice(1).replace(/\.?$/, '.') : '');
const locale = () => (current === 'de' ? 'de-DE' : 'en-GB');

export const num = (value, digits = 1) =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const count = value => value.toLocaleString('en-GB').replaceAll(',', '\u202f');
export const hm = ms => new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
export const hms = ms => new Date(ms).toLocaleTimeString('en-GB');
export const stamp = ms => `${hms(ms)}.${Math.floor((((ms % 1000) + 1000) % 1000) / 100)}`;

// A time of day, with the day when it is not today.
export function dayTime(ms, now) {
  if (Math.abs(now - ms) < 20 * 3600e3) return hm(ms);
  return `${new Date(ms).toLocaleDateString(locale(), { weekday: 'short' })} ${hm(ms)}`;
}

export function dur(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  if (h) return `${h} h ${String(m).padStart(2, '0')} min`;
  return m ? `${m} min` : `${s} s`;
}

export function mmss(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export function bytes(value) {
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${num(value / 1e3, value < 1e4 ? 1 : 0)} kB`;
  return `${num(value / 1e6, 1)} MB`;
}
