// What an EVSE is doing, in the page's own words, from what the station tells of it.
import { S, peak } from './store.js';
import { faultPlace } from './words.js';

export const FLOWS_A = 0.3; // less is no charging current

const blocking = fault => fault.severity !== 'warn';

// Faults of an EVSE and of the whole charge point, the most serious first.
export function faultsOf(evse) {
  const order = { stop: 0, block: 1, warn: 2 };
  return [...evse.faults, ...(S.station?.faults ?? [])].sort((a, b) => order[a.severity] - order[b.severity]);
}

export const mainsOn = () => S.world?.supply.mains !== false && !(S.station?.faults ?? []).some(f => f.code === 'power-loss');
export const isMock = () => S.world != null;

// The state's name; it is also a key of the words.
export function stateOf(evse) {
  if (!mainsOn()) return 'dead';
  if (faultsOf(evse).some(blocking)) return 'fault';
  const car = evse.plugged === 'vehicle', tx = evse.transaction;
  if (tx && tx.phase !== 'ending') {
    if (evse.energy === 'flowing') return 'charging';
    if (evse.energy === 'paused-by-ev') return 'pausedEV';
    if (evse.energy === 'paused-by-evse') return 'pausedLimit';
    return car ? 'starting' : 'auth';
  }
  if (tx || (car && evse.sign === 'finished')) return 'done';
  if (!evse.available || S.station?.operative === false) return 'off';
  if (evse.authorisation === 'granted') return car ? 'starting' : 'auth';
  if (evse.authorisation === 'pending') return 'checking';
  if (car) return 'plugged';
  if (evse.status['ocpp1.6'] === 'Reserved' || evse.status['ocpp2.0.1'] === 'Reserved') return 'reserved';
  return evse.plugged === 'station' && !evse.fixed_cable ? 'cable' : 'free';
}

export const drawn = evse => peak(evse.drawn_a) ?? 0;
export const isLive = evse => mainsOn() && evse.contactor.feedback === true && drawn(evse) > FLOWS_A;

// The transaction that has just ended, while its car is still there.
export const lastOf = (evse, state) =>
  (['done', 'fault'].includes(state) && evse.plugged === 'vehicle' && !evse.transaction ? evse.finished : null);

// Energy of the transaction that runs, or of the one that has just ended.
export function energyWh(evse, state) {
  return (evse.transaction ?? lastOf(evse, state))?.energy_wh ?? null;
}

// Where the limit changes: [ms, A], from the composite schedule that the station sees ahead.
export const scheduleOf = evse => (evse.schedule ?? []).map(([offset, limit]) => [evse.at + offset * 1000, limit]);

// What the picture shows.
export function pictureOf(evse, state, tapped) {
  const fault = state === 'fault' ? faultsOf(evse)[0] : null;
  const car = evse.plugged === 'vehicle';
  return {
    state, car, cable: car || state === 'cable', live: isLive(evse), mains: mainsOn(), locked: evse.locked,
    closed: evse.contactor.feedback === true, soc: evse.soc_percent == null ? null : evse.soc_percent / 100,
    fault: fault ? faultPlace(fault.code) : null, tapped,
  };
}
