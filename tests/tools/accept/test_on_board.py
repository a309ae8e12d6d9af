"""The whole acceptance test on the emulated board: the firmware's own parts in MicroPython, SIM800, broker with TLS."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from firmware.core.watch import NVS_FAILED
from tests.firmware.net.authority import HOST, Authority
from tests.firmware.terminal.desk import DEVICE, PASSWORD
from tests.tools.accept.robot import Robot
from tools.accept import check, plan
from tools.accept.on_port import open_session
from tools.accept.parts import Bench, caller_proof
from tools.chip import Chip
from tools.modem.network import Network, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.firmware.terminal.desk import Cloud
    from tests.fixtures.broker import Mosquitto

ROOT = Path(__file__).resolve().parents[3]
NUMBER, PHONE = "13800000001", "13800000002"
ICCID, IMEI = "89860400000000000001", "860000000000017"
KEY = b"a key of tests"


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    """A provisioned board on an official image: the program lies on its file system."""
    network = Network(plans={PHONE: Plan(after=0.5, talk=600)})
    with Chip(tmp_path, network=network) as board:
        for room in ("firmware", "protocol"):
            shutil.copytree(ROOT / room, board.files / room, ignore=shutil.ignore_patterns("__pycache__"))
        yield board


def provision(chip: Chip, **values: bytes) -> None:
    """What provisioning leaves in the chip."""
    folder = chip.files / ".nvs"
    folder.mkdir(exist_ok=True)
    for name, value in values.items():
        (folder / f"onekey.{name}").write_bytes(value)


def wanted() -> plan.Wanted:
    return plan.Wanted(
        device_id=DEVICE,
        iccid=ICCID,
        imei=IMEI,
        test_number=PHONE,
        caller_proof=caller_proof(KEY, NUMBER),
        proof_key=KEY,
    )


def test_a_good_board_passes_from_its_keys_to_the_clouds_receipt(
    chip: Chip, broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """Every signal is real: contacts, light, sound, call, key of the other side, adapter, receipt."""
    authority = Authority(tmp_path / "pki")
    folder = authority.server()
    broker.secure(folder / "server.crt", folder / "server.key")
    broker.add_user(DEVICE, PASSWORD)
    (root, *_) = [bytes(one) for one in split(authority.roots().read_bytes())]
    server = f"{HOST}:{broker.tls_port}".encode()
    provision(chip, device=DEVICE.encode(), password=PASSWORD.encode(), server=server, ca0=root)
    robot = Robot(chip, NUMBER)
    log: list[str] = []
    with open_session(chip.port, log.append) as session:
        done = check.run(Bench(session, robot, wanted(), session.keys))
    assert [(part.name, part.why) for part in done] == [(name, "") for name in plan.PARTS]
    press = cloud.wait("press")
    assert press["how"] == "test"
    assert press["id"] == done[-1].facts["message"]
    assert [call.number for call in chip.runner.modem.network.calls] == [PHONE]
    assert not any(PHONE in line or NUMBER in line for line in log)
    assert chip.nvs(NVS_FAILED) is None


def split(der: bytes) -> list[bytes]:
    """Certificates one after another."""
    from firmware.net import roots

    return roots.split(der)
