// What the page knows, fetched anew whenever the central system tells that something about it has happened.
import * as api from './api.js';

const SOON_MS = 250; // several events together are one look
const MESSAGES = 300;
const TRANSACTIONS = 100;

export const S = {
  url: '', // where stations connect
  protocols: {}, // OCPP version -> its commands
  stations: [],
  chosen: null, // identity
  station: null,
  transactions: [],
  messages: [],
  picked: null, // id of the transaction that somebody looks at
  details: new Map(), // transaction id -> the whole of it
  lostAt: null,
};

const listeners = [];
const due = new Set();
let timer = null;

export const listen = callback => listeners.push(callback);
export const changed = () => listeners.forEach(callback => callback());

// Something happened at a station, or to the list.
export function happened(event) {
  due.add('stations');
  if (event.station === S.chosen) due.add('station');
  timer ??= setTimeout(look, SOON_MS);
}

export async function begin() {
  const [health, protocols] = await Promise.all([api.get('/health'), api.get('/protocols')]);
  Object.assign(S, { url: health.ws_url, protocols });
  await lookAtStations();
  const first = S.stations.find(each => each.connected) ?? S.stations[0];
  if (S.chosen === null && first) await choose(first.id);
  changed();
}

export async function choose(identity) {
  Object.assign(S, { chosen: identity, station: null, transactions: [], messages: [], picked: null });
  S.details.clear();
  await lookAtStation();
  changed();
}

export async function pick(transaction) {
  S.picked = transaction;
  if (transaction !== null) await lookAt(transaction);
  changed();
}

export const running = () => S.transactions.filter(each => each.open);

// The transactions that are shown in large unless one was picked: those that run, or the newest.
export const inView = () => (running().length ? running() : S.transactions.slice(0, 1));

async function look() {
  timer = null;
  const wanted = [...due];
  due.clear();
  try {
    if (wanted.includes('stations')) await lookAtStations();
    if (S.chosen === null && S.stations.length) return await choose(S.stations[0].id);
    if (wanted.includes('station')) await lookAtStation();
    changed();
  } catch {
    // the stream tells when the central system is back, and everything is fetched again
  }
}

async function lookAtStations() {
  S.stations = await api.get('/stations');
}

async function lookAtStation() {
  if (S.chosen === null) return;
  const path = `/stations/${encodeURIComponent(S.chosen)}`;
  const [station, transactions, messages] = await Promise.all([
    api.get(path),
    api.get(`${path}/transactions?limit=${TRANSACTIONS}`),
    api.get(`${path}/messages?limit=${MESSAGES}`),
  ]);
  if (station.id !== S.chosen) return; // another one was chosen meanwhile
  Object.assign(S, { station, transactions: transactions.reverse(), messages });
  for (const each of inView()) await lookAt(each.transaction_id);
  if (S.picked !== null) await lookAt(S.picked);
}

async function lookAt(id) {
  const known = S.details.get(id);
  if (known && !known.open) return; // what has ended does not change
  const path = `/transactions/${encodeURIComponent(id)}?station=${encodeURIComponent(S.chosen)}`;
  S.details.set(id, await api.get(path));
}
