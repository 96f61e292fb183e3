// The plot: one curve, two rulers. Left of now is measured, right of now is what the schedule promises.
import { s } from './dom.js';
import { S, now, seriesOf, wallOf } from './store.js';
import { drawn, scheduleOf } from './station.js';
import { hm, num, t } from './words.js';

const MINUTE = 60_000;
const MARGIN = { left: 34, right: 40, top: 16, bottom: 24 };
const SMALL = 520; // px; a phone
const VOLTS = 230;
const POINTS = 600;
const LOOK_MS = 2000;

const fixed = value => value.toFixed(1);
const amps = value => (Number.isInteger(value) ? String(value) : num(value));

// Draw an EVSE's last hours and the limits ahead into an svg element.
export function plot(svg, evse, width, height) {
  const small = width < SMALL, at = now(), points = session(evse);
  const first = points.length ? wallOf(points[0][0]) : at;
  const from = Math.max(Math.min(first - 0.5 * MINUTE, at - 10 * MINUTE), at - (small ? 50 : 180) * MINUTE);
  const ahead = small ? 75 * MINUTE : Math.max(45 * MINUTE, Math.min(90 * MINUTE, (at - from) * 1.15));
  const changes = scheduleOf(evse).filter(([when]) => when > at && when < at + ahead);
  const limit = evse.limit_a ?? evse.max_current_a;
  const highest = Math.max(limit, ...changes.map(change => change[1]), ...points.map(point => Math.max(point[3] ?? 0, point[1] ?? 0)));
  const frame = {
    width, height, small, at, from, to: at + ahead, top: highest > 17 ? (highest > 33 ? 72 : 36) : 19,
    innerWidth: width - MARGIN.left - MARGIN.right, innerHeight: height - MARGIN.top - MARGIN.bottom,
  };
  frame.x = ms => MARGIN.left + ((ms - frame.from) / (frame.to - frame.from)) * frame.innerWidth;
  frame.y = a => MARGIN.top + (1 - a / frame.top) * frame.innerHeight;
  const shown = points.filter(point => wallOf(point[0]) >= from);
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' })) svg.setAttribute(name, value);
  svg.setAttribute('aria-label', spoken(evse, limit, changes));
  svg.replaceChildren(
    ...rulers(frame, evse), ...times(frame), ...area(frame, evse, shown), ...limits(frame, shown, limit, changes),
    ...curve(frame, evse, shown), ...timetable(frame, limit, changes), ...present(frame, evse, shown));
}

// What has flowed since the transaction began, or in the last minutes when there is none.
function session(evse) {
  const started = evse.transaction?.started ?? evse.finished?.started;
  const from = started ? Date.parse(started) : now() - 20 * MINUTE;
  const points = seriesOf(evse.id).filter(point => wallOf(point[0]) >= from);
  if (points.length <= POINTS) return points;
  const step = points.length / POINTS; // the highest and lowest of each step stay, so that no dip is lost
  const kept = [];
  for (let i = 0; i < points.length; i += step * 2) {
    const part = points.slice(Math.floor(i), Math.floor(i + step * 2)).sort((a, b) => (a[1] ?? 0) - (b[1] ?? 0));
    if (part.length) kept.push(...[part[0], part.at(-1)].sort((a, b) => a[0] - b[0]));
  }
  return kept;
}

const label = (x, y, text, style, anchor = 'start') =>
  s('text', { x: fixed(x), y: fixed(y), class: style, 'text-anchor': anchor }, text);

function rulers({ width, top, y }, evse) {
  const marks = top > 36 ? [0, 32, 64] : top > 20 ? [0, 16, 32] : [0, 8, 16];
  const phases = (evse.drawn_a ?? []).filter(value => value > 0.3).length || evse.phases;
  return [
    ...marks.flatMap(a => [
      s('path', { class: a ? 'grid' : 'base', d: `M${MARGIN.left} ${fixed(y(a))}H${width - MARGIN.right}` }),
      label(MARGIN.left - 8, y(a) + 4, String(a), 'tick', 'end'),
      label(width - MARGIN.right + 8, y(a) + 4, num((a * VOLTS * phases) / 1000, 0), 'tick'),
    ]),
    label(MARGIN.left - 8, 9, 'A', 'tick unit', 'end'), label(width - MARGIN.right + 8, 9, 'kW', 'tick unit'),
  ];
}

