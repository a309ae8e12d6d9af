"""From a bare board to a labelled, locked terminal that publishes: one command, nothing left out but flesh."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from cloud.stock import record
from protocol import messages, topics
from tests.cloud.stock.parts import iccid
from tests.firmware.net.authority import HOST, Authority
from tests.firmware.terminal.desk import Cloud, until
from tests.fixtures.broker import Mosquitto
from tests.tools.accept.robot import Robot
from tests.tools.flash.conftest import Desk
from tests.tools.provision.test_on_a_board import KEY, made
from tools.accept import bench as accept
from tools.accept.parts import caller_proof
from tools.board.bundle import build
from tools.chip import Chip
from tools.flash import steps
from tools.modem.network import Network, Plan
from tools.provision import records, reservation

NUMBER, PHONE = "13800000001", "13800000099"
PROOF_KEY = bytes(32)
DEVICE = "XC000001"


class AnyCloud(Cloud):
    """Receipts for whichever terminal spoke."""

    device = ""

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        self.device = topics.parse(message.topic)[2]
        super()._on_message(client, data, message)

    def send(self, kind: str, fields: dict[str, object]) -> None:
        self._client.publish(topics.build("down", kind, self.device), messages.encode("down", kind, fields), 1)


@pytest.fixture
def cloud(broker: Mosquitto) -> Iterator[AnyCloud]:
    end = AnyCloud(broker)
    try:
        yield end
    finally:
        end.close()


FEW, MANY = 3, 20


@pytest.fixture
def ready(desk: Desk, broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A bench with identities that the broker knows, SIMs in stock, a test phone, and the real program."""
    authority = Authority(tmp_path / "pki")
    folder = authority.server()
    broker.secure(folder / "server.crt", folder / "server.key")
    roots = accept_roots(authority.roots().read_bytes())
    reserved = made(
        range(1, MANY + 1), server=f"{HOST}:{broker.tls_port}", roots=[root.hex() for root in roots],
        proof_key=PROOF_KEY.hex(),
        sims={iccid(n): caller_proof(PROOF_KEY, number_of(n)) for n in range(1, MANY + 1)},
    )  # fmt: skip
    for each in reserved["devices"]:
        broker.add_user(each["device_id"], each["password"])
    file = tmp_path / "reservation"
    file.write_text(json.dumps(reserved))
    reservation.load(desk.bench.folder, file)
    (desk.bench.folder / accept.SETTINGS).write_text(json.dumps({"test_number": PHONE}))
    monkeypatch.setattr("tools.board.bundle.build", build)
    return desk


def number_of(card: int) -> str:
    """Of the SIM with that number in the stock."""
    return f"138000000{card:02}"


def accept_roots(der: bytes) -> list[bytes]:
    """Certificates one after another."""
    from firmware.net import roots

    return list(roots.split(der))


@pytest.mark.timeout(400)
def test_one_command_makes_a_labelled_terminal(
    board: Callable[..., Chip], ready: Desk, cloud: AnyCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, installed, registered, tested, labelled, locked; then its own program speaks to the broker."""
    assert steps.ROOMS[steps.TEST] == "tools.accept"
    chip = board(iccid=iccid(1), network=Network(plans={PHONE: Plan(after=0.5, talk=600)}), speed=5.0)
    monkeypatch.setattr(accept, "at_keyboard", lambda _name: Robot(chip, NUMBER))
    done = ready.flash("--port", chip.port)
    assert done.exit_code == 0, done.output
    lines = [record.parse(line) for line in (ready.bench.folder / records.FILE).read_text().splitlines()]
    for line in lines:
        record.verify(line, KEY.public_key().public_bytes_raw())
    assert [(line["kind"], line["device"], line.get("passed")) for line in lines] == [
        ("provision", DEVICE, None), ("accept", DEVICE, True),
    ]  # fmt: skip
    assert sorted(path.suffix for path in ready.bench.labels.iterdir()) == [".pdf", ".png"]
    assert cloud.wait("press")["how"] == "test"
    boot = cloud.wait("boot", 90)  # by its own program, after the lock
    assert (boot["board"], boot["cause"]) == ("okb-a", "soft")
    assert chip.nvs("lock") is not None
    assert "secret-of" not in "".join(path.read_text() for path in ready.bench.log.iterdir())


@pytest.mark.timeout(400)
def test_a_terminal_that_does_not_pass_gets_no_label(
    board: Callable[..., Chip], ready: Desk, cloud: AnyCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict is recorded, the exit code says so, and the next run goes on with the test alone."""
    chip = board(iccid=iccid(1), network=Network(plans={PHONE: Plan(after=0.5, talk=600)}), speed=5.0)
    monkeypatch.setattr(accept, "at_keyboard", lambda _name: Robot(chip, "13800000077"))
    done = ready.flash("--port", chip.port)
    assert done.exit_code == 80, done.output
    assert "call" in done.stderr
    assert list(ready.bench.labels.iterdir()) == []
    monkeypatch.setattr(accept, "at_keyboard", lambda _name: Robot(chip, NUMBER))
    told = ready.told("--port", chip.port)
    assert [step for step, when in told["steps"].items() if when == "done"] == ["identify", "test", "start"]
    verdicts = [json.loads(line).get("passed") for line in (ready.bench.folder / records.FILE).read_text().splitlines()]
    assert verdicts == [None, False, True]


def many(count: int, board: Callable[..., Chip], ready: Desk, cloud: AnyCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many boards in one batch; the last one's SIM is in nobody's stock."""
    cards = [*range(1, count), MANY + 1]
    phone = {PHONE: Plan(after=0.5, talk=600)}
    chips = [
        board(iccid=iccid(card), imei=f"86000000000{card:04}", speed=5.0, network=Network(plans=dict(phone)))
        for card in cards
    ]

    def hands(device: str) -> Robot:
        at = next(at for at, chip in enumerate(chips) if chip.nvs("device") == device.encode())
        return Robot(chips[at], number_of(cards[at]))

    monkeypatch.setattr(accept, "at_keyboard", hands)
    ports = [word for chip in chips for word in ("--port", chip.port)]
    done = ready.flash("--batch", *ports)
    assert done.exit_code == 50, done.output
    good, bad = chips[:-1], chips[-1]
    devices = {(chip.nvs("device") or b"").decode() for chip in good}
    assert len(devices) == count - 1
    assert all(chip.nvs("lock") for chip in good), done.output
    passwords = {chip.nvs("password") for chip in good}
    assert len(passwords) == count - 1
    assert bad.nvs("device") is None
    assert "库存" in done.output + done.stderr
    labels = [path.stem for path in ready.bench.labels.iterdir() if path.suffix == ".pdf"]
    assert len(labels) == count - 1
    lines = [json.loads(line) for line in (ready.bench.folder / records.FILE).read_text().splitlines()]
    assert {line["device"] for line in lines if line.get("passed")} == devices
    until(lambda: len({(one["iccid"], one["imei"]) for one in cloud.of("boot")}) == count - 1, "every boot", 120)


@pytest.mark.timeout(600)
def test_a_batch_ends_each_as_a_terminal_or_with_its_reason(
    board: Callable[..., Chip], ready: Desk, cloud: AnyCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failing does not stop the others."""
    many(FEW, board, ready, cloud, monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_batch_of_twenty_ends_each_as_a_terminal_or_with_its_reason(
    board: Callable[..., Chip], ready: Desk, cloud: AnyCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box of them."""
    many(MANY, board, ready, cloud, monkeypatch)
