"""`onekey terminal`: the real firmware in MicroPython on this machine, its modem at any serial device.

In: a UART or PTY, a FIFO of key presses, an identity. Out: the firmware's JSON lines on standard output.
Starts the firmware again when it asks for a reboot, as a board would. The password never stands on a command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from tools.embedded import children

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(add_completion=False)

ROOT = Path(__file__).resolve().parent.parent
EXIT_REBOOT = 75  # firmware/hal/unix.py
EXIT_NO_RUNTIME = 3
STOP_S = 0.8  # the firmware keeps nothing that a kill would lose, so it gets no longer
HEAP = "4M"  # of the ESP32 with PSRAM; the unix port's own 2 MB would do as well


class TerminalError(Exception):
    """Something on this machine is not as it must be; the text says what."""


def find_runtime(given: Path | None) -> Path | None:
    """The MicroPython to run: the one given, the environment's, or the one on the PATH."""
    if given is not None:
        return given if given.exists() else None
    beside = Path(sys.executable).with_name("micropython")
    if beside.exists():
        return beside
    found = shutil.which("micropython")
    return Path(found) if found else None


def open_uart(device: Path, speed: int = 115_200) -> int:
    """The serial device, raw, 8N1, non-blocking."""
    import termios  # noqa: PLC0415 - not on every platform
    import tty  # noqa: PLC0415

    try:
        fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise TerminalError(f"cannot open the UART {device}: {error.strerror}") from None
    try:
        tty.setraw(fd)
        settings = termios.tcgetattr(fd)
        settings[2] |= termios.CLOCAL | termios.CREAD  # a modem's carrier line is not wired
        settings[4] = settings[5] = getattr(termios, f"B{speed}")
        termios.tcsetattr(fd, termios.TCSANOW, settings)
    except termios.error:
        os.close(fd)
        raise TerminalError(f"{device} is no serial device") from None
    return fd


def open_keys(fifo: Path) -> int:
    """The FIFO, made if it is missing. Opened for both directions: it never ends when a writer leaves."""
    if not fifo.exists():
        os.mkfifo(fifo)
    if not stat.S_ISFIFO(fifo.stat().st_mode):
        raise TerminalError(f"{fifo} is there and is no FIFO")
    return os.open(fifo, os.O_RDWR | os.O_NONBLOCK)


def open_roots(path: Path) -> IO[bytes]:
    """The roots of a DER or PEM file, as a file of DERs that the firmware inherits."""
    from cryptography import x509  # noqa: PLC0415 - a terminal without TLS starts sooner
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    from firmware.net import roots  # noqa: PLC0415

    try:
        data = path.read_bytes()
        if data.lstrip().startswith(b"-----"):
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(one) for one in roots.split(data)]
        ders = b"".join(one.public_bytes(Encoding.DER) for one in found)
        if not roots.split(ders):
            raise TerminalError(f"{path} holds no certificate")
    except OSError as error:
        raise TerminalError(f"cannot read the roots {path}: {error.strerror}") from None
    except ValueError:
        raise TerminalError(f"{path} holds no roots in DER or PEM, or more than {roots.ROOTS_MAX}") from None
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(ders)
    file.flush()
    return file


@app.command()
def terminal(
    *,
    uart: Annotated[Path, typer.Option(help="Serial device of a SIM800 or of an emulator, 115200 8N1.")],
    state: Annotated[Path, typer.Option(help="Folder that is the terminal's storage.")],
    keys: Annotated[Path, typer.Option(help="FIFO; each line is a key and how long it is held: sos 1200.")],
    device: Annotated[str, typer.Option(help="Device id, 6 to 20 capitals and digits.")],
    server: Annotated[str, typer.Option(help="HOST:PORT of the broker, as the modem reaches it.")],
    password_file: Annotated[Path | None, typer.Option(help="First line: the device's password.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Roots to trust, DER or PEM; without it the line is plain.")] = None,
    runtime: Annotated[Path | None, typer.Option(help="MicroPython to run instead of the environment's.")] = None,
) -> None:
    """The real firmware in MicroPython on this machine."""
    found = find_runtime(runtime)
    if found is None or sys.platform == "win32":
        print("onekey terminal: there is no MicroPython for this platform here.", file=sys.stderr)
        print(
            "It comes with the project on Linux; elsewhere, build its unix port and name it: --runtime", file=sys.stderr
        )
        raise typer.Exit(EXIT_NO_RUNTIME)
    try:
        _check(device, server)
        with ExitStack() as stack:
            ca_file = stack.enter_context(open_roots(ca)) if ca is not None else None
            state.mkdir(parents=True, exist_ok=True)
            uart_fd, keys_fd = open_uart(uart), open_keys(keys)
            stack.callback(os.close, uart_fd)
            stack.callback(os.close, keys_fd)
            arguments = ["--uart-fd", str(uart_fd), "--keys-fd", str(keys_fd), "--state", str(state.resolve())]
            arguments += ["--device", device, "--server", server]
            fds: tuple[int, ...] = (uart_fd, keys_fd)
            if ca_file is not None:
                arguments += ["--ca-fd", str(ca_file.fileno())]
                fds = (*fds, ca_file.fileno())
            code = _run_for_ever(found, arguments, fds, password_file)
    except TerminalError as error:
        print(f"onekey terminal: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


def _check(device: str, server: str) -> None:
    if not (6 <= len(device) <= 20 and device.isascii() and device.isalnum() and device.upper() == device):
        raise TerminalError("a device id has 6 to 20 capitals and digits")
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise TerminalError("say the server as HOST:PORT")


def _run_for_ever(runtime: Path, arguments: list[str], fds: tuple[int, ...], password_file: Path | None) -> int:
    """Run the firmware, again after each reboot, until it ends otherwise or a signal ends both."""
    stopping = False
    process: subprocess.Popen[bytes] | None = None

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        if process is not None and process.poll() is None:
            process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    while True:
        with ExitStack() as stack:
            more: list[str] = []
            passed = fds
            if password_file is not None:
                try:
                    secret = stack.enter_context(password_file.open("rb"))
                except OSError as error:
                    raise TerminalError(f"cannot read the password file: {error.strerror}") from None
                more = ["--password-fd", str(secret.fileno())]
                passed = (*fds, secret.fileno())
            process = children.start(
                [str(runtime), "-X", f"heapsize={HEAP}", str(ROOT / "firmware" / "main.py"), *arguments, *more],
                pass_fds=passed,
                env=os.environ | {"MICROPYPATH": f"{ROOT}:.frozen"},
                death_signal=signal.SIGKILL,
            )
            code = _wait(process, lambda: stopping)
        if stopping:
            return 0
        if code != EXIT_REBOOT:
            print(f"onekey terminal: the firmware ended with code {code}", file=sys.stderr)
            return 1


def _wait(process: subprocess.Popen[bytes], stopping: object) -> int:
    """The exit code; a process that does not end on request is killed."""
    while True:
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            if callable(stopping) and stopping():
                process.kill()
