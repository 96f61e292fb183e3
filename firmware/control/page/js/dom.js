// Small helpers to build the page. Nothing writes style attributes into markup or parses HTML (content security policy).
const SVG = 'http://www.w3.org/2000/svg';

export const $ = (selector, root = document) => root.querySelector(selector);

// An HTML element: h('p.note', { title: 'x' }, 'text', child). Attributes that are null, undefined or false are left out.
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(' ');
  return put(element, attributes, children);
}

// An SVG element.
export const s = (tag, attributes, ...children) => put(document.createElementNS(SVG, tag), attributes, children);

function put(element, attributes, children) {
  for (const name in attributes ?? {}) {
    const value = attributes[name];
    if (value == null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child != null && child !== false) element.append(child);
  return element;
}

// Change a text only when it differs, so that nothing is laid out or announced again.
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

// Line icons, own drawings. Small ones on a grid of 16, the others on 24.
const SMALL = new Set(['out', 'inn', 'tick', 'cross', 'chevron']);
const PATHS = {
  plug: 'M3 12h6M9 7h5a5 5 0 0 1 0 10H9zM14 9.5h5M14 14.5h5',
  unplug: 'M1 12h4M5 7h4a5 5 0 0 1 0 10H5zM15 9.5h3M15 14.5h3M22 6v12',
  card: 'M3 7.5h11v9H3zM3 11h11M17 8a6 6 0 0 1 0 8M20 5.5a10 10 0 0 1 0 13',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l11 7-11 7z',
  out: 'M3 8h9M9 4l4 4-4 4',
  inn: 'M13 8H4M7 4L3 8l4 4',
  tick: 'M3 8.5l3.5 3.5L13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  chevron: 'M4 6l4 4 4-4',
  bolt: 'M13 3L6 13h5l-1 8 7-10h-5z',
  link: 'M2 12h6M16 12h6M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8',
  list: 'M4 6h16M4 12h16M4 18h10',
  bench: 'M3 9h18M6 9v11M18 9v11M9 5h6v4H9z',
};

export function icon(name, size = 24) {
  const box = SMALL.has(name) ? 16 : 24;
  const attributes = { class: 'ic', viewBox: `0 0 ${box} ${box}`, width: size, height: size, 'aria-hidden': 'true' };
  return s('svg', attributes, s('path', { d: PATHS[name] }));
}

// One of a few choices, side by side. `options` are [value, label] pairs.
export function segment(label, options, chosen, choose) {
  return h('div.seg', { role: 'group', 'aria-label': label }, ...options.map(([value, name]) =>
    h('button', { type: 'button', 'aria-pressed': String(value === chosen), onclick: () => choose(value) }, name)));
}

// A select element. `options` are [value, label] pairs, with a third item true for one that cannot be chosen.
export function select(label, options, chosen, choose, attributes = {}) {
  return h('select', { 'aria-label': label, onchange: event => choose?.(event.target.value, event.target), ...attributes },
    ...options.map(([value, name, disabled]) => h('option', { value, disabled, selected: value === chosen }, name)));
}
