// The bench: mock hardware only. It holds choices; the actions sit on the thing they act on.
import { mock, notice } from './api.js';
import { $, h, segment, select } from './dom.js';
import { rows } from './exchanges.js';
import { S, follow } from './store.js';
import { faultCodes, faultText, has, t } from './words.js';

const CARDS = ['04A1B2C3D4E5F6', '04771003', 'DEADBEEF'];
const OTHER = 'other';
const KEY = 'wayside.bench';
const LIMITS_A = [null, 16, 10, 6, 0];
const TAPPED_MS = 1500;
const STATION_FAULTS = new Set(['emergency-stop', 'door-open', 'power-loss', 'reader-lost']); // of the whole charge point

const saved = JSON.parse(localStorage.getItem(KEY) ?? '{}');
export const choice = { car: saved.car ?? 'long-range', card: saved.card ?? CARDS[0], cards: saved.cards ?? [], fault: 'ground-fault' };
export const tapped = new Map(); // EVSE: page time of the last tap

const keep = () => localStorage.setItem(KEY, JSON.stringify({ car: choice.car, card: choice.card, cards: choice.cards }));

// ---- what people do at the pole --------------------------------------------------------------------------------------

export function plug(id) {
  return mock(`evse/${id}/plug`, { end: 'both', car: choice.car });
}

// A plug that is locked in the station is pulled at the car first, and out of the station as soon as its bolt is drawn.
export async function unplug(id) {
  const evse = S.evses.get(id), end = evse.locked || evse.fixed_cable ? 'vehicle' : 'both';
  if (evse.locked) pulling.set(id, performance.now());
  await mock(`evse/${id}/unplug`, { end: evse.plugged === 'station' ? 'station' : end });
}

const pulling = new Map(); // EVSE: page time since when somebody holds the plug
const PULL_MS = 5000;

follow('evse', () => {
  for (const [id, since] of pulling) {
    const evse = S.evses.get(id);
    if (evse?.plugged === 'station' && evse.locked === false) mock(`evse/${id}/unplug`, { end: 'station' });
    else if (evse?.plugged !== 'unplugged' && performance.now() - since < PULL_MS) continue;
    pulling.delete(id);
  }
});

export async function tap(id) {
  tapped.set(id, performance.now());
  await mock('token', { token: choice.card, evses: [id] });
}

export const isTapped = id => performance.now() - (tapped.get(id) ?? -TAPPED_MS) < TAPPED_MS;
export const pause = id => mock(`evse/${id}/car/pause`);
export const resume = id => mock(`evse/${id}/car/resume`);
export const isPaused = id => S.world?.evses[id]?.car?.paused === true;

export const raise = (id, code) => mock(STATION_FAULTS.has(code) ? 'fault' : `evse/${id}/fault`, { code });

export async function clearFaults(id) {
  for (const code of S.world.evses[id]?.faults ?? []) await mock(`evse/${id}/fault`, { code, active: false });
  for (const code of S.world.faults) await mock('fault', { code, active: false });
}

const hasFaults = id => (S.world.evses[id]?.faults.length ?? 0) + S.world.faults.length > 0;

// ---- cards -----------------------------------------------------------------------------------------------------------

// What the central system last said about a card, from the frames that were seen.
function verdict(card) {
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i];
    if (row.status && ['Authorize', 'StartTransaction'].includes(row.action) && row.request.toUpperCase().includes(`"${card}"`)) return row.status;
  }
  return null;
}

const spaced = card => card.replace(/(..)(?=.)/g, '$1 ');

function cardOptions() {
  const options = [...CARDS, ...choice.cards].map(card => {
    const known = verdict(card);
    return [card, known ? t('cardKnown', { card: spaced(card), verdict: known }) : spaced(card)];
  });
  return [...options, [OTHER, t('otherCard')]];
}

function chooseCard(card) {
  const typed = card === OTHER ? prompt(t('otherCardAsk'), '')?.replace(/\s/g, '').toUpperCase() : card;
  if (typed) {
    choice.card = typed;
    if (![...CARDS, ...choice.cards].includes(typed)) choice.cards = [...choice.cards, typed].slice(-5);
    keep();
  }
  build(shownFor);
}

