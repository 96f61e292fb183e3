// The strip at the top: the line from the charge point to its CSMS, and the panel below it.
import { act, get } from './api.js';
import * as bench from './bench.js';
import { $, h, s, text } from './dom.js';
import { phone } from './evse.js';
import { rows } from './exchanges.js';
import { isMock } from './station.js';
import { S, follow, now } from './store.js';
import { bytes, dayTime, diagnosisText, dur, hm, hms, mmss, num, t } from './words.js';

const root = document.documentElement;
const CARS_AT_MOST = 12; // waggons drawn for queued messages
const WORDS = {
  online: 'linkUp', connected: 'linkConnected', waiting: 'linkDown', dialling: 'linkDialling', gated: 'linkGated', idle: 'linkIdle', stopped: 'linkStopped',
};
const parts = {};
let open = false;
let queue = null; // what GET /api/queue said last
let drawnFor = '';

const isUp = () => S.link.state === 'online' || S.link.state === 'connected';
const since = ms => (ms ? t('since', { t: dayTime(Date.parse(ms), now()) }) : '');

export function build() {
  drawnFor = '';
  parts.line = s('svg', { class: 'lline', height: 30, 'aria-hidden': 'true' });
  parts.state = h('b.lst');
  parts.place = h('b');
  parts.rtt = h('span.rtt');
  parts.queue = h('button.linkish.qbtn', { type: 'button', onclick: () => toggle() });
  parts.meta = h('p.lmeta');
  parts.drop = h('p.ldrop');
  parts.tryNow = h('button.btn.small', { type: 'button', onclick: () => act('/api/link/try') }, t('tryNow'));
  parts.more = h('button.linkish.lmore', { type: 'button', 'aria-controls': 'linkmore', onclick: () => toggle() });
  parts.network = h('div.sw');
  parts.panel = h('div.lpanel', { id: 'linkmore' });
  $('#link').setAttribute('aria-label', t('link'));
  $('#link').replaceChildren(
    h('div.lgrid', {},
      h('p.lend.here', {}, h('b', {}, t('here')), parts.queue),
      h('div.lmid', {}, parts.line, parts.rtt, parts.network),
      h('p.lend.there', {}, parts.place, parts.state)),
    h('div.lsub', {}, parts.meta, parts.drop, parts.tryNow, parts.more), parts.panel);
  paint();
}

export function toggle(wanted = !open) {
  open = wanted;
  root.classList.toggle('linkopen', open);
  if (open) loadQueue();
  paint();
}

export function paint() {
  if (!parts.line || !S.link) return;
  const up = isUp() && !S.stale, countdown = S.link.state === 'waiting' && S.link.due != null;
  $('#link').className = `link ${isUp() ? 'up' : 'down'}`;
  text(parts.place, hostOf(S.link.url) || t('noCsms'));
  text(parts.rtt, S.stale ? '–' : up ? roundTrip() ?? '–' : countdown ? t('next', { s: mmss(S.link.due - now()) }) : t(WORDS[S.link.state]));
  text(parts.state, S.stale ? t('asOf', { t: hms(now()) }) : `${t(WORDS[S.link.state])} ${since(S.link.since)}`);
  text(parts.queue, queueWords());
  text(parts.meta, [protocolWords(), securityWords(), signalWords(), t(`clock_${S.station.time.trust}`)].filter(Boolean).join('  ·  '));
  paintDrop(up);
  parts.tryNow.hidden = S.link.state !== 'waiting' || !!S.stale;
  text(parts.more, t(open ? 'less' : 'more'));
  parts.more.setAttribute('aria-expanded', String(open));
  if (isMock() && parts.mode !== S.world.network.mode + root.lang) {
    parts.mode = S.world.network.mode + root.lang;
    parts.network.replaceChildren(bench.netSegment());
  } else if (isMock() && !parts.network.firstChild) parts.network.replaceChildren(bench.netSegment());
  line(isUp());
  if (open) panel();
}

