"""Everything of this room that one run of the program has: made together, loaded together, run beside the link."""

import asyncio
import logging
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware.core.settings import ORGANISATION
from firmware.services.archive import Span, pack
from firmware.services.certificates import CertificateStore, StoreError
from firmware.services.certificates.desk import CertificateDesk, DeskRules
from firmware.services.credentials import Credentials
from firmware.services.logbook import Logbook
from firmware.services.offer import FIRMWARE, SECURITY, Access
from firmware.services.sections import sections_of
from firmware.services.security_events import SecurityEvents
from firmware.services.security_log import SecurityLog
from firmware.services.transfer import Limits, Transfers
from firmware.services.updates import FirmwareUpdates, Policy
from firmware.services.uploads import UploadKind, Uploads
from ocpp_client.tls import TlsFiles, client_context

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.services.certificates.keys import Keys

log = logging.getLogger(__name__)

RENEWAL_LOOK_S: Final = 3600.0
RENEWAL_PAUSE_S: Final = 86_400.0  # between two requests for the same renewal


class Services:
    """What the translators and the link use. `load` first, then `run`."""

    def __init__(self, app: "App") -> None:
        config, engine, state_dir = app.config, app.engine, app.around.state_dir
        self._app = app
        self._clock = app.clock
        self.profiles: frozenset[str] = frozenset(config.station.profiles)
        self.logbook = Logbook()
        self.security_log = SecurityLog(state_dir)
        self.events = SecurityEvents(engine, self.security_log, told=SECURITY in self.profiles)
        configured = None if config.csms.ca_file is None else Path(config.csms.ca_file)
        self.store = CertificateStore(state_dir, configured_roots=configured)
        self.credentials = Credentials(self.store, config.csms, self._key_file, app.clock.wall)
        self.transfers = Transfers(app.clock, self._tls)
        self.uploads = Uploads(
            app.clock, engine.journal, self.transfers, state_dir, config.station.id, self._make_upload
        )
        self.certificates = CertificateDesk(
            self.store,
            self._keys,
            app.clock,
            DeskRules(
                most_roots=config.security.max_roots, additional_root_check=config.security.additional_root_check
            ),
            common_name=config.station.serial_number or config.station.id,
            organisation=lambda: engine.station.settings[ORGANISATION],
            security_event=self.events.post,
            in_use=self._root_in_use,
            own_changed=self._own_changed,
        )
        self.updates = None if app.board.updater is None or FIRMWARE not in self.profiles else self._updates()

    def _updates(self) -> FirmwareUpdates:
        from firmware.app import Exit  # noqa: PLC0415 - the program knows this room, not the other way round

        app, table = self._app, self._app.config.firmware
        assert app.board.updater is not None
        return FirmwareUpdates(
            app.engine,
            app.board.updater,
            self.transfers,
            app.around.state_dir,
            Policy(table.charging == "stop", table.proof_s, Limits(table.max_bytes, table.reserve_bytes)),
            signatures=self.certificates.signature_problem,
            security_event=self.events.post,
            restart=partial(app.stop, Exit.RESTART),
        )

    async def load(self) -> None:
        """Take up what earlier runs left."""
        try:
            await asyncio.to_thread(self.store.open)
        except StoreError as error:
            log.error("certificates cannot be used error=%s", error)
        await self.uploads.load(self._app.queue)
        if self.updates is not None:
            await self.updates.load(self._app.queue)

    @property
    def access(self) -> Access:
        """The link, whose security settings may be changed."""
        return self._app.connection

    @property
    def organisation(self) -> str:
        """Who operates the station."""
        return self._app.engine.station.settings[ORGANISATION]

    @property
    def takes_unsigned(self) -> bool:
        """Whether firmware without a signature is installed: as configured, else only where nothing better is spoken."""
        configured = self._app.config.firmware.unsigned
        return SECURITY not in self.profiles if configured is None else configured

    @property
    def firmware_version(self) -> str | None:
        """The version of the running system, where the updater knows it."""
        return None if self.updates is None else self.updates.version

    async def run(self) -> None:
        """Work until cancelled."""
        root = logging.getLogger()
        root.addHandler(self.logbook)
        self._app.connection.listen_security(self.events.post)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.security_log.run())
                tasks.create_task(self.events.run())
                tasks.create_task(self.uploads.run())
                tasks.create_task(self._renew())
                if self.updates is not None:
                    tasks.create_task(self.updates.run())
        finally:
            root.removeHandler(self.logbook)

    async def close(self) -> None:
        """Bring to disk what is held."""
        await self.security_log.flush()

    # ---- files --------------------------------------------------------------------------------------------------------------

    def _tls(self) -> ssl.SSLContext:
        """For file servers: roots of their own, else those of the system."""
        own = self._app.config.firmware.ca_file
        return client_context(TlsFiles(roots=None if own is None else Path(own)))

    async def _make_upload(self, kind: UploadKind, path: Path, span: Span) -> None:
        if kind is UploadKind.SECURITY:
            await asyncio.to_thread(self._write_security_log, path, span)
        else:
            await pack(path, sections_of(self._app, self.logbook, self.security_log), span)

    def _write_security_log(self, path: Path, span: Span) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(self.security_log.read(span.oldest_s, span.latest_s))

    # ---- certificates ---------------------------------------------------------------------------------------------------------

    def _keys(self) -> "Keys":
        security = self._app.config.security
        if security.key_store == "files":
            from firmware.services.certificates.keys import FileKeys  # noqa: PLC0415 - with its library, on first use

            return FileKeys(self.store.directory)
        from firmware.services.certificates.pkcs11 import TokenKeys, TokenPlace  # noqa: PLC0415

        assert security.pkcs11_module is not None
        assert security.pkcs11_token is not None
        assert security.pkcs11_pin_file is not None
        try:
            pin = Path(security.pkcs11_pin_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StoreError(f"{security.pkcs11_pin_file}: cannot be read: {error.strerror}") from error
        tls_file = None if security.pkcs11_tls_file is None else Path(security.pkcs11_tls_file)
        return TokenKeys(TokenPlace(Path(security.pkcs11_module), security.pkcs11_token, pin, tls_file))

    def _key_file(self, key_id: str) -> Path | None:
        """Without asking the keeper of keys, whose library would have to be loaded for it."""
        security = self._app.config.security
        if security.key_store == "files":
            return self.store.directory / f"{key_id}.key"
        return None if security.pkcs11_tls_file is None else Path(security.pkcs11_tls_file)

    def _root_in_use(self) -> str | None:
        return self.credentials.anchor if self._app.connection.link.status.protocol is not None else None

    def _own_changed(self) -> None:
        self._app.connection.credentials_changed()

    async def _renew(self) -> None:
        """Ask for a new certificate in good time, and change to one whose time has come."""
        asked_s: float | None = None
        while True:
            await self._clock.sleep(RENEWAL_LOOK_S)
            if self.credentials.is_renewed:
                self._own_changed()
            now_s = self._clock.monotonic()
            paused = asked_s is not None and now_s - asked_s < RENEWAL_PAUSE_S
            if SECURITY in self.profiles and not paused and self.certificates.renewal_due():
                asked_s = now_s
                log.info("certificate of the station ends within a month, a new one is asked for")
                await self.certificates.request()
