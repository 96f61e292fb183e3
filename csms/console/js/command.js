// Send any command to the chosen station, from a form made of its schema.
import * as api from './api.js';
import { $, h, text } from './dom.js';
import { form } from './fields.js';
import { S, running } from './store.js';
import { num, outcome, t } from './words.js';

const CARD = '04A1B2C3D4E5F6';
const schemas = new Map();
let shown = ''; // what the form was made for: version, action and language
let action = '';
let fields = null;

export function draw() {
  const box = $('#command');
  if (!box.firstChild) {
    box.append(
      h('h2', { id: 'command-h' }),
      h('p.empty', { id: 'command-off' }),
      h('select', { id: 'action', onchange: event => { action = event.target.value; draw(); } }),
      h('form', { id: 'payload', novalidate: true, onsubmit: event => { event.preventDefault(); send(); } }),
      h('div.outcome', { id: 'outcome', role: 'status' }),
    );
  }
  text($('#command-h'), t('command'));
  const protocol = S.station?.protocol ?? null, commands = S.protocols[protocol] ?? [];
  $('#command-off').hidden = protocol !== null || !S.station;
  text($('#command-off'), t('notConnected'));
  for (const id of ['#action', '#payload']) $(id).hidden = protocol === null;
  if (protocol === null) return;
  if (!commands.includes(action)) action = '';
  const wanted = `${protocol} ${action} ${document.documentElement.lang} ${S.chosen}`;
  if (wanted === shown) return;
  shown = wanted;
  const select = $('#action');
  select.setAttribute('aria-label', t('choose'));
  select.replaceChildren(h('option', { value: '' }, t('choose')), ...commands.map(name => h('option', { value: name, selected: name === action }, name)));
  $('#outcome').replaceChildren();
  fill(protocol, wanted);
}

async function fill(protocol, wanted) {
  const place = $('#payload');
  fields = null;
  place.replaceChildren(); // the form of another command must not be sent as this one
  if (!action) return;
  const path = `/protocols/${protocol}/commands/${action}`;
  if (!schemas.has(path)) schemas.set(path, await api.get(path));
  if (wanted !== shown) return; // another one was chosen meanwhile
  fields = form(schemas.get(path).request, guess);
  place.replaceChildren(fields.element, h('button.act.main', { type: 'submit', id: 'send' }, t('send', { action })));
}

// What somebody would probably write there.
function guess(name) {
  const open = running()[0];
  const guesses = {
    connectorId: open?.connector_id ?? 1,
    evseId: open?.evse_id ?? 1,
    transactionId: open?.transaction_id,
    idTag: open?.id_token ?? CARD,
    idToken: open?.id_token ?? CARD,
    remoteStartId: Math.floor(Date.now() / 1000) % 1_000_000,
    requestId: Math.floor(Date.now() / 1000) % 1_000_000,
    type: undefined,
    expiryDate: soon(15), expiryDateTime: soon(15), retrieveDate: soon(0), retrieveDateTime: soon(0),
    reservationId: 1, id: 1, stackLevel: 0, chargingProfileId: 1, startPeriod: 0, limit: 16, duration: 3600, listVersion: 1, versionNumber: 1,
  };
  return guesses[name];
}

const soon = minutes => `${new Date(Date.now() + minutes * 60e3).toISOString().slice(0, 19)}Z`;

async function send() {
  if (!fields) return;
  const place = $('#outcome'), button = $('#send'), sent = action;
  for (const each of document.querySelectorAll('[data-wrong]')) each.hidden = true;
  button.disabled = true;
  place.replaceChildren(h('p', {}, t('sending')));
  try {
    tell(place, await api.command(S.chosen, sent, fields.value()));
  } catch (refused) {
    place.replaceChildren(h('p.w-fault', {}, refused.error?.violations ? t('wrong') : refused.message),
      ...(refused.error?.violations ?? []).filter(each => !mark(each)).map(each => h('p.bad', {}, `${each.path} ${each.text}`)));
  } finally {
    button.disabled = false;
  }
}

// Show what is wrong beside its field; tells whether there is one.
function mark({ path, text: wrong }) {
  const place = document.querySelector(`[data-wrong="${CSS.escape(path.replace(/\[(\d+)\]/g, '.$1'))}"]`);
  if (!place) return false;
  text(place, wrong);
  place.hidden = false;
  return true;
}

function tell(place, found) {
  const ms = num(found.elapsed_ms, 0);
  if (found.outcome === 'answered') {
    const status = found.response?.status;
    place.replaceChildren(h('p', {}, h('b', {}, status ?? ''), ' ', t('answeredIn', { ms })), json(found.response));
  } else if (found.outcome === 'error') {
    place.replaceChildren(h('p.w-fault', {}, t('refused', { code: found.error.code })), json(found.error));
  } else {
    place.replaceChildren(h('p.w-fault', {}, outcome(found.outcome)));
  }
}

const json = value => h('pre', {}, JSON.stringify(value, null, 2));
