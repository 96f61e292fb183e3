// The chosen station: its line, its connectors, what runs, and its transactions.
import * as api from './api.js';
import { $, h, s } from './dom.js';
import { plot } from './plot.js';
import { S, happened, inView, pick } from './store.js';
import { tone } from './stations.js';
import { dayTime, dur, kwh, t } from './words.js';

export function draw() {
  const stage = $('#stage');
  if (!S.station) {
    stage.replaceChildren();
    return;
  }
  const picked = S.picked === null ? null : S.details.get(S.picked);
  const shown = picked ? [picked] : inView().map(each => S.details.get(each.transaction_id)).filter(Boolean);
  const focus = stage.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  stage.replaceChildren(link(S.station), connectors(S.station), ...shown.map(each => transaction(each, Boolean(picked))), table());
  if (focus) stage.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
}

function link(station) {
  const up = station.connected, boot = station.boot ?? {};
  const model = boot.chargingStation ?? boot;
  const about = [model.chargePointVendor ?? model.vendorName, model.chargePointModel ?? model.model, model.firmwareVersion];
  return h('section.link', { 'aria-label': station.id },
    h('div.lgrid', {},
      h('div.lend', {}, h('h1', {}, station.id), h('span.sub', {}, about.filter(Boolean).join(', '))),
      h('div.lmid', {},
        s('svg', { class: 'lline', 'aria-hidden': 'true' },
          s('line', { class: up ? 'lw' : 'lw far', x1: 8, y1: 15, x2: '100%', y2: 15 }),
          s('circle', { class: 'ln', cx: 8, cy: 15, r: 6 })),
        h(`span.rtt${up ? '' : '.gone'}`, {}, up ? station.protocol : t('away'))),
      h('div.lend.there', {}, h('b', {}, t('central')),
        h('span.sub', {}, up ? t('since', { t: dayTime(station.connected_since) }) : station.first_seen ? '' : t('never')))),
    h('p.lsub', {},
      h('span', {}, `${t('registration')}: ${station.registration ?? '–'}`),
      up ? h('span', {}, station.remote) : null,
      up ? h('button.linkish', { type: 'button', 'data-key': 'disconnect', onclick: disconnect }, t('disconnect')) : null));
}

async function disconnect() {
  await api.remove(`/stations/${encodeURIComponent(S.chosen)}/connection`).catch(() => {}); // gone already
  happened({ station: S.chosen });
}

function connectors(station) {
  const rows = station.connectors.map(each => h('li', {},
    h('span.pno', {}, each.connector_id === 0 && !each.evse_id ? '–' : each.evse_id || each.connector_id),
    h('span', {}, place(each)),
    h(`b.word.w-${tone(each.status)}`, {}, each.status),
    h('span.sub', {}, each.error_code && each.error_code !== 'NoError' ? each.error_code : ''),
    h('time.sub', {}, dayTime(each.at))));
  return h('section', { 'aria-label': t('connectors') }, h('h2', {}, t('connectors')),
    rows.length ? h('ol.connectors', {}, ...rows) : h('p.empty', {}, t('noConnectors')));
}

function place(each) {
  if (each.evse_id) return t('evse', { n: each.evse_id });
  return each.connector_id === 0 ? t('station') : t('connector', { n: each.connector_id });
}

// One transaction in large: the figure, its facts, its plot.
function transaction(each, picked) {
  const wh = each.energy_wh ?? (each.meter_last_wh === null || each.meter_start_wh === null ? null : each.meter_last_wh - each.meter_start_wh);
  const width = Math.max(300, Math.min($('#stage').clientWidth - 2 * gutter(), 1000));
  const until = each.stopped_at ? Date.parse(each.stopped_at) : Date.now();
  return h('section.tx', { 'data-tx': each.transaction_id, 'aria-label': `${t('transaction')} ${each.transaction_id}` },
    h('div.txh', {},
      h(`p.figure${each.open ? '.live' : ''}`, {}, h('span.num', {}, wh === null ? '–' : kwh(wh)), h('span.unit', {}, 'kWh')),
      h('dl.facts', {},
        ...fact(t('transaction'), each.transaction_id),
        ...fact(t('token'), each.id_token ?? '–'),
        ...fact(t('started'), each.started_at ? dayTime(each.started_at) : '–'),
        ...fact(t('lasted'), each.started_at ? dur(until - Date.parse(each.started_at)) : '–'),
        ...(each.open ? [] : fact(t('reason'), each.reason ?? '–')))),
    plot(each, width) ?? h('p.empty', {}, t('noReadings')),
    each.anomalies.length ? h('div.faultbox', {}, h('h3', {}, t('odd')), h('ul', {}, ...each.anomalies.map(odd =>
      h('li', {}, h('b', {}, odd.kind), ` ${odd.text}`)))) : null,
    picked ? h('button.linkish', { type: 'button', 'data-key': 'back', onclick: () => pick(null) }, t('back')) : null);
}

const fact = (name, value) => [h('dt', {}, name), h('dd', {}, value)];
const gutter = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--gut')) || 40;

function table() {
  if (!S.transactions.length) return h('section', {}, h('h2', {}, t('transactions')), h('p.empty', {}, t('noTransactions')));
  return h('section', {}, h('h2', {}, t('transactions')),
    h('ol.txs', {}, ...S.transactions.map(each => h('li', {}, h('button.txrow', {
      type: 'button', 'data-key': `tx-${each.transaction_id}`, 'aria-current': String(each.transaction_id === S.picked),
      onclick: () => pick(each.transaction_id),
    },
    h('b', {}, each.transaction_id.slice(0, 8)),
    h('span', {}, each.evse_id ? t('evse', { n: each.evse_id }) : t('connector', { n: each.connector_id ?? '?' })),
    h('span', {}, each.id_token ?? '–'),
    h('time', {}, each.started_at ? dayTime(each.started_at) : '–'),
    h(`span.r${each.open ? '.w-live' : ''}`, {}, each.energy_wh === null ? (each.open ? t('open') : '–') : `${kwh(each.energy_wh)} kWh`),
    h('span', {}, each.reason ?? ''),
    h('span.w-fault', {}, each.anomalies.length ? `◆ ${each.anomalies.length}` : ''))))));
}
