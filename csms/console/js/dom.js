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

const ARROWS = { out: 'M3 8h9M9 4l4 4-4 4', inn: 'M13 8H4M7 4L3 8l4 4' };

// Sent goes right, received comes left: the station is always on the left.
export const arrow = name => s('svg', { class: 'ic', viewBox: '0 0 16 16', width: 14, height: 14, 'aria-hidden': 'true' },
  s('path', { d: ARROWS[name] }));
