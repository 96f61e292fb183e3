// Frame rules of a mock board: sentences with a switch and a count.
import { act } from './api.js';
import { h, select } from './dom.js';
import { S, follow } from './store.js';
import { t } from './words.js';

const VERBS = ['hold', 'edit', 'drop', 'duplicate', 'delay'];
const ACTIONS = [
  'Authorize', 'BootNotification', 'Heartbeat', 'MeterValues', 'StartTransaction', 'StatusNotification', 'StopTransaction', 'TransactionEvent',
  'RemoteStartTransaction', 'RemoteStopTransaction', 'RequestStartTransaction', 'RequestStopTransaction', 'SetChargingProfile', 'Reset', 'TriggerMessage',
];
const parts = {};
const draft = { verb: 'hold', count: 1, kind: '', action: '', detail: '' };

export function build(box) {
  parts.box = box;
  paint();
}

// A rule for messages like this one, to be completed by a person.
export function suggest(row) {
  Object.assign(draft, { verb: 'hold', count: 1, action: row.action, kind: 'call', detail: '' });
  paint();
}

function paint() {
  if (!parts.box || !S.rules) return;
  if (parts.box.contains(document.activeElement) && ['INPUT', 'SELECT'].includes(document.activeElement.tagName) && document.activeElement.type !== 'checkbox') return;
  const { rules, held } = S.rules;
  parts.box.replaceChildren(
    ...(rules.length ? rules.map(rule => element(rule, held)) : [h('p.none', {}, t('rulesNone'))]), form());
}

function element(rule, held) {
  const mine = held.filter(one => one.rule === rule.number);
  return h('div.rule', { 'data-rule': rule.number },
    h('label', {}, h('input', { type: 'checkbox', checked: rule.on, onchange: event => act(`/api/rules/${rule.number}`, { on: event.target.checked }) }), h('span', {}, sentence(rule))),
    h('span.hits', {}, t('times', { n: rule.hits })),
    mine.length > 0 && h('button.btn.small', { type: 'button', onclick: () => mine.forEach(one => act('/api/rules/release', { held: one.number })) }, `${t('letGo')} ${mine.length}`),
    h('button.linkish', { type: 'button', onclick: () => act(`/api/rules/${rule.number}/remove`) }, t('remove')));
}

// "Delay every Heartbeat response by 800 ms"
function sentence(rule) {
  const words = [t(`r_${rule.verb}`), t(rule.count == null ? 'r_every' : 'r_next'), rule.count > 1 && String(rule.count), rule.action ?? t('r_any'), rule.kind && t(`r_${rule.kind}`), rule.direction && `(${t(`r_${rule.direction}`)})`];
  if (rule.verb === 'delay') words.push(t('r_by', { s: rule.delay_s }));
  if (rule.verb === 'hold') words.push(t('r_until'));
  for (const [path, value] of Object.entries(rule.change ?? {})) words.push(t('r_toBe', { path, value: JSON.stringify(value) }));
  if (rule.error) words.push(rule.error);
  return words.filter(Boolean).join(' ');
}

function form() {
  const hint = { edit: t('r_detailEdit'), delay: t('r_detailDelay') }[draft.verb];
  const set = key => value => { draft[key] = value; if (key === 'verb') { document.activeElement?.blur(); paint(); } };
  const names = draft.action && !ACTIONS.includes(draft.action) ? [draft.action, ...ACTIONS] : ACTIONS;
  return h('form.newrule', { onsubmit: add },
    select(t('r_verb'), VERBS.map(verb => [verb, t(`r_${verb}`)]), draft.verb, set('verb'), { id: 'ruleverb' }),
    select(t('r_count'), [['1', t('r_next')], ['', t('r_every')]], draft.count == null ? '' : '1', value => { draft.count = value ? 1 : null; }, { id: 'rulecount' }),
    select(t('r_action'), [['', t('r_any')], ...names.map(name => [name, name])], draft.action, set('action'), { id: 'ruleaction' }),
    select(t('r_kind'), [['', '–'], ['call', t('r_call')], ['answer', t('r_answer')]], draft.kind, set('kind'), { id: 'rulekind' }),
    hint && h('input.q', { id: 'ruledetail', placeholder: hint, 'aria-label': hint, value: draft.detail, oninput: event => { draft.detail = event.target.value; } }),
    h('button.btn.small', { type: 'submit', id: 'addrule' }, t('addRule')));
}

async function add(event) {
  event.preventDefault();
  document.activeElement?.blur();
  const rule = { verb: draft.verb };
  if (draft.count != null) rule.count = draft.count;
  if (draft.action) rule.action = draft.action;
  if (draft.kind) rule.kind = draft.kind;
  if (draft.verb === 'delay') rule.delay_s = Number(draft.detail.replace(',', '.'));
  if (draft.verb === 'edit') {
    const [path, ...value] = draft.detail.split('=');
    rule.change = { [path.trim()]: parse(value.join('=').trim()) };
  }
  if (await act('/api/rules', rule)) Object.assign(draft, { detail: '' });
  paint();
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // a bare word
  }
}

follow('rules', paint);
