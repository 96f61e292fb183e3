// English. One flat dictionary; sentences, not fragments glued together.
export const en = {
  otherLanguage: 'Deutsch', skip: 'Skip to the charge', themeDay: 'Day', themeNight: 'Night', sections: 'Sections',

  // states of an EVSE, and a sentence for each
  free: 'Free', cable: 'Cable plugged in', plugged: 'Plugged in', checking: 'Checking the card', auth: 'Card accepted',
  starting: 'Starting', charging: 'Charging', pausedEV: 'Paused by the car', pausedLimit: 'Paused by the limit', done: 'Finished',
  fault: 'Fault', off: 'Out of service', reserved: 'Reserved', dead: 'No mains',
  s_free: 'Ready for a car.', s_cable: 'Waiting for the car.', s_plugged: 'Waiting for a card.', s_checking: 'Asking the CSMS.',
  s_auth: 'Waiting for the cable.', s_starting: 'The contactor closes when the start is saved.', s_charging: 'Since {since}',
  s_pausedEV: 'It may start again by itself.', s_pausedLimit: 'The limit is 0 A.',
  s_pausedUntil: 'The schedule allows 0 A until {until}.', s_done: 'Unplug to free this EVSE.',
  s_off: 'Taken out by the back office.', s_reserved: 'Waiting for the card that reserved it.', s_dead: 'Saved. Goes on with power.',
  s_notReady: 'Cards wait until the CSMS has accepted this charge point.', s_gap: 'The car takes less than it is offered.',
  h_card: 'Tap a card', h_plug: 'Plug in a car', asOf: 'as of {t}', noEvse: 'No EVSE in the configuration. See wayside.toml, section evse.',

  plug: 'Plug in', unplug: 'Unplug', tap: 'Tap card', stop: 'Tap to stop', pause: 'Pause car', resume: 'Resume car',
  drawn: '{a} A drawn', offered: 'of {a} A offered', energy: 'Energy', time: 'Time', card: 'Card', carL: 'Battery',
  closedShort: 'closed', openShort: 'open', contactor: 'Contactor', closed: 'closed', open: 'open', locked: 'locked', unlocked: 'unlocked', noCar: 'No car', aCar: 'A car is plugged in',
  none: 'none', fw: 'What happened', fd: 'What to do', evse: 'EVSE {n}', deviceSays: 'The device says: {text}.', moreFaults: 'Also: {names}.',

  now: 'now', limit: 'limit {a} A', limitW: 'limit', sched: '{a} A from {t}',

  // the link
  link: 'Link', here: 'Charge point', linkUp: 'Connected', linkConnected: 'Waiting to be accepted', linkDown: 'Offline', linkDialling: 'Dialling',
  linkGated: 'Waiting for the clock', linkIdle: 'Not started', linkStopped: 'Stopped', noCsms: 'No CSMS', since: 'since {t}',
  next: 'Next try in {s}', tryNow: 'Try now', queueEmpty: 'Queue empty', queueN: '{n} waiting, oldest {age}', queueOnly: '{n} waiting',
  deadN: '{n} stuck', profile: 'profile {n}', plain: 'no TLS', noNet: 'no network', signalDbm: '{tech} {dbm} dBm',
  clock_unknown: 'Clock not set', clock_floor: 'Clock from the last known time', clock_csms: 'Clock from CSMS', clock_synchronised: 'Clock synchronised',
  lastDrop: 'Last drop {t}.', lastDropLen: 'Last drop {t}, after {len}.', first: 'First check', more: 'Link and queue', less: 'Close',
  rtt: 'Round trip', proto: 'Protocol', sec: 'Security', signal: 'Signal', timegate: 'Clock', today: 'Data today',
  thisConnection: 'This connection', attempts: 'Failed tries', bytesUpDown: '{up} out, {down} in', drops: 'Drops', noDrops: 'No drops since the program started.',
  queue: 'Queue', head: 'Next: {kind}, EVSE {evse}, from {t}', headShort: 'Next: {kind}, from {t}', sending: 'Being sent.', queueHealth: 'The journal is {health}.',
  notAccepting: 'No new transaction until there is room.', deadH: 'Stuck, needs you', retry: 'Send again', exportL: 'Export', del: 'Delete',
  secProfile0: 'Profile 0: no password, no TLS', secProfile1: 'Profile 1: password, no TLS', secProfile2: 'Profile 2: TLS, password', secProfile3: 'Profile 3: TLS, own certificate',
  unknown: 'not known yet',

  // frames
  frames: 'Frames', rules: 'Rules', filter: 'Filter: action, text, id, evse:1', pauseLog: 'Hold list', resumeLog: 'Follow', nNew: '{n} new below', out: 'Out', inn: 'In',
  viol: 'Violations', queued: 'Was queued', noReply: 'no reply yet', noReplyIn: 'no reply in {s} s', noFrames: 'No frames yet. The first one is BootNotification.',
  noMatch: 'No frame matches this filter.', clear: 'Clear filter', req: 'Request', res: 'Response', raw: 'Raw', pretty: 'Pretty', copy: 'Copy', close: 'Close',
  mkRule: 'Make a rule', violation: 'violation', waitedQueue: 'waited {t} in the queue', waitedShort: 'waited {t}', ok: 'OK', refusedBy: 'Refused', missed: '{n} frames missed',
  cutFrame: 'Cut after 16 KiB.', orphan: '(answer)', ruleN: 'rule {n}',

  // rules
  rulesNone: 'No rules. A rule holds, edits, drops, doubles or delays frames on their way.', addRule: 'Add rule', letGo: 'Let go', times: '{n}×', remove: 'Remove',
  r_hold: 'Hold', r_edit: 'Edit', r_drop: 'Drop', r_duplicate: 'Duplicate', r_delay: 'Delay', r_next: 'the next', r_every: 'every', r_any: 'any message',
  r_call: 'request', r_answer: 'response', r_out: 'out', r_in: 'in', r_detailDelay: 'seconds', r_detailEdit: 'field = value', r_verb: 'What to do', r_count: 'How often', r_action: 'Which message', r_direction: 'Direction', r_detail: 'Detail', r_kind: 'Request or response',
  r_by: 'by {s} s', r_until: 'until let go', r_toBe: '{path} = {value}',

  // bench
  bench: 'Bench', benchSub: 'Mock hardware. Nothing here exists on a real pole.', carSel: 'Car', cardSel: 'Card', otherCard: 'Another card…', otherCardAsk: 'Card number, hexadecimal',
  net: 'Network', up: 'Up', down: 'Down', hole: 'Black hole', mains: 'Mains', cut: 'Cut', on: 'On', skew: 'Clock', speed: 'Time', faultSel: 'Fault on EVSE {n}', stationFault: 'whole charge point',
  clearFault: 'Clear fault', setFault: 'Set', energyManager: 'Energy manager', noLimit: 'none', powerCut: 'Power cut', powerCutDo: 'Cut', cardKnown: '{card}, {verdict}',
  car_compact: 'Compact, 22 kW', 'car_long-range': 'Long range, 11 kW', 'car_one-phase': 'Old hatchback, 1 phase', 'car_two-phase': 'Two phases, 16 A', car_hybrid: 'Plug-in hybrid',
  car_van: 'Van, 22 kW', car_full: 'Full battery', 'car_nearly-full': 'Nearly full', 'car_never-asks': 'Never asks for energy', 'car_slow-to-ask': 'Slow to wake up', car_stubborn: 'Stubborn: draws 2 A too much', car_ventilated: 'Wants ventilation',

  // scenarios
  scen: 'Scenario', run: 'Run', stopRun: 'Stop', of: '{a} of {b}', record: 'Record', recording: 'Stop recording', scenNone: 'Choose a scenario and run it.', s_of: '{a} s', passed: 'Passed.', failed: 'Failed.', stopped: 'Stopped.', recorded: '{n} actions', recordedFile: 'Take the recording, {n} actions',
  didHeld: 'held', didReleased: 'held, then let go', didDropped: 'dropped', didDuplicated: 'sent twice', didDelayed: 'delayed', didEdited: 'edited', byRule: 'Frame rule {n}: {did}.',

  t_charge: 'Charge', t_link: 'Link', t_frames: 'Frames', t_bench: 'Bench',
  stale: 'This page lost the charge point {s} ago. Values below are from {t} and no longer move. Charging does not depend on this page.', staleTry: 'Try now',
  connecting: 'Looking for the charge point.',
  login: 'This charge point asks for its token.', token: 'Token', signIn: 'Sign in', signOut: 'Sign out', loginHint: 'It is control.token in the configuration of the charge point.',
};
