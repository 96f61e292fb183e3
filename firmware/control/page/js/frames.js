// The frame list. One row is one exchange, request and response together; only rows that can be seen exist.
import { detail } from './detail.js';
import { $, h, icon, s, text } from './dom.js';
import { phone } from './evse.js';
import * as exchanges from './exchanges.js';
import { runSquares } from './link.js';
import * as rules from './rules.js';
import { S, follow, now } from './store.js';
import { count, stamp, t } from './words.js';

const ROW_PX = { desk: 30, phone: 52 };
const END_PX = 8; // so near to the end the list follows
const UNANSWERED_MS = 30_000;
const MARKS = {
  viol: 'M6 .5L11.5 6L6 11.5L.5 6z',
  queue: 'M2.5 1v10M6 1v10M9.5 1v10',
  rule: 'M1 6h3M8 6h3M6 3.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5',
};

const view = { query: '', direction: '', mark: '', following: true, selected: null, tab: 'list', fresh: 0 };
const parts = {};
let shown = []; // rows that match the filter

const rowHeight = () => (phone.matches ? ROW_PX.phone : ROW_PX.desk);
const filter = () => ({ direction: view.direction, mark: view.mark, words: view.query.split(/\s+/).filter(Boolean) });
export const mark = kind => s('svg', { class: 'ic mk', viewBox: '0 0 12 12', width: 11, height: 11, 'aria-hidden': 'true' }, s('path', { d: MARKS[kind] }));

export function build() {
  parts.query = h('input.q', { type: 'search', placeholder: t('filter'), 'aria-label': t('filter'), value: view.query, oninput: event => { view.query = event.target.value.toLowerCase(); refilter(); } });
  parts.chips = h('div.chips');
  parts.hold = h('button.btn.small', { type: 'button', id: 'hold', onclick: () => followAgain(!view.following) });
  parts.count = h('span.n', { id: 'framecount' });
  parts.missed = h('span.n', { hidden: true });
  parts.ruleCount = h('span.n');
  parts.newer = h('button.newer', { type: 'button', hidden: true, onclick: () => followAgain(true) });
  parts.tabList = h('button.tab', { type: 'button', onclick: () => show('list') }, `${t('frames')} `, parts.count);
  parts.tabRules = h('button.tab', { type: 'button', id: 'rulestab', onclick: () => show('rules') }, `${t('rules')} `, parts.ruleCount);
  parts.list = h('div.rows', { role: 'grid', tabindex: 0, 'aria-label': t('frames') });
  parts.sizer = h('div.sizer');
  parts.visible = h('div.vis');
  parts.list.append(parts.sizer, parts.visible);
  parts.wrap = h('div.listwrap', {}, parts.list, parts.newer);
  parts.tools = h('div.ftools', {}, parts.query, parts.chips);
  parts.pane = h('div.pane', { hidden: true });
  parts.rules = h('div.rules', { hidden: true });
  const save = h('a.linkish', { href: '/api/frames.jsonl', download: 'frames.jsonl' }, t('exportL'));
  $('#frames').replaceChildren(
    h('header.fh', {}, h('h2.tabsrow', { id: 'frames-h' }, parts.tabList, parts.tabRules), parts.missed, h('span.grow'), save, parts.hold),
    parts.tools, parts.wrap, parts.rules, parts.pane);
  parts.list.addEventListener('scroll', scrolled);
  for (const touch of ['wheel', 'touchmove', 'pointerdown', 'keydown']) parts.list.addEventListener(touch, () => { parts.byHand = true; }, { passive: true });
  parts.list.addEventListener('keydown', steer);
  new ResizeObserver(settle).observe(parts.list); // a list that follows stays at its end
  rules.build(parts.rules);
  paint();
}

export const focusFilter = () => parts.query.focus();

function show(tab) {
  view.tab = tab;
  paint();
}

function followAgain(on) {
  view.following = on;
  view.fresh = 0;
  parts.byHand = false;
  paint();
}

function paint() {
  const list = view.tab === 'list';
  parts.tabList.setAttribute('aria-current', String(list));
  parts.tabRules.setAttribute('aria-current', String(!list));
  parts.tabRules.hidden = S.rules == null;
  text(parts.ruleCount, String(S.rules?.rules.length ?? ''));
  parts.hold.replaceChildren(icon(view.following ? 'pause' : 'play', 16), t(view.following ? 'pauseLog' : 'resumeLog'));
  parts.tools.hidden = parts.wrap.hidden = !list;
  parts.rules.hidden = list;
  parts.pane.hidden = !list || !view.selected;
  parts.chips.replaceChildren(
    chip('direction', 'out', t('out'), 'out'), chip('direction', 'in', t('inn'), 'inn'), chip('mark', 'viol', t('viol')), chip('mark', 'queue', t('queued')));
  refilter();
}

const chip = (key, value, label, name) =>
  h('button.chip', { type: 'button', 'aria-pressed': String(view[key] === value), onclick: () => { view[key] = view[key] === value ? '' : value; paint(); } }, name && icon(name, 14), label);

