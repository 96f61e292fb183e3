"""Files for stations: firmware to download, logs to upload, over plain HTTP.

Paths are `/files/{key}/{name}`. The key is a secret that goes into the URLs given to stations (GetDiagnostics, GetLog,
UpdateFirmware); without it there is nothing to see. Uploads land under `uploads/`, downloads come from `downloads/`.
"""

import asyncio
import hmac
import logging
import os
import re
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from csms.config import FilesConfig

log = logging.getLogger(__name__)

DOWNLOADS: Final = "downloads"
UPLOADS: Final = "uploads"
MAX_UPLOAD_BYTES: Final = 64 * 1024 * 1024
MAX_UPLOADS: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def files_app(config: FilesConfig, *, max_upload_bytes: int = MAX_UPLOAD_BYTES) -> ASGIApp:
    """The application. Raises OSError if the directories cannot be made."""
    return _Files(config.directory, config.key, max_upload_bytes).app()


def listing(directory: Path) -> dict[str, list[dict[str, str | int]]]:
    """What there is: for downloads and uploads each file's name and size in bytes. Reads the disk."""
    return {kind: _names(directory / kind) for kind in (DOWNLOADS, UPLOADS)}


def _names(directory: Path) -> list[dict[str, str | int]]:
    if not directory.is_dir():
        return []
    found = (path for path in sorted(directory.iterdir()) if _NAME.fullmatch(path.name) and path.is_file())
    return [{"name": path.name, "bytes": path.stat().st_size} for path in found]


class _Files:
    def __init__(self, directory: Path, key: str, max_upload_bytes: int) -> None:
        self._downloads, self._uploads = directory / DOWNLOADS, directory / UPLOADS
        for each in (self._downloads, self._uploads):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = key
        self._max_upload_bytes = max_upload_bytes

    def app(self) -> ASGIApp:
        path = "/files/{key}/{name}"
        return Starlette(
            routes=[
                Route(path, self._download, methods=["GET", "HEAD"]),
                Route(path, self._upload, methods=["PUT", "POST"]),
            ]
        )

    async def _download(self, request: Request) -> Response:
        name = self._name(request)
        path = None if name is None else self._downloads / name
        if path is None or not await asyncio.to_thread(path.is_file):
            return _text(404, "no such file")
        return FileResponse(path, media_type="application/octet-stream")  # answers Range requests

    async def _upload(self, request: Request) -> Response:
        name = self._name(request)
        if name is None:
            return _text(404, "no such place; a name has letters, digits, dots, dashes, at most 100 of them")
        if len(await asyncio.to_thread(os.listdir, self._uploads)) >= MAX_UPLOADS:
            return _text(507, f"{MAX_UPLOADS} uploads are here already; move some away")
        partial = self._uploads / f".{name}.{id(request):x}.part"
        try:
            size = await self._receive(request, partial)
            if size is None:
                return _text(413, f"a file has at most {self._max_upload_bytes} bytes")
            await asyncio.to_thread(partial.replace, self._uploads / name)
        except ClientDisconnect:
            log.info("upload broken off name=%s", name)
            return _text(400, "the upload was broken off")
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)
        log.info("upload received name=%s bytes=%d", name, size)
        return _text(201, "stored")

    async def _receive(self, request: Request, path: Path) -> int | None:
        """Write the body; its size, or None if it is too long."""
        size = 0
        with path.open("xb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > self._max_upload_bytes:
                    return None
                await asyncio.to_thread(file.write, chunk)
        return size

    def _name(self, request: Request) -> str | None:
        """The name a request gives, if it has the key and names no other place."""
        known = hmac.compare_digest(request.path_params["key"].encode(), self._key.encode())
        name: str = request.path_params["name"]
        return name if known and _NAME.fullmatch(name) else None


def _text(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
