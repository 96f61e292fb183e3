// The list of stations: each a line to the central system, solid while it is connected.
import { $, h, s, text } from './dom.js';
import { S, choose } from './store.js';
import { t } from './words.js';

const SHOWN = 200;
let wanted = '';

export function draw() {
  const nav = $('#stations');
  if (!nav.firstChild) {
    nav.append(
      h('h2', { id: 'stations-h' }),
      h('input.q', { id: 'q-stations', type: 'search', oninput: event => { wanted = event.target.value; draw(); } }),
      h('ol', { id: 'station-list' }),
    );
  }
  text($('#stations-h'), t('stations'));
  const filter = $('#q-stations');
  filter.setAttribute('aria-label', t('filter'));
  filter.placeholder = t('filter');
  filter.hidden = S.stations.length < 8;
  const found = S.stations.filter(each => each.id.toLowerCase().includes(wanted.toLowerCase()));
  const rows = found.slice(0, SHOWN).map(row);
  if (!S.stations.length && S.url) rows.push(h('li.empty', {}, t('noStations', { url: S.url })));
  else if (S.stations.length && !found.length) rows.push(h('li.empty', {}, t('noMatch')));
  else if (found.length > SHOWN) rows.push(h('li.empty', {}, t('moreStations', { n: found.length - SHOWN })));
  const list = $('#station-list'), focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...rows);
  if (focused !== null) [...list.querySelectorAll('button')].find(each => each.dataset.id === focused)?.focus();
}

function row(station) {
  const connectors = station.connectors.filter(each => each.connector_id !== 0);
  return h('li', {}, h('button.st', {
    type: 'button', 'data-id': station.id, 'aria-current': String(station.id === S.chosen), onclick: () => choose(station.id),
  },
  h('b', {}, station.id),
  line(station.connected),
  h('span.words', {}, station.connected
    ? connectors.flatMap((each, i) => [i ? ' ' : null, h(`span.w-${tone(each.status)}`, {}, each.status)])
    : t('away'))));
}

// What a status asks of the reader: colour means energy or trouble, everything else is ink.
export function tone(status) {
  if (status === 'Charging') return 'live';
  if (status === 'Faulted') return 'fault';
  return ['Preparing', 'SuspendedEV', 'SuspendedEVSE', 'Occupied'].includes(status) ? 'wait' : 'ink';
}

const line = up => s('svg', { class: 'mini', viewBox: '0 0 48 10', width: 48, height: 10, 'aria-hidden': 'true' },
  s('path', { class: up ? 'lw' : 'lw far', d: 'M5 5h38' }),
  s('circle', { class: 'ln', cx: 5, cy: 5, r: 3.5 }),
  s('circle', { class: up ? 'ln' : 'ln far', cx: 43, cy: 5, r: 3.5 }));
