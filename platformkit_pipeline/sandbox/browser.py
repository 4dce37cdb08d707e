"""A headless Chromium on demand: it turns a page of ours into a picture, without network and without scripts.

Chromium is optional and comes from the machine. It is steered through its DevTools pipe, so no port is opened.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Any

from platformkit_pipeline.model.errors import SandboxError

BROWSER_VARIABLE = "PLATFORMKIT_CHROMIUM"
"""Environment variable with the path of a Chromium or Chrome, where it is not on PATH under a usual name."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_SECONDS = 60.0
_MOST_REMARKS = 20_000
_OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-sync",
    # What would make the same page look different on the next run or screen.
    "--disable-gpu",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--force-device-scale-factor=1",
    "--lang=en-US",
    # Nothing is fetched, whatever stands in the page.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_ON_THE_PIPE = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'
"""DevTools reads from descriptor 3 and writes to 4; Popen hands over 0 and 1."""


def find_browser(environment: Mapping[str, str] = os.environ) -> Path:
    """The browser that `PLATFORMKIT_CHROMIUM` names, else the first on PATH. Raises SandboxError that says what to install."""
    named = environment.get(BROWSER_VARIABLE)
    if named:
        path = shutil.which(named, path=environment.get("PATH", os.defpath))
        if path is None:
            raise SandboxError(f"{BROWSER_VARIABLE}={named}: there is no such program")
        return Path(path)
    for name in NAMES:
        if path := shutil.which(name, path=environment.get("PATH", os.defpath)):
            return Path(path)
    raise SandboxError(
        "rendering a diagram needs Chromium, and there is none on PATH: install it (Debian: `apt-get install chromium`), "
        f"or name one in {BROWSER_VARIABLE}"
    )


def screenshot(page: str, width: int, height: int, *, scale: int = 2) -> bytes:
    """A PNG of the upper left `width` × `height` CSS pixels of an HTML page, `scale` device pixels each.

    Raises SandboxError when there is no browser, it does not start, or it takes longer than a minute.
    """
    with _browser() as devtools:
        target = devtools.call("Target.createTarget", url="about:blank")["targetId"]
        session = devtools.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        devtools.call("Emulation.setScriptExecutionDisabled", session, value=True)
        frame = devtools.call("Page.getFrameTree", session)["frameTree"]["frame"]["id"]
        devtools.call("Page.setDocumentContent", session, frameId=frame, html=page)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        shot = devtools.call("Page.captureScreenshot", session, format="png", clip=clip, captureBeyondViewport=True)
        with suppress(SandboxError):
            devtools.call("Browser.close")
    try:
        return base64.b64decode(shot["data"], validate=True)
    except (KeyError, binascii.Error):
        raise SandboxError("the browser gave no picture") from None


@contextmanager
def _browser() -> Iterator[_DevTools]:
    program = find_browser()
    options = list(_OPTIONS)
    if os.geteuid() == 0:
        # Chromium refuses to start as root with its sandbox. The page is ours, runs no script and reaches no network.
        options.append("--no-sandbox")
    with (
        tempfile.TemporaryDirectory(prefix="platformkit-browser-", ignore_cleanup_errors=True) as profile,
        tempfile.TemporaryFile() as remarks,
    ):
        options.append(f"--user-data-dir={profile}")
        process = subprocess.Popen(
            ["/bin/sh", "-c", _ON_THE_PIPE, str(program), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=remarks,
            start_new_session=True,
            env={**os.environ, "HOME": profile, "LC_ALL": "C.UTF-8"},
        )
        try:
            yield _DevTools(process, program, remarks)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and every process that it started: they are in a session of their own."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _DevTools:
    """Calls and answers over the pipe: JSON texts, each closed by a zero byte."""

    def __init__(self, process: subprocess.Popen[bytes], program: Path, remarks: IO[bytes]) -> None:
        self._process = process
        self._program = program
        self._remarks = remarks
        self._number = 0
        self._received = bytearray()
        self._deadline = time.monotonic() + _TIMEOUT_SECONDS

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of one method. Raises SandboxError."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._send(json.dumps(message).encode("ascii") + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") != self._number:
                continue  # an event
            if "error" in answer:
                raise SandboxError(f"{self._program} refused {method}: {answer['error'].get('message', '')}")
            result: dict[str, Any] = answer["result"]
            return result

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def _next(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        with DefaultSelector() as selector:
            selector.register(self._process.stdout, EVENT_READ)
            while (end := self._received.find(b"\0")) < 0:
                if not selector.select(max(0.0, self._deadline - time.monotonic())):
                    raise SandboxError(f"{self._program} did not answer within {_TIMEOUT_SECONDS:.0f} seconds")
                data = os.read(self._process.stdout.fileno(), 1 << 20)
                if not data:
                    raise self._ended()
                self._received += data
        message = bytes(self._received[:end])
        del self._received[: end + 1]
        return message

    def _ended(self) -> SandboxError:
        self._remarks.seek(0)
        lines = self._remarks.read(_MOST_REMARKS).decode("utf-8", errors="replace").splitlines()
        telling = [line for line in lines if "FATAL" in line or "sandbox" in line.lower()] or [line for line in lines if line.strip()]
        return SandboxError(f"{self._program} ended before it drew anything: {telling[-1][:300] if telling else 'it says nothing'}")