// ---- the strip of choices --------------------------------------------------------------------------------------------

const network = mode => mock('network', { mode });
export const netSegment = () =>
  segment(t('net'), [['up', t('up')], ['down', t('down')], ['black_hole', t('hole')]], S.world.network.mode, network);

const OFFSETS_S = [-120, 0, 120];
const offset = () => OFFSETS_S.find(wanted => Math.abs(S.world.clock.offset_s - wanted) < 5);
export const skewSegment = () => segment(t('skew'), [[-120, '−2 min'], [0, '0'], [120, '+2 min']], offset(), s => mock('clock', { offset_s: s }));
export const speedSegment = () => segment(t('speed'), [[1, '1×'], [10, '10×'], [60, '60×']], S.world.clock.speed, x => mock('clock', { speed: x }));

const limitSegment = () => segment(t('energyManager'), LIMITS_A.map(a => [a, a == null ? t('noLimit') : `${a} A`]), S.world.limit_a, a => mock('limit', { current_a: a }));
const mainsSegment = () => segment(t('mains'), [[true, t('on')], [false, t('cut')]], S.world.supply.mains, on => mock('supply', { mains: on }));

let shownFor = null;
let built = '';

export function build(focus) {
  shownFor = focus;
  const box = $('#bench'), evse = S.evses.get(focus);
  box.hidden = S.world == null || evse == null;
  if (box.hidden || box.contains(document.activeElement) && document.activeElement.tagName === 'SELECT') return;
  const { network: net, clock, supply, limit_a: limit, faults } = S.world;
  const key = JSON.stringify([focus, choice, cardOptions(), net.mode, clock.speed, offset(), supply.mains, limit, faults, S.world.evses[focus]?.faults, document.documentElement.lang]);
  if (key === built) return;
  built = key;
  const clear = hasFaults(focus);
  box.replaceChildren(
    h('header.bh', {}, h('h2', { id: 'bench-h' }, t('bench')), h('p', {}, t('benchSub'))),
    h('div.bgrid', {},
      field(t('carSel'), select(t('carSel'), S.world.cars.map(car => [car, carName(car)]), choice.car, car => { choice.car = car; keep(); }, { id: 'car' }), 'wide'),
      field(t('cardSel'), select(t('cardSel'), cardOptions(), choice.card, chooseCard, { id: 'card' }), 'wide'),
      field(t('faultSel', { n: focus }), h('div.row2', {},
        select(t('faultSel', { n: focus }), faultCodes.map(code => [code, faultName(code)]), choice.fault, code => { choice.fault = code; }, { id: 'fault' }),
        h('button.btn.small', { type: 'button', id: 'faultset', onclick: () => (clear ? clearFaults(focus) : raise(focus, choice.fault)) }, t(clear ? 'clearFault' : 'setFault'))), 'wide'),
      field(t('mains'), mainsSegment()),
      field(t('energyManager'), limitSegment()),
      field(t('powerCut'), h('button.btn.small', { type: 'button', id: 'powercut', onclick: powerCut }, t('powerCutDo'))),
      field(t('net'), netSegment(), 'ph'), field(t('skew'), skewSegment(), 'ph'), field(t('speed'), speedSegment(), 'ph')));
}

const field = (label, control, ...classes) => h(['div.field', ...classes].join('.'), {}, h('span.fl', {}, label), control);
const carName = car => (has(`car_${car}`) ? t(`car_${car}`) : car);
const faultName = code => (STATION_FAULTS.has(code) ? `${faultText(code).name} (${t('stationFault')})` : faultText(code).name);

// The program dies of it without an answer, where it can.
async function powerCut() {
  try {
    const response = await fetch('/api/mock/power-cut', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
    if (!response.ok) notice((await response.json()).error.message);
  } catch {
    // it is gone, as it should be; the page says so by itself
  }
}

follow('world frames', () => { if (shownFor != null) build(shownFor); });