const hostOf = url => url?.replace(/^wss?:\/\//, '').split('/')[0];
const protocolWords = () => S.link.protocol && `OCPP ${S.link.protocol.replace('ocpp', '')}`;
const securityWords = () => `${S.link.url?.startsWith('wss') ? 'TLS' : t('plain')}, ${t('profile', { n: S.link.security_profile })}`;

function signalWords() {
  const modem = S.world?.modem ?? S.link.modem; // the desktop world knows before anybody has asked
  if (!modem || modem.answers === false) return null;
  if (modem.registered === false || S.world?.network.mode === 'down') return `${modem.technology ?? 'LTE'}: ${t('noNet')}`;
  return modem.signal_dbm == null ? null : t('signalDbm', { tech: modem.technology, dbm: String(modem.signal_dbm).replace('-', '−') });
}

// Of the last ping; before the first one, of the last message.
function roundTrip() {
  const ms = S.link.rtt_s == null ? rows.findLast(row => row.direction === 'out' && row.ms != null)?.ms : S.link.rtt_s * 1000;
  return ms == null ? null : ms < 1 ? '< 1 ms' : `${Math.round(ms)} ms`;
}

function queueWords() {
  const { rows: waiting, dead, oldest } = S.queue, age = oldest?.created ? dur(now() - Date.parse(oldest.created)) : null;
  const words = !waiting ? t('queueEmpty') : age ? t('queueN', { n: waiting, age }) : t('queueOnly', { n: waiting });
  return dead ? `${words}, ${t('deadN', { n: dead })}` : words;
}

const diagnoses = () => [...S.diagnoses].reverse(); // newest first

function paintDrop(up) {
  const last = diagnoses()[0], drop = S.link.last_drop;
  const key = JSON.stringify([last, drop, up, root.lang]);
  if (parts.dropKey === key) return;
  parts.dropKey = key;
  if (!last) {
    parts.drop.replaceChildren(drop ? drop.cause : '');
    return;
  }
  const { says, check } = diagnosisText(last), at = Date.parse(last.at ?? '');
  const when = up && at ? `${last.lasted_s == null ? t('lastDrop', { t: dayTime(at, now()) }) : t('lastDropLen', { t: dayTime(at, now()), len: dur(last.lasted_s * 1000) })} ` : '';
  parts.drop.replaceChildren(when, `${says} `, h('b', {}, `${t('first')}: `), check);
}

// Solid is connected; a gap with the countdown in it is not, and waggons of waiting messages stand before it.
function line(up) {
  const width = parts.line.parentNode.clientWidth, words = parts.rtt.offsetWidth, waiting = Math.min(S.queue.rows, CARS_AT_MOST);
  const key = [width, up, waiting, words >> 3, isMock()].join();
  if (!width || drawnFor === key) return;
  drawnFor = key;
  const y = 15, far = width - 8, gap = up ? 0 : words + 28, room = isMock() ? 230 : 0;
  const middle = phone.matches ? width * (up ? 0.5 : 0.55) : (width - room) / 2, left = middle - gap / 2, right = middle + gap / 2;
  parts.line.setAttribute('width', width);
  parts.line.setAttribute('viewBox', `0 0 ${width} 30`);
  parts.rtt.className = up ? 'rtt' : 'rtt gone';
  parts.rtt.parentNode.style.setProperty('--m', `${middle}px`);
  const wires = up
    ? [s('path', { class: 'lw', d: `M8 ${y}H${far}` })]
    : [s('path', { class: 'lw', d: `M8 ${y}H${left}` }), s('path', { class: 'lw far', d: `M${right} ${y}H${far}` }),
      s('path', { class: 'stop', d: `M${left} ${y - 9}v18M${right} ${y - 9}v18` })];
  const waggons = Array.from({ length: waiting }, (_, i) => s('rect', { class: 'wag', x: Math.max(18, left - 12 - i * 9), y: y - 5, width: 6, height: 10 }));
  parts.line.replaceChildren(...wires, s('circle', { class: 'ln', cx: 8, cy: y, r: 6 }), s('circle', { class: up ? 'ln' : 'ln far', cx: far, cy: y, r: 6 }), ...waggons);
}

const still = matchMedia('(prefers-reduced-motion:reduce)');
let lastRow = 0;

// A square runs along the line for every new message, in its direction.
export function runSquares(fresh) {
  const newest = fresh.at(-1);
  if (!newest || !parts.line || !S.link || !isUp() || still.matches || document.hidden || fresh.length > 20 || newest.key <= lastRow) return;
  lastRow = newest.key;
  for (const row of fresh.slice(-3)) {
    const far = parts.line.parentNode.clientWidth - 22, square = s('rect', { class: 'run', y: 11, x: 0, width: 8, height: 8 });
    const way = [{ transform: 'translateX(14px)' }, { transform: `translateX(${far}px)` }];
    if (row.direction === 'in') way.reverse();
    parts.line.append(square);
    square.animate(way, { duration: 700, easing: 'cubic-bezier(.4,0,.2,1)' }).onfinish = () => square.remove();
  }
}

// ---- the panel -------------------------------------------------------------------------------------------------------

async function loadQueue() {
  try {
    queue = await get('/api/queue?limit=20');
  } catch {
    queue = null;
  }
  parts.panelKey = null;
  paint();
}

function panel() {
  const key = JSON.stringify([S.link.state, S.link.protocol, S.link.rtt_s, S.link.bytes, S.usage, S.link.attempts, diagnoses(), queue, S.queue.rows, S.queue.dead, signalWords(), S.station.time.trust, root.lang, Math.floor(now() / 60_000)]);
  if (parts.panelKey === key) return;
  parts.panelKey = key;
  parts.panel.replaceChildren(linkFacts(), drops(), queueFacts());
}

function linkFacts() {
  const usage = S.usage, date = new Date(now()).toISOString().slice(0, 10), today = usage?.days.find(one => one.day === date);
  const data = one => t('bytesUpDown', { up: bytes(one.sent), down: bytes(one.received) });
  const facts = [
    [t('proto'), protocolWords() ?? t('unknown')], [t('sec'), t(`secProfile${S.link.security_profile}`)], [t('rtt'), roundTrip() ?? t('unknown')],
    [t('signal'), signalWords() ?? t('unknown')], [t('timegate'), t(`clock_${S.station.time.trust}`)],
    today && [t('today'), data(today)], [t('thisConnection'), data(usage?.session ?? S.link.bytes)],
    S.link.attempts > 0 && [t('attempts'), String(S.link.attempts)],
  ].filter(Boolean);
  return h('section', {}, h('h3', {}, t('t_link')), h('dl.kv', {}, ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])));
}

