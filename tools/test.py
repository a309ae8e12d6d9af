"""`./tools/test`: a fresh machine to all checks and tests. `--long` adds the soaks; other arguments go on to pytest.

Installs Debian's mosquitto and chromium if they are missing and it may (root), else says what is missing and fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import environment

# What the tests run against and the registries do not carry: program -> Debian package.
SERVICES = {"mosquitto": "mosquitto", "mosquitto_sub": "mosquitto-clients", "chromium": "chromium"}
FONT = ("fonts-noto-cjk", Path("/usr/share/fonts/opentype/noto"))  # screenshots of Chinese pages
_SBIN = os.pathsep + os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))


def missing_packages() -> list[str]:
    """Debian packages that the tests need and this machine lacks."""
    path = os.environ.get("PATH", "") + _SBIN
    missing = [package for program, package in SERVICES.items() if shutil.which(program, path=path) is None]
    if sys.platform == "linux" and not FONT[1].exists():
        missing.append(FONT[0])
    return missing


def install_services() -> None:
    """Install what is missing, or say what to install and exit 1."""
    missing = missing_packages()
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        environment.say(f"missing: {', '.join(missing)}. Install them (as root: apt-get install {' '.join(missing)}).")
        raise SystemExit(1)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *missing]):
        environment.say("apt-get " + " ".join(words))
        done = subprocess.run(["apt-get", *words], env=quiet, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0 and words[0] == "install":
            environment.say(f"apt-get could not install {', '.join(missing)}")
            raise SystemExit(1)


def checks(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """The checks in order, cheapest first: (title, command)."""
    python = str(environment.program("python"))
    long = "--long" in arguments
    rest = [word for word in arguments if word != "--long"]
    return [
        ("ruff", [str(environment.program("ruff")), "check", "."]),
        ("ruff format", [str(environment.program("ruff")), "format", "--check", "."]),
        ("import rules", [str(environment.program("lint-imports")), "--no-cache"]),
        ("mypy", [python, "-m", "mypy"]),
        ("generated files", [python, "-m", "tools", "protocol", "check"]),
        ("tests", [python, "-m", "pytest", *([] if long else ["-m", "not long"]), *rest]),
    ]


def main() -> None:
    """Prepare, then run every check; the exit code is that of the first that fails, and all are run."""
    environment.ensure()
    install_services()
    env = {**os.environ, "PATH": f"{environment.program('python').parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    failed = []
    for title, command in checks(sys.argv[1:]):
        begun = time.monotonic()
        print(f"== {title}", flush=True)
        if subprocess.run(command, cwd=environment.ROOT, env=env, stdin=subprocess.DEVNULL, check=False).returncode:
            failed.append(title)
        print(f"== {title}: {'FAILED' if title in failed else 'ok'} ({time.monotonic() - begun:.0f} s)", flush=True)
    if failed:
        print("failed: " + ", ".join(failed), flush=True)
        raise SystemExit(1)
    print("all checks passed", flush=True)


if __name__ == "__main__":
    main()
