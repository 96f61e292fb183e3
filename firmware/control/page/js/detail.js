// An exchange in full: request and response side by side, readable or as they went over the wire.
import { h } from './dom.js';
import { mark } from './frames.js';
import { t } from './words.js';

const CUT = 16 * 1024; // characters; the station keeps no more of a frame
let raw = false;

export function detail(row, { close, makeRule }) {
  const body = h('div.json');
  const toggle = h('button.linkish', { type: 'button', onclick: () => { raw = !raw; fill(); } });
  const fill = () => {
    toggle.textContent = t(raw ? 'pretty' : 'raw');
    body.replaceChildren(part(t('req'), row.request), part(t('res'), row.response, row.ms));
  };
  fill();
  const copy = () => navigator.clipboard?.writeText([row.request, row.response].filter(Boolean).join('\n'));
  return [
    h('header.paneh', {}, h('b', {}, row.action), h('code', {}, row.id), h('span.grow'), toggle,
      makeRule && h('button.linkish', { type: 'button', onclick: makeRule }, t('mkRule')),
      navigator.clipboard && h('button.linkish', { type: 'button', onclick: copy }, t('copy')),
      h('button.linkish', { type: 'button', onclick: close }, t('close'))),
    row.mark && h(`p.why.m-${row.mark.kind}`, {}, mark(row.mark.kind), row.mark.says),
    body,
  ];
}

const part = (label, frame, ms) => h('div', {},
  h('h3', {}, label, ms != null && h('span', {}, ` ${ms} ms`)),
  h('pre', {}, ...(frame == null ? [t('noReply')] : raw ? [frame] : pretty(frame))));

function pretty(frame) {
  let message;
  try {
    message = JSON.parse(frame);
  } catch {
    return frame.length >= CUT ? [frame, `\n${t('cutFrame')}`] : [frame];
  }
  // of a request and an answer the payload, of an error everything after its id
  const payload = message[0] === 2 || message[0] === 6 ? message[3] : message[0] === 3 ? message[2] : message.slice(2);
  const json = JSON.stringify(payload, null, 2).replace(/\[\s+(\{[^{}[\]]*\})\s+\]/g, '[$1]'), made = [];
  let last = 0;
  for (const found of json.matchAll(/"((?:[^"\\]|\\.)*)"(?=:)/g)) {
    made.push(json.slice(last, found.index), h('span.k', {}, found[1]));
    last = found.index + found[0].length;
  }
  return [...made, json.slice(last)];
}
