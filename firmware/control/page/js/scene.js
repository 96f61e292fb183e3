// The picture: one line from the mains through the contactor and the cable into the car.
import { s } from './dom.js';
import { lang, t } from './words.js';

const CAR = 'M9 98C4 98 2 94 2 89L3 67C3 59 5 54 9 48L27 22C35 9 47 3 63 2L130 1C160 1 179 8 197 22L226 44C257 47 281 53 291 63'
  + 'C297 69 299 78 299 87C299 94 296 98 290 98H268A32 32 0 0 0 204 98H100A32 32 0 0 0 36 98Z';
const GLASS = 'M37 44L49 26C54 18 61 14 71 14L113 13V44ZM121 44V13H130C153 13 170 19 184 30L202 44Z';
const LIGHT = 'M274 62L289 68L288 73L272 70Z';
const WHEELS = [68, 236];
const WORDS_FROM = 0.7; // scale from which there is room for words

const LINE_STYLE = { plugged: 'wait', cable: 'wait', checking: 'wait', auth: 'wait', starting: 'wait', pausedEV: 'wait', pausedLimit: 'wait' };

// Draw what `pictureOf` tells into an svg element; returns where outlet, inlet and line are. Draws only what changed.
export function scene(svg, model, width, height, { scale: k, feed: px }) {
  const key = JSON.stringify([model, width, height, k, lang()]);
  if (svg.drawnFor === key) return svg.geometry;
  svg.drawnFor = key;
  const ground = height - 8, line = Math.round(ground - 76 * k), postWidth = Math.round(64 * k);
  const carX = width - Math.round(300 * k) - 2;
  const at = {
    k, px, ground, line, postWidth, carX, width,
    outlet: px + postWidth, inlet: carX + Math.round(8 * k), thick: Math.max(5, Math.round(9 * k)),
    style: model.live ? 'on' : !model.mains ? 'idle nomains' : model.fault ? 'bad' : LINE_STYLE[model.state] ?? 'idle',
  };
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, class: `scene-svg ${at.style}` })) {
    svg.setAttribute(name, value);
  }
  svg.replaceChildren(
    s('path', { class: 'ground', d: `M0 ${ground + 0.5}H${width}` }),
    s('path', { class: wire(model), d: `M0 ${line}H${px}`, 'stroke-width': at.thick }), // dashed when the mains are off
    post(model, at),
    ...(model.cable ? cable(model, at) : holster(at)),
    car(model, at),
    ...(model.cable ? [plug(model, at)] : []),
    ...(model.fault ? [mark(model.fault, at)] : []),
  );
  svg.geometry = { outlet: at.outlet, inlet: at.inlet, line };
  return svg.geometry;
}

const wire = model => (model.live ? 'wire on' : model.mains ? 'wire' : 'wire gone');

function post(model, { k, px, ground, line, postWidth, outlet, thick }) {
  const on = model.live ? ' on' : '', tall = Math.min(ground - 4, Math.round(190 * k)), top = ground - tall, r = 10 * k;
  const readerX = px + 27 * k, readerY = top + 52 * k, half = 19 * k, a = px + 16 * k, b = outlet - 16 * k;
  const arcs = [4, 10, 16].map(n => `M${readerX - 4 * k + n * k * 0.72} ${readerY - n * k}a${n * 1.4 * k} ${n * 1.4 * k} 0 0 1 0 ${2 * n * k}`);
  const lever = model.closed ? `M${a} ${line}H${b}` : `M${a} ${line}L${b - 3 * k} ${line - 15 * k}`;
  return s('g', { class: 'post' },
    s('path', { class: 'mass', d: `M${px} ${ground}V${top + r}q0 ${-r} ${r} ${-r}H${outlet - r}q${r} 0 ${r} ${r}V${ground}Z` }),
    s('rect', { class: 'lamp', x: px + 13 * k, y: top + 15 * k, width: 38 * k, height: Math.max(4, 6 * k), rx: 1 }),
    s('path', { class: model.tapped ? 'reader hit' : 'reader', 'stroke-width': Math.max(1.6, 2.6 * k), d: arcs.join('') }),
    // the window with the contactor, a single-line symbol
    s('rect', { class: 'window', x: px + 5 * k, y: line - half, width: postWidth - 10 * k, height: half * 2, rx: 2 * k }),
    s('path', { class: wire(model), d: `M${px} ${line}H${a}`, 'stroke-width': thick }),
    s('path', { class: `wire${on}`, d: `M${b} ${line}H${outlet}`, 'stroke-width': thick }),
    s('path', { class: `wire lever${on}`, d: lever, 'stroke-width': thick * 0.66 }),
    ...[a, b].map(x => s('circle', { class: `pin${on}`, cx: x, cy: line, r: 5.5 * k + 1 })),
    k >= WORDS_FROM && s('text', { class: 'cword', x: px + postWidth / 2, y: line + half + 19, 'text-anchor': 'middle' },
      t(model.closed ? 'closedShort' : 'openShort')),
    s('rect', { class: 'mass', x: px - 7 * k, y: ground - 5 * k, width: postWidth + 14 * k, height: 5 * k }));
}

