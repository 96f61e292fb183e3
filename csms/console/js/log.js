// What went over the wire: one row is one exchange, newest first.
import { $, arrow, h, text } from './dom.js';
import { S } from './store.js';
import { hms, num, t } from './words.js';

const ROWS = 200;
let wanted = '';
let opened = null; // key of the row whose frames are shown

export function draw() {
  const box = $('#log');
  if (!box.firstChild) {
    box.append(
      h('div.fh', {}, h('h2', { id: 'log-h' }), h('input.q', { id: 'q-log', type: 'search', oninput: event => { wanted = event.target.value; draw(); } })),
      h('ol.rows', { id: 'rows' }),
      h('div.pane', { id: 'pane', hidden: true }),
    );
  }
  text($('#log-h'), t('messages'));
  const filter = $('#q-log');
  filter.setAttribute('aria-label', t('filterMessages'));
  filter.placeholder = t('filterMessages');
  const all = exchanges(S.messages);
  const found = all.filter(each => each.text.toLowerCase().includes(wanted.toLowerCase())).slice(0, ROWS);
  const list = $('#rows'), focus = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  list.replaceChildren(...(found.length ? found.map(row) : [h('li.empty', {}, t(all.length ? 'noMessageMatch' : 'noMessages'))]));
  if (focus) list.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  detail(all.find(each => each.key === opened));
}

// Pair calls with their answers, by the side that asked and the id. Newest first.
function exchanges(messages) {
  const open = new Map(), found = [];
  for (const { at, direction, text: raw } of messages) {
    const items = parsed(raw), ms = Date.parse(at);
    if (items?.[0] === 2) {
      const each = { key: `${direction} ${items[1]} ${at}`, direction, ms, action: items[2], payload: items[3], answer: null, text: raw };
      open.set(`${direction} ${items[1]}`, each);
      found.push(each);
      continue;
    }
    const asked = items && open.get(`${direction === 'in' ? 'out' : 'in'} ${items[1]}`);
    if (asked && !asked.answer) {
      Object.assign(asked, { answer: items, took: ms - asked.ms, text: `${asked.text} ${raw}` });
    } else {
      found.push({ key: `${direction} ${at} ${raw.length}`, direction, ms, action: items ? `[${items[0]}]` : '?', payload: items ?? raw, answer: [], text: raw });
    }
  }
  return found.reverse();
}

function parsed(raw) {
  try {
    const items = JSON.parse(raw);
    return Array.isArray(items) ? items : null;
  } catch {
    return null;
  }
}

function row(each) {
  const error = each.answer?.[0] === 4;
  return h('li', {}, h(`button.row${error ? '.m-viol' : ''}`, {
    type: 'button', 'data-key': each.key, 'aria-expanded': String(each.key === opened),
    onclick: () => { opened = opened === each.key ? null : each.key; draw(); },
  },
  h('time.ts', {}, hms(each.ms)),
  h('span.dir', {}, arrow(each.direction === 'in' ? 'out' : 'inn')),
  h('span.what', {}, h('b', {}, each.action), ' ', h('i', {}, summary(each.payload))),
  h(`span.rst${error ? '.bad' : ''}`, {}, each.answer === null ? t('noAnswer') : error ? each.answer[2] : answerWord(each.answer[2])),
  h('span.ms', {}, each.took === undefined ? '' : num(each.took, 0))));
}

const answerWord = answer => answer?.status ?? answer?.idTagInfo?.status ?? answer?.idTokenInfo?.status ?? '';

// The first plain values of a payload; times stand in the row already.
function summary(payload) {
  if (typeof payload !== 'object' || payload === null) return String(payload ?? '').slice(0, 80);
  return Object.values(payload).filter(value => typeof value !== 'object' && !/^\d{4}-\d\d-\d\dT/.test(value)).slice(0, 4).join(' ');
}

function detail(each) {
  const pane = $('#pane');
  pane.hidden = !each;
  if (!each) {
    pane.replaceChildren();
    return;
  }
  pane.replaceChildren(
    h('div.paneh', {}, h('b', {}, each.action), h('button.linkish', { type: 'button', onclick: () => { opened = null; draw(); } }, t('close'))),
    h('div.json', {},
      h('div', {}, h('h3', {}, t('request')), h('pre', {}, JSON.stringify(each.payload, null, 2))),
      h('div', {}, h('h3', {}, t('response')), h('pre', {}, each.answer === null ? t('noAnswer') : JSON.stringify(each.answer[0] === 3 ? each.answer[2] : each.answer.slice(2), null, 2)))));
}
