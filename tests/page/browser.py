"""A real headless Chromium, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

One process serves many tests; each test has a browser context of its own, with its own cookies and storage.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

LOOKS = 15
TRIES = 5
ANSWER_S = 30.0
START_S = 30.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def find_chromium() -> str | None:
    """The browser's program, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[str]:
    """A running browser; gives the URL of its DevTools socket."""
    program = find_chromium()
    assert program is not None
    with (
        tempfile.TemporaryDirectory(prefix="wayside-chromium-", ignore_cleanup_errors=True) as directory,
        subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={directory}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LANGUAGE": "en"},
        ) as process,
    ):
        try:
            yield _devtools(process)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _devtools(process: "subprocess.Popen[str]") -> str:
    """Wait for the line in which the browser names its socket."""
    assert process.stderr is not None
    for line in process.stderr:
        _, found, url = line.partition("DevTools listening on ")
        if found:
            threading.Thread(target=deque, args=(process.stderr, 0), daemon=True).start()  # a full pipe would stop it
            return url.strip()
    raise RuntimeError(f"{process.args!r} ended with {process.wait(START_S)} before it listened")


class Page:
    """One tab. `errors` collects what the page's console and its security policy complain about, `failures` requests that failed."""

    def __init__(self, devtools: "DevTools", session: str) -> None:
        self._devtools = devtools
        self._session = session
        self.errors: list[str] = []
        self.failures: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol."""
        return await self._devtools.call(method, params, self._session)

    async def goto(self, url: str) -> None:
        """Open an address and wait until everything is loaded. When the machine's network changes meanwhile (other tests make
        interfaces) the browser breaks off; then it is opened again."""
        for _ in range(TRIES):
            self.failures.clear()
            await self.call("Page.navigate", url=url)
            await self.until(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url)})")
            if not any("ERR_NETWORK_CHANGED" in failure for failure in self.failures):
                return

    async def eval(self, expression: str) -> Any:
        """The value of an expression; promises are awaited. Raises AssertionError with what the page threw."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"]
            raise AssertionError(thrown.get("exception", {}).get("description") or thrown["text"])
        return answer["result"].get("value")

    async def until(self, condition: str, *, looks: int = LOOKS) -> None:
        """Wait until an expression holds; also across a navigation. Each look lasts a second of the browser's own time, whatever
        the speed of this program's."""
        for _ in range(looks):
            try:
                if await self.eval(_POLL % condition):
                    return
            except DevToolsError:
                continue  # the document has just gone
        text = await self.eval("document.body.innerText.slice(0, 3000)")
        complaints = "\n".join(self.errors + self.failures)
        raise AssertionError(f"waited in vain for {condition}; complaints:\n{complaints}\nthe page shows:\n{text}")

    async def click(self, selector: str, text: str = "") -> None:
        """Click the first visible element of a selector, with this text if given; waits until it is there and nothing covers it.

        Looking and clicking are one step, because the page may lay itself out anew at any moment.
        """
        await self.until(_CLICK % (json.dumps(selector), json.dumps(text)))

    async def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select element by its value; waits until it is there."""
        option = f"option[value={json.dumps(value)}]"
        await self.until(f"!!document.querySelector({json.dumps(selector)})?.querySelector({json.dumps(option)})")
        await self.eval(
            f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{bubbles: true}})); }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )

    async def write(self, selector: str, text: str) -> None:
        """Put text into an input element as typing does."""
        await self.until(f"!!document.querySelector({json.dumps(selector)})")
        await self.eval(f"(e => {{ e.focus(); e.select(); }})(document.querySelector({json.dumps(selector)}))")
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key."""
        text = key if len(key) == 1 else ""
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def text(self, selector: str) -> str:
        """What an element shows."""
        value: str = await self.eval(f"document.querySelector({json.dumps(selector)}).innerText")
        return value

    async def look(self, width: int, height: int, *, phone: bool = False, dark: bool = False, scale: float = 1) -> None:
        """Give the window a size, and the system a colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, path: Path) -> None:
        """Write what is to be seen as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    def take(self, method: str, params: dict[str, Any]) -> None:
        """An event of the browser."""
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(str(arg.get("value")) for arg in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["source"] == "security":
            self.errors.append(params["entry"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["source"] == "network":
            self.failures.append(f"{params['entry'].get('url')}: {params['entry']['text']}")


class DevToolsError(RuntimeError):
    """The browser refused a command."""


class DevTools:
    """The socket to a browser: commands are answered by number, events go to their page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}

    async def run(self) -> None:
        """Read until the socket is closed."""
        async for text in self._socket:
            message = json.loads(text)
            waiting = self._open.pop(message.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            elif "method" in message and message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].take(message["method"], message["params"])

    async def call(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """A command. Raises DevToolsError."""
        number = next(self._numbers)
        answer = self._open[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        await self._socket.send(json.dumps(command))
        async with asyncio.timeout(ANSWER_S):
            message = await answer
        if "error" in message:
            raise DevToolsError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result


@asynccontextmanager
async def open_page(devtools_url: str, *, width: int = 1440, height: int = 900) -> AsyncIterator[Page]:
    """A tab in a new browser context, gone at the end. Fails the test if the page complained in its console."""
    async with connect(devtools_url, max_size=None, compression=None) as socket:
        devtools = DevTools(socket)
        reading = asyncio.create_task(devtools.run())
        try:
            context = (await devtools.call("Target.createBrowserContext", {}))["browserContextId"]
            target = await devtools.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
            attached = await devtools.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
            page = Page(devtools, attached["sessionId"])
            devtools.pages[attached["sessionId"]] = page
            for domain in ("Page", "Runtime", "Log"):
                await page.call(f"{domain}.enable")
            await page.look(width, height)
            yield page
            assert not page.errors, page.errors
            await devtools.call("Target.disposeBrowserContext", {"browserContextId": context})
        finally:
            reading.cancel()


_POLL = """new Promise(done => {
  const end = performance.now() + 1000, look = () => {
    let held = false;
    try { held = !!(%s); } catch { held = false; }
    if (held || performance.now() > end) done(held); else setTimeout(look, 20);
  };
  look();
})"""

_CLICK = """((selector, text) => {
  const found = [...document.querySelectorAll(selector)].find(
    e => e.getClientRects().length && (!text || e.innerText.trim() === text || e.getAttribute('aria-label') === text));
  if (!found) return false;
  found.scrollIntoView({block: 'center'});
  const box = found.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  if (!found.contains(top)) return false;
  found.click();
  return true;
})(%s, %s)"""
