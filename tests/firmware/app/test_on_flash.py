"""Storage on littlefs in real MicroPython: power cuts at every write, a full chip, files of nonsense."""

from __future__ import annotations

from tests.micropython import unix


def test_storage_survives_the_chip() -> None:
    """on_flash.py has the stories."""
    done = unix.run("run.py", "tests.firmware.app.on_flash")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "3 passed, 0 failed"