function times({ from, to, at, small, height, x }) {
  const step = ([5, 10, 15, 20, 30].find(minutes => (to - from) / MINUTE / minutes <= (small ? 4.5 : 8)) ?? 60) * MINUTE, made = [];
  for (let ms = Math.ceil(from / step) * step; ms < at; ms += step) {
    if (x(at) - x(ms) > 56 && x(ms) > MARGIN.left + 14) made.push(label(x(ms), height - 6, hm(ms), 'tick', 'middle'));
  }
  return made;
}

// A value holds until the next one is told; only what changes from one look to the next is a slope.
function coordinates({ x, y, at }, evse, points) {
  const made = [];
  for (const [ms, a] of [...points.map(point => [wallOf(point[0]), point[1] ?? 0]), [at, drawn(evse)]]) {
    const before = made.at(-1);
    if (before && ms - before[0] > 2 * LOOK_MS) made.push([ms - LOOK_MS, before[1]]);
    made.push([ms, a]);
  }
  return made.map(([ms, a]) => `${fixed(x(ms))} ${fixed(y(a))}`).join('L');
}

function area(frame, evse, points) {
  if (points.length < 2) return [];
  const base = fixed(frame.y(0)), left = fixed(frame.x(wallOf(points[0][0])));
  return [s('path', { class: 'area', d: `M${left} ${base}L${coordinates(frame, evse, points)}V${base}Z` })];
}

const curve = (frame, evse, points) =>
  (points.length < 2 ? [] : [s('path', { class: 'drawn', d: `M${coordinates(frame, evse, points)}` })]);

// The limit is a step: solid until now, dashed after.
function limits({ x, y, at, width }, points, limit, changes) {
  const here = fixed(x(at)), known = points.filter(point => point[3] != null);
  let past = `M${fixed(known.length ? x(wallOf(known[0][0])) : MARGIN.left)} ${fixed(y(known[0]?.[3] ?? limit))}`;
  for (const point of known) past += `H${fixed(x(wallOf(point[0])))}V${fixed(y(point[3]))}`;
  let future = `M${here} ${fixed(y(limit))}`;
  for (const [ms, a] of changes) future += `H${fixed(x(ms))}V${fixed(y(a))}`;
  return [
    s('path', { class: 'limit', d: `${past}H${here}` }),
    s('path', { class: 'limit ahead', d: `${future}H${width - MARGIN.right}` }),
  ];
}

// Right of now the axis is a timetable: it shows only the times when the limit changes.
function timetable({ x, y, at, width, height, small }, limit, changes) {
  if (!changes.length) return [label(x(at) + 10, y(limit) - 7, `${amps(limit)} A`, 'lab')];
  const made = [label(x(at) - 8, y(limit) - 7, `${t('limitW')} ${amps(limit)} A`, 'lab', 'end')], base = y(0);
  let free = x(at) + (small ? 18 : 14), before = limit;
  for (const [ms, a] of changes) {
    const here = x(ms), right = width - MARGIN.right - here, tight = right < 44;
    made.push(s('path', { class: 'chg', d: `M${fixed(here)} ${fixed(base)}v5` }));
    if (here - free > (small ? 40 : 42) && right > -6) {
      free = here;
      made.push(label(here, height - 6, hm(ms), 'tick chgt', 'middle'));
    }
    made.push(label(tight ? width - MARGIN.right : here + 7, y(a) + (a > before ? -7 : 17), `${amps(a)} A`, 'lab', tight ? 'end' : 'start'));
    before = a;
  }
  return made;
}

function present({ x, y, at, small, height }, evse, points) {
  const here = fixed(x(at)), current = drawn(evse);
  return [
    s('path', { class: 'now', d: `M${here} ${MARGIN.top - 4}V${fixed(y(0) + 5)}` }),
    points.length > 1 && s('circle', { class: 'dot', cx: here, cy: fixed(y(current)), r: 5 }),
    !small && current > 2.5 && label(x(at) + 10, y(current) + 19, `${num(current)} A`, 'labd'),
    label(x(at), height - 6, S.stale ? t('asOf', { t: hm(at) }) : `${t('now')} ${hm(at)}`, 'tick nowt', 'middle'),
  ].filter(Boolean);
}

function spoken(evse, limit, changes) {
  const list = changes.map(([ms, a]) => t('sched', { a: amps(a), t: hm(ms) })).join(', ');
  return `${num(drawn(evse))} A, ${t('limit', { a: amps(limit) })}. ${list}`;
}
