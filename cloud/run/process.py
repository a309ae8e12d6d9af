"""What every process does alike: read the settings, log, say `ready`, end at SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud.db import MigrationError
from cloud.errors import described
from cloud.run import logs
from cloud.settings import DatabaseSettings, Settings, SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

STOP_S = 1.5  # for saying goodbye; what is not finished by then is done again after the next start


def run(main: Callable[[Any, Callable[[], None]], Awaitable[None]], kind: type[DatabaseSettings] = Settings) -> None:
    """Run `main(settings, ready)` until it ends or a signal does; `kind` of settings is what it needs."""
    logs.begin(Path(inspect.getfile(main)).stem, sys.stderr)
    try:
        settings = load(kind)
        # A selector loop everywhere: both clients need add_reader, which the default loop of Windows has not.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_until_stopped(main, settings))
    except (SettingsError, MigrationError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a process says why it does not start
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 - a trace would quote the error's text, and that may quote a row
        log.critical("ends: %s", described(error))
        sys.exit(1)


def ready() -> None:
    """Connected and working."""
    print("ready", flush=True)  # noqa: T201 - who started us waits for this line


async def _until_stopped(
    main: Callable[[Any, Callable[[], None]], Awaitable[None]], settings: DatabaseSettings
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.of_loop)
    for name in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(name, stop.set)
    work = asyncio.ensure_future(main(settings, ready))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait({work}, timeout=STOP_S)
    if not work.done():
        # Somebody we talk to does not even answer our goodbye. Nothing is lost by going: see the first lines of run/.
        log.warning("ends without a goodbye")
        logging.shutdown()
        os._exit(1)
    with contextlib.suppress(asyncio.CancelledError):
        work.result()