function refilter() {
  exchanges.takeFresh(); // they are among the rows
  const wanted = filter();
  shown = exchanges.rows.filter(row => exchanges.matches(row, wanted));
  settle();
}

// New rows have come, or old ones got their answers.
function grow() {
  const fresh = exchanges.takeFresh(), wanted = filter(), more = fresh.filter(row => exchanges.matches(row, wanted));
  const first = exchanges.rows[0];
  if (first && shown.length && shown[0].key < first.key) shown = shown.filter(row => row.key >= first.key);
  if (view.mark) refilter(); // an answer can give an older row its mark
  else shown.push(...more);
  if (!view.following) view.fresh += more.length;
  runSquares(fresh);
  settle();
}

function settle() {
  text(parts.count, count(shown.length));
  parts.missed.hidden = !exchanges.missedFrames();
  text(parts.missed, t('missed', { n: exchanges.missedFrames() }));
  parts.sizer.style.height = `${shown.length * rowHeight()}px`;
  parts.newer.hidden = view.following || !view.fresh;
  text(parts.newer, t('nNew', { n: view.fresh }));
  if (view.following) parts.list.scrollTop = parts.sizer.offsetHeight;
  draw();
}

function scrolled() {
  const { scrollHeight, clientHeight, scrollTop } = parts.list;
  const atEnd = scrollHeight - clientHeight - scrollTop < END_PX;
  if (parts.byHand && view.following && !atEnd) {
    view.following = false;
    paint();
  }
  draw();
}

function draw() {
  const height = rowHeight(), first = Math.max(0, Math.floor(parts.list.scrollTop / height));
  const last = Math.min(shown.length, first + Math.ceil(parts.list.clientHeight / height) + 2);
  parts.visible.style.transform = `translateY(${first * height}px)`;
  const made = [];
  for (let i = first; i < last; i++) made.push(element(shown[i], i));
  if (!shown.length) made.push(nothing());
  parts.visible.replaceChildren(...made);
}

function nothing() {
  if (!exchanges.rows.length) return h('p.empty', {}, t('noFrames'));
  const clear = () => { view.query = view.direction = view.mark = ''; parts.query.value = ''; paint(); };
  return h('p.empty', {}, `${t('noMatch')} `, h('button.linkish', { type: 'button', onclick: clear }, t('clear')));
}

function element(row, index) {
  const selected = view.selected === row, cell = { role: 'gridcell' };
  const width = row.ms ? Math.min(30, 1 + Math.log10(row.ms) * 10) : 0;
  const classes = ['div.row', row.mark && `m-${row.mark.kind}`, selected && 'sel'].filter(Boolean).join('.');
  return h(classes, { role: 'row', 'aria-rowindex': index + 1, 'aria-selected': String(selected), onclick: () => choose(selected ? null : row) },
    h('span.ts', cell, row.at ? stamp(row.at) : '–'),
    h('span.dir', { ...cell, 'aria-label': t(row.direction === 'out' ? 'out' : 'inn') }, icon(row.direction === 'out' ? 'out' : 'inn', 16)),
    h('span.what', cell, h('b', {}, row.action), row.summary && h('i', {}, row.summary), row.mark && h('em', {}, mark(row.mark.kind), row.mark.short ?? t('violation'))),
    h(row.bad ? 'span.st.bad' : 'span.st', cell, row.status ?? waiting(row)),
    h('span.bar', { 'aria-hidden': 'true' }, row.ms > 0 && s('svg', { width: 30, height: 4, viewBox: '0 0 30 4' }, s('rect', { x: 0, width, height: 4 }))),
    h('span.ms', cell, row.ms == null ? '…' : row.ms < 1 ? '< 1 ms' : `${row.ms} ms`));
}

const waiting = row => (row.at && now() - row.at > UNANSWERED_MS ? t('noReplyIn', { s: UNANSWERED_MS / 1000 }) : t('noReply'));

function choose(row) {
  view.selected = row;
  if (row) view.following = false;
  parts.pane.replaceChildren(...(row ? detail(row, { close: () => choose(null), makeRule: S.rules && (() => { rules.suggest(row); show('rules'); }) }) : []));
  paint();
  if (row) reveal(shown.indexOf(row));
}

// The pane takes room from the list; what is chosen stays in sight.
function reveal(index) {
  const height = rowHeight(), { list } = parts;
  list.scrollTop = Math.min(Math.max(list.scrollTop, (index + 1) * height - list.clientHeight), index * height);
}

function steer(event) {
  const at = shown.indexOf(view.selected), page = Math.floor(parts.list.clientHeight / rowHeight());
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: shown.length - 1 }[event.key];
  if (event.key === 'Escape') choose(null);
  if (to == null || !shown.length) return;
  event.preventDefault();
  choose(shown[Math.min(Math.max(to, 0), shown.length - 1)]);
}

follow('frames', () => { if (parts.list) grow(); });
follow('rules', () => { if (parts.list) paint(); });
