// OCPP frames as exchanges: one row is a request with its response. The newest 5,000 are kept.
import { S, changed, follow } from './store.js';
import { dur, t } from './words.js';

export const KEPT = 5000;
const QUEUED_MS = 15_000; // a message that tells of something so much older has waited
const CALL = 2, RESULT = 3, ERROR = 4, RESULT_ERROR = 5, SEND = 6;
const OTHER = { in: 'out', out: 'in' };

export const rows = [];
const open = new Map(); // by direction and id: rows whose answer has not come
let counter = 0;
let fresh = []; // since the last look of a listener
let missed = 0;

export const takeFresh = () => { const taken = fresh; fresh = []; return taken; };
export const missedFrames = () => missed;

export function gap(count) {
  missed += count;
  changed('frames');
}

// A frame of the event stream.
export function take(frame) {
  const message = read(frame.text);
  const [type, id] = message;
  if (type === CALL || type === SEND) begin(frame, message);
  else finish(frame, message, open.get(OTHER[frame.direction] + id));
  changed('frames');
}

function read(text) {
  try {
    const message = JSON.parse(text);
    if (Array.isArray(message)) return message;
  } catch {
    // cut after 16 KiB, or never JSON; the head is enough for a row
  }
  const head = /^\s*\[\s*(\d)\s*,\s*"([^"]*)"(?:\s*,\s*"([^"]*)")?/.exec(text);
  return head ? [Number(head[1]), head[2], head[3] ?? null, null] : [0, '', null, null];
}

function row(frame, id, action) {
  const made = {
    key: ++counter, number: frame.number, direction: frame.direction, at: Date.parse(frame.at ?? '') || null,
    monotonic: frame.monotonic_s, id, action, summary: '', evse: null, request: null, response: null, status: null, bad: false,
    ms: null, mark: null,
  };
  rows.push(made);
  fresh.push(made);
  if (rows.length > KEPT + 200) for (const gone of rows.splice(0, rows.length - KEPT)) open.delete(gone.direction + gone.id);
  return made;
}

function begin(frame, [type, id, action, payload]) {
  const made = row(frame, id, action ?? '?');
  made.request = frame.text;
  made.summary = summarise(made.action, payload ?? {});
  made.evse = evseOf(payload ?? {});
  made.mark = violation(frame) ?? waited(made, payload ?? {});
  if (type === SEND) made.status = t('ok');
  else open.set(frame.direction + id, made);
}

function finish(frame, [type, id, second, description], asked) {
  const made = asked ?? row(frame, id, t('orphan'));
  open.delete(made.direction + made.id);
  made.response = frame.text;
  made.status = type === RESULT ? statusOf(second ?? {}) : t('refusedBy');
  made.bad = type !== RESULT || /Reject|Block|Invalid|Unknown|Fail|Expired|NotSupported|NotImplemented|Concurrent|Error/.test(made.status);
  if (type === ERROR || type === RESULT_ERROR) made.summary = [second, made.summary || description].filter(Boolean).join(', ');
  if (asked) made.ms = Math.max(0, Math.round((frame.monotonic_s - made.monotonic) * 1000));
  made.mark = violation(frame) ?? made.mark;
  made.haystack = null;
}

const DID = { held: 'didHeld', released: 'didReleased', dropped: 'didDropped', duplicated: 'didDuplicated', delayed: 'didDelayed', edited: 'didEdited' };

// What frame rules did last, by message id: shown at the row, so that nobody hunts a fault they made themselves.
follow('rules', () => {
  for (const { rule, did, message_id: id } of S.rules?.marks ?? []) {
    const row = rows.findLast(one => one.id === id);
    if (!row || row.mark?.kind === 'viol') continue;
    const words = t(DID[did] ?? did);
    row.mark = { kind: 'rule', short: t('ruleN', { n: rule }), says: t('byRule', { n: rule, did: words }) };
  }
  changed('frames');
});

const violation = frame => (frame.violation ? { kind: 'viol', says: frame.violation } : null);

// Messages that are kept while there is no connection; a status tells since when it holds, and has not waited.
const KEPT_MESSAGES = new Set(['StartTransaction', 'StopTransaction', 'MeterValues', 'TransactionEvent', 'SecurityEventNotification']);

function waited(made, payload) {
  if (made.direction !== 'out' || made.at == null || !KEPT_MESSAGES.has(made.action)) return null;
  const told = Date.parse(payload.timestamp ?? payload.meterValue?.[0]?.timestamp ?? '');
  if (!(made.at - told > QUEUED_MS)) return null;
  const long = dur(made.at - told);
  return { kind: 'queue', says: t('waitedQueue', { t: long }), short: t('waitedShort', { t: long }) };
}

const evseOf = payload => payload.connectorId ?? payload.evseId ?? payload.evse?.id ?? null;
const statusOf = payload =>
  payload.status ?? payload.idTagInfo?.status ?? payload.idTokenInfo?.status ?? t('ok');

const SUMMARIES = {
  Heartbeat: () => '',
  Authorize: p => p.idTag ?? p.idToken?.idToken,
  BootNotification: p => p.reason ?? [p.chargePointVendor, p.chargePointModel].filter(Boolean).join(' '),
  StatusNotification: p => [evse(p), p.status ?? p.connectorStatus, p.errorCode !== 'NoError' ? p.errorCode : null],
  StartTransaction: p => [evse(p), p.idTag, `${p.meterStart} Wh`],
  StopTransaction: p => [`no. ${p.transactionId}`, p.reason ?? 'Local', `${p.meterStop} Wh`],
  TransactionEvent: p => [p.eventType, `seq ${p.seqNo}`, p.triggerReason],
  MeterValues: p => [evse(p), sample(p.meterValue?.at(-1)?.sampledValue)],
  ChangeConfiguration: p => `${p.key} = ${p.value}`,
  GetConfiguration: p => (p.key ?? []).join(', '),
  GetVariables: p => variables(p.getVariableData),
  SetVariables: p => variables(p.setVariableData),
  SetChargingProfile: p => [evse(p), (p.csChargingProfiles ?? p.chargingProfile)?.chargingProfilePurpose],
};

function evse(payload) {
  const number = evseOf(payload);
  return number == null ? null : number === 0 ? t('here') : `EVSE ${number}`;
}
const variables = list => (list ?? []).map(one => `${one.component?.name} ${one.variable?.name}`).join(', ');

function sample(values = []) {
  const best = values.find(one => one.measurand?.startsWith('Power.Active')) ?? values[0];
  return best && `${best.value} ${best.unit ?? best.unitOfMeasure?.unit ?? 'Wh'}`;
}

function summarise(action, payload) {
  const made = action in SUMMARIES ? SUMMARIES[action](payload) : plain(payload);
  return (Array.isArray(made) ? made.filter(Boolean).join(', ') : made) ?? '';
}

// The first simple values of a message that has no words of its own.
const plain = payload => Object.values(payload).filter(value => typeof value !== 'object').slice(0, 3).join(', ');

// Does a row match what was typed? All words must be in it; `evse:1` means that EVSE.
export function matches(one, filter) {
  if (filter.direction && one.direction !== filter.direction) return false;
  if (filter.mark && one.mark?.kind !== filter.mark) return false;
  return filter.words.every(word => (word.startsWith('evse:') ? String(one.evse) === word.slice(5) : haystack(one).includes(word)));
}

function haystack(one) {
  one.haystack ??= [one.action, one.summary, one.id, one.status, one.request, one.response].join(' ').toLowerCase();
  return one.haystack;
}
