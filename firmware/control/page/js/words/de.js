// German. The same keys as English; what is missing falls back to English.
export const de = {
  otherLanguage: 'English', skip: 'Zur Ladung springen', themeDay: 'Tag', themeNight: 'Nacht', sections: 'Bereiche',

  free: 'Frei', cable: 'Kabel steckt', plugged: 'Angesteckt', checking: 'Karte wird geprüft', auth: 'Karte angenommen',
  starting: 'Startet', charging: 'Lädt', pausedEV: 'Vom Auto pausiert', pausedLimit: 'Vom Limit pausiert', done: 'Fertig',
  fault: 'Störung', off: 'Außer Betrieb', reserved: 'Reserviert', dead: 'Kein Netz',
  s_free: 'Bereit für ein Auto.', s_cable: 'Wartet auf das Auto.', s_plugged: 'Wartet auf eine Karte.', s_checking: 'Das CSMS wird gefragt.',
  s_auth: 'Wartet auf das Kabel.', s_starting: 'Das Schütz schließt, sobald der Start gesichert ist.', s_charging: 'Seit {since}',
  s_pausedEV: 'Es kann von selbst weiterladen.', s_pausedLimit: 'Das Limit ist 0 A.',
  s_pausedUntil: 'Der Plan erlaubt 0 A bis {until}.', s_done: 'Abstecken, dann ist der Ladepunkt frei.',
  s_off: 'Vom Backend außer Betrieb gesetzt.', s_reserved: 'Wartet auf die Karte, die reserviert hat.', s_dead: 'Gesichert. Weiter, sobald Strom da ist.',
  s_notReady: 'Karten warten, bis das CSMS diesen Ladepunkt angenommen hat.', s_gap: 'Das Auto nimmt weniger, als angeboten wird.',
  h_card: 'Karte vorhalten', h_plug: 'Auto anstecken', asOf: 'Stand {t}', noEvse: 'Kein Ladepunkt in der Konfiguration. Siehe wayside.toml, Abschnitt evse.',

  plug: 'Anstecken', unplug: 'Abstecken', tap: 'Karte vorhalten', stop: 'Karte: beenden', pause: 'Auto anhalten', resume: 'Auto weiter',
  drawn: '{a} A gezogen', offered: 'von {a} A angeboten', energy: 'Energie', time: 'Dauer', card: 'Karte', carL: 'Akku',
  closedShort: 'zu', openShort: 'auf', contactor: 'Schütz', closed: 'geschlossen', open: 'offen', locked: 'verriegelt', unlocked: 'entriegelt', noCar: 'Kein Auto', aCar: 'Ein Auto ist angesteckt',
  none: 'keine', fw: 'Was passiert ist', fd: 'Was zu tun ist', evse: 'Ladepunkt {n}', deviceSays: 'Das Gerät meldet: {text}.', moreFaults: 'Außerdem: {names}.',

  now: 'jetzt', limit: 'Limit {a} A', limitW: 'Limit', sched: '{a} A ab {t}',

  link: 'Verbindung', here: 'Ladepunkt', linkUp: 'Verbunden', linkConnected: 'Wartet auf Annahme', linkDown: 'Offline', linkDialling: 'Wählt',
  linkGated: 'Wartet auf die Uhr', linkIdle: 'Nicht gestartet', linkStopped: 'Angehalten', noCsms: 'Kein CSMS', since: 'seit {t}',
  next: 'Nächster Versuch in {s}', tryNow: 'Jetzt versuchen', queueEmpty: 'Warteschlange leer', queueN: '{n} warten, älteste {age}', queueOnly: '{n} warten',
  deadN: '{n} hängt', profile: 'Profil {n}', plain: 'ohne TLS', noNet: 'kein Netz', signalDbm: '{tech} {dbm} dBm',
  clock_unknown: 'Uhr nicht gestellt', clock_floor: 'Uhr vom letzten bekannten Stand', clock_csms: 'Uhr vom CSMS', clock_synchronised: 'Uhr synchronisiert',
  lastDrop: 'Letzter Abbruch {t}.', lastDropLen: 'Letzter Abbruch {t}, nach {len}.', first: 'Zuerst prüfen', more: 'Verbindung und Warteschlange', less: 'Schließen',
  rtt: 'Umlaufzeit', proto: 'Protokoll', sec: 'Sicherheit', signal: 'Signal', timegate: 'Uhr', today: 'Daten heute',
  thisConnection: 'Diese Verbindung', attempts: 'Fehlversuche', bytesUpDown: '{up} raus, {down} rein', drops: 'Abbrüche', noDrops: 'Keine Abbrüche seit dem Programmstart.',
  queue: 'Warteschlange', head: 'Als Nächstes: {kind}, Ladepunkt {evse}, von {t}', headShort: 'Als Nächstes: {kind}, von {t}', sending: 'Wird gerade gesendet.', queueHealth: 'Das Journal ist {health}.',
  notAccepting: 'Kein neuer Ladevorgang, bis Platz ist.', deadH: 'Hängt, braucht Sie', retry: 'Erneut senden', exportL: 'Export', del: 'Löschen',
  secProfile0: 'Profil 0: ohne Passwort und TLS', secProfile1: 'Profil 1: Passwort, ohne TLS', secProfile2: 'Profil 2: TLS, Passwort', secProfile3: 'Profil 3: TLS, eigenes Zertifikat',
  unknown: 'noch nicht bekannt',

  frames: 'Frames', rules: 'Regeln', filter: 'Filter: Aktion, Text, ID, evse:1', pauseLog: 'Anhalten', resumeLog: 'Folgen', nNew: '{n} neue unten', out: 'Raus', inn: 'Rein',
  viol: 'Verstöße', queued: 'Hat gewartet', noReply: 'noch keine Antwort', noReplyIn: 'keine Antwort in {s} s', noFrames: 'Noch keine Frames. Der erste ist BootNotification.',
  noMatch: 'Kein Frame passt zum Filter.', clear: 'Filter leeren', req: 'Anfrage', res: 'Antwort', raw: 'Roh', pretty: 'Lesbar', copy: 'Kopieren', close: 'Schließen',
  mkRule: 'Regel daraus', violation: 'Verstoß', waitedQueue: 'hat {t} in der Warteschlange gewartet', waitedShort: 'wartete {t}', ok: 'OK', refusedBy: 'Abgelehnt', missed: '{n} Frames verpasst',
  cutFrame: 'Nach 16 KiB abgeschnitten.', orphan: '(Antwort)', ruleN: 'Regel {n}',

  rulesNone: 'Keine Regeln. Eine Regel hält, ändert, verwirft, verdoppelt oder verzögert Frames unterwegs.', addRule: 'Regel anlegen', letGo: 'Loslassen', times: '{n}×', remove: 'Entfernen',
  r_hold: 'Halte', r_edit: 'Ändere', r_drop: 'Verwirf', r_duplicate: 'Verdopple', r_delay: 'Verzögere', r_next: 'nur die nächste', r_every: 'jede', r_any: 'beliebige Nachricht',
  r_call: 'Anfrage', r_answer: 'Antwort', r_out: 'raus', r_in: 'rein', r_detailDelay: 'Sekunden', r_detailEdit: 'Feld = Wert', r_verb: 'Was geschieht', r_count: 'Wie oft', r_action: 'Welche Nachricht', r_direction: 'Richtung', r_detail: 'Einzelheit', r_kind: 'Anfrage oder Antwort',
  r_by: 'um {s} s', r_until: 'bis zum Loslassen', r_toBe: '{path} = {value}',

  bench: 'Prüfplatz', benchSub: 'Nachgebildete Hardware. An einer echten Säule gibt es das nicht.', carSel: 'Auto', cardSel: 'Karte', otherCard: 'Andere Karte…', otherCardAsk: 'Kartennummer, hexadezimal',
  net: 'Netzwerk', up: 'An', down: 'Aus', hole: 'Schwarzes Loch', mains: 'Strom', cut: 'Aus', on: 'An', skew: 'Uhr', speed: 'Zeit', faultSel: 'Störung an Ladepunkt {n}', stationFault: 'ganze Säule',
  clearFault: 'Störung löschen', setFault: 'Setzen', energyManager: 'Energiemanager', noLimit: 'keins', powerCut: 'Stromausfall', powerCutDo: 'Auslösen', cardKnown: '{card}, {verdict}',
  car_compact: 'Kompaktwagen, 22 kW', 'car_long-range': 'Langstrecke, 11 kW', 'car_one-phase': 'Älterer Kleinwagen, 1 Phase', 'car_two-phase': 'Zwei Phasen, 16 A', car_hybrid: 'Plug-in-Hybrid',
  car_van: 'Transporter, 22 kW', car_full: 'Akku voll', 'car_nearly-full': 'Fast voll', 'car_never-asks': 'Will nie Energie', 'car_slow-to-ask': 'Wacht langsam auf', car_stubborn: 'Stur: zieht 2 A zu viel', car_ventilated: 'Will Belüftung',

  scen: 'Szenario', run: 'Start', stopRun: 'Stopp', of: '{a} von {b}', record: 'Aufnehmen', recording: 'Aufnahme beenden', scenNone: 'Szenario wählen und starten.', s_of: '{a} s', passed: 'Bestanden.', failed: 'Nicht bestanden.', stopped: 'Angehalten.', recorded: '{n} Handgriffe', recordedFile: 'Aufnahme mitnehmen, {n} Handgriffe',
  didHeld: 'gehalten', didReleased: 'gehalten, dann losgelassen', didDropped: 'verworfen', didDuplicated: 'doppelt gesendet', didDelayed: 'verzögert', didEdited: 'geändert', byRule: 'Frame-Regel {n}: {did}.',

  t_charge: 'Laden', t_link: 'Verbindung', t_frames: 'Frames', t_bench: 'Prüfplatz',
  stale: 'Diese Seite hat den Ladepunkt vor {s} verloren. Die Werte sind von {t} und stehen still. Das Laden hängt nicht von dieser Seite ab.', staleTry: 'Jetzt versuchen',
  connecting: 'Der Ladepunkt wird gesucht.',
  login: 'Dieser Ladepunkt fragt nach seinem Token.', token: 'Token', signIn: 'Anmelden', signOut: 'Abmelden', loginHint: 'Es steht als control.token in der Konfiguration des Ladepunkts.',
};