function cable(model, { k, line, outlet, inlet, thick, style }) {
  const d = `M${outlet} ${line}H${inlet - 30 * k}`;
  return [
    s('path', { class: `wire cable ${style}`, d, 'stroke-width': thick }),
    model.live
      ? s('path', { class: 'flow', d, 'stroke-width': Math.max(2, thick / 3) })
      : s('path', { class: 'hollow', d, 'stroke-width': Math.max(1.6, thick - 2 * Math.max(1.6, 2.4 * k)) }),
  ];
}

function holster({ k, line, outlet }) {
  const d = `M${outlet} ${line}h${8 * k}c${30 * k} 0 ${34 * k} ${58 * k} ${8 * k} ${58 * k}c${-12 * k} 0 ${-10 * k} ${-20 * k} ${-10 * k} ${-34 * k}`;
  return [
    s('path', { class: 'wire rest', fill: 'none', 'stroke-width': Math.max(3, 5 * k), d }),
    s('rect', { class: 'mass', x: outlet + 0.5 * k, y: line + 8 * k, width: 12 * k, height: 24 * k, rx: 3 * k }),
  ];
}

function car(model, { k, carX, ground }) {
  const on = model.live ? ' on' : '', place = { transform: `translate(${carX} ${ground - 124 * k}) scale(${k})`, class: 'car' };
  if (!model.car) {
    return s('g', place, s('path', { class: 'ghost', d: CAR }), ...WHEELS.map(x => s('circle', { class: 'ghost', cx: x, cy: 98, r: 25.5 })));
  }
  return s('g', place,
    s('path', { class: 'mass', d: CAR }), s('path', { class: 'glass', d: GLASS }), s('path', { class: 'glass', d: LIGHT }),
    ...WHEELS.flatMap(x => [s('circle', { class: 'mass', cx: x, cy: 98, r: 25.5 }), s('circle', { class: 'hub', cx: x, cy: 98, r: 12 })]),
    s('path', { class: `inwire${on}`, d: 'M4 48V57H88V75H112' }),
    s('rect', { class: 'cell', x: 112, y: 64, width: 80, height: 22, rx: 2 }), // empty outline if the car does not tell
    model.soc != null && s('rect', { class: `soc${on}`, x: 116, y: 68, width: Math.max(2, 72 * model.soc), height: 14 }));
}

function plug(model, { k, line, inlet: x }) {
  const d = `M${x - 34 * k} ${line - 7 * k}h${12 * k}l${5 * k} ${-7 * k}h${15 * k}v${28 * k}h${-15 * k}l${-5 * k} ${-7 * k}h${-12 * k}z`;
  const group = s('g', { class: 'plug' }, s('path', { class: 'mass', d }));
  if (model.locked == null) return group; // no lock, or nobody knows
  const middle = x - 12 * k, top = line - 40 * k, m = Math.max(0.72, k), r = 4.5 * m;
  const shackle = model.locked
    ? `M${middle - r} ${top}v${-5 * m}a${r} ${r} 0 0 1 ${2 * r} 0v${5 * m}`
    : `M${middle - r} ${top - 2 * m}v${-6 * m}a${r} ${r} 0 0 1 ${2 * r} 0v${2 * m}`;
  group.append(
    s('path', { class: model.locked ? 'shackle' : 'shackle open', 'stroke-width': 2.6 * m, d: shackle }),
    s('rect', { class: 'mass padlock', x: middle - 8 * m, y: top, width: 16 * m, height: 12 * m, rx: 1.5 }));
  if (k >= WORDS_FROM) {
    group.append(s('text', { class: 'lword', x: middle - 16 * m, y: top + 10, 'text-anchor': 'end' }, t(model.locked ? 'locked' : 'unlocked')));
  }
  return group;
}

// A red diamond sits where the fault is.
function mark(place, { k, px, postWidth, ground, line, outlet, inlet }) {
  const x = { cable: (outlet + inlet) / 2, contactor: px + postWidth / 2, lock: inlet - 12 * k, plug: inlet - 18 * k, feed: px / 2, post: px + postWidth / 2 }[place];
  const y = place === 'lock' ? line - 36 * k : place === 'post' ? Math.max(24 * k, ground - 138 * k) : line, r = Math.max(11, 17 * k);
  return s('g', { class: 'mark' },
    s('rect', { x: x - r, y: y - r, width: 2 * r, height: 2 * r, transform: `rotate(45 ${x} ${y})` }),
    s('path', { d: `M${x} ${y - r * 0.55}v${r * 0.62}M${x} ${y + r * 0.48}v.1` }));
}