function drops() {
  const list = diagnoses().slice(0, 4).map(found => {
    const { says, check } = diagnosisText(found), at = Date.parse(found.at ?? '');
    return h('li', {}, h('time', {}, at ? dayTime(at, now()) : '–'), h('span.len', {}, found.lasted_s == null ? '' : dur(found.lasted_s * 1000)),
      h('p', {}, says, found.pattern ? ` (${found.pattern})` : ''), h('p.check', {}, h('b', {}, `${t('first')}: `), check));
  });
  return h('section.drops', {}, h('h3', {}, t('drops')), list.length ? h('ol', {}, ...list) : h('p', {}, t('noDrops')));
}

function queueFacts() {
  const head = queue?.waiting[0];
  return h('section.queue', {}, h('h3', {}, t('queue')), h('p', {}, `${queueWords()}.`),
    head && h('p', {}, t(head.evse ? 'head' : 'headShort', { kind: head.kind, evse: head.evse, t: head.at ? hm(Date.parse(head.at)) : '–' }), S.queue.sending != null ? ` ${t('sending')}` : ''),
    S.queue.health !== 'ok' && h('p.bad', {}, t('queueHealth', { health: S.queue.health })), !S.queue.accepting && h('p.bad', {}, t('notAccepting')),
    ...(queue?.dead_letters ?? []).map(deadLetter));
}

function deadLetter(letter) {
  const what = [letter.kind, letter.evse && t('evse', { n: letter.evse }), letter.at && dayTime(Date.parse(letter.at), now()), letter.meter_wh != null && `${num(letter.meter_wh / 1000, 2)} kWh`];
  const change = path => async () => { await act(path, { ids: [letter.id] }); loadQueue(); };
  return h('div.deadl', { 'data-id': letter.id }, h('h4', {}, t('deadH')), h('p', {}, h('b', {}, what.filter(Boolean).join(', ')), ' ', letter.reason),
    h('div.btns', {}, h('button.btn.small', { type: 'button', onclick: change('/api/queue/retry') }, t('retry')),
      h('a.btn.small', { href: '/api/queue/dead.jsonl', download: 'dead-letters.jsonl' }, t('exportL')),
      h('button.linkish', { type: 'button', onclick: change('/api/queue/discard') }, t('del'))));
}

follow('link station queue world stale diagnoses usage', paint);
follow('queue', () => { if (open) loadQueue(); });
