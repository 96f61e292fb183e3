// One transaction over time: its energy as a curve with a tint, its power as a line. Left ruler kWh, right ruler kW.
import { s } from './dom.js';
import { dayTime, hm, kwh, num, t } from './words.js';

const MARGIN = { left: 44, right: 44, top: 30, bottom: 24 };
const HEIGHT = 200;
const POINTS = 600;

// Readings of a transaction: [ms, Wh] of its register since the start, and [ms, W].
export function readings(transaction) {
  const energy = [], power = [], start = transaction.meter_start_wh;
  const add = (list, at, value) => list.push([Date.parse(at), value]);
  if (start !== null && transaction.started_at) add(energy, transaction.started_at, 0);
  for (const message of transaction.messages) {
    for (const sample of message.samples) {
      const value = scaled(sample);
      if (sample.phase || value === null) continue;
      if (sample.measurand === 'Energy.Active.Import.Register' && start !== null) add(energy, sample.at, value - start);
      if (sample.measurand === 'Power.Active.Import') add(power, sample.at, value);
    }
  }
  if (transaction.energy_wh !== null && transaction.stopped_at) add(energy, transaction.stopped_at, transaction.energy_wh);
  energy.sort((a, b) => a[0] - b[0]);
  return { energy: thinned(energy), power: thinned(power.length ? power.sort((a, b) => a[0] - b[0]) : slopes(energy)) };
}

// Watts or watt hours, whatever unit it came in.
function scaled(sample) {
  const value = Number(sample.value);
  if (!Number.isFinite(value) || sample.format === 'SignedData') return null;
  return value * 10 ** (sample.multiplier ?? 0) * (sample.unit?.startsWith('k') ? 1000 : 1);
}

// The mean power between two registers, where no power was told.
function slopes(energy) {
  const found = [];
  for (let i = 1; i < energy.length; i++) {
    const hours = (energy[i][0] - energy[i - 1][0]) / 3600e3;
    if (hours > 0) found.push([energy[i][0], (energy[i][1] - energy[i - 1][1]) / hours]);
  }
  return found;
}

const thinned = list => (list.length <= POINTS ? list : list.filter((_, i) => i % Math.ceil(list.length / POINTS) === 0 || i === list.length - 1));

// A round number at or above a value, for the top of a ruler.
function roof(value) {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 0.05)));
  return [1, 2, 4, 5, 10].find(k => k * size >= value) * size;
}

const digits = top => (top < 0.4 ? 2 : top < 4 ? 1 : 0);

export function plot(transaction, width) {
  const { energy, power } = readings(transaction);
  if (energy.length < 2) return null;
  const { left, right, top, bottom } = MARGIN, inner = width - left - right, height = HEIGHT - top - bottom;
  const from = energy[0][0], to = Math.max(transaction.open ? Date.now() : energy.at(-1)[0], from + 60e3);
  const most = roof(energy.at(-1)[1] / 1000), strongest = roof(Math.max(...power.map(([, w]) => w), 100) / 1000);
  const x = ms => left + ((ms - from) / (to - from)) * inner;
  const y = share => top + (1 - share) * height, f = value => value.toFixed(1);
  const base = y(0), parts = [];
  const label = (px, py, text, anchor = 'start', name = '') =>
    parts.push(s('text', { x: f(px), y: f(py), class: `tick ${name}`, 'text-anchor': anchor }, text));

  for (const share of [0, 0.5, 1]) {
    parts.push(s('path', { class: share ? 'grid' : 'base', d: `M${left} ${f(y(share))}H${width - right}` }));
    label(left - 8, y(share) + 4, num(most * share, digits(most)), 'end');
    label(width - right + 8, y(share) + 4, num(strongest * share, digits(strongest)));
  }
  label(left - 8, 14, 'kWh', 'end', 'labd');
  label(width - right + 8, 14, 'kW');
  const curve = energy.map(([ms, wh]) => `${f(x(ms))} ${f(y(wh / 1000 / most))}`).join('L');
  parts.push(s('path', { class: 'area', d: `M${f(x(from))} ${f(base)}L${curve}V${f(base)}Z` }));
  if (power.length) {
    const steps = power.map(([ms, w]) => `V${f(y(w / 1000 / strongest))}H${f(x(ms))}`).join('');
    parts.push(s('path', { class: 'limit', d: `M${f(x(from))} ${f(base)}${steps}` }));
  }
  parts.push(s('path', { class: 'drawn', d: `M${curve}` }));
  if (transaction.open) parts.push(s('circle', { class: 'dot', cx: f(x(energy.at(-1)[0])), cy: f(y(energy.at(-1)[1] / 1000 / most)), r: 5 }));
  label(left, HEIGHT - 6, dayTime(new Date(from).toISOString()));
  label(width - right, HEIGHT - 6, transaction.open ? `${t('now')} ${hm(to)}` : hm(to), 'end');
  const text = t('plot', { kwh: kwh(energy.at(-1)[1]) });
  return s('svg', { class: 'plot', viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-label': text }, ...parts);
}
