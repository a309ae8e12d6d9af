"""`onekey health mail`: looked at, written to a file, sent by hand; every way to fail is one line."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cloud.mail.postoffice import SENDER, TEAM, Postoffice
from tools.health import app


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    return monkeypatch


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["mail", *words])


def test_a_letter_can_be_read_before_anybody_gets_it(environment: pytest.MonkeyPatch) -> None:
    """Without any mail settings, of the day that is asked for."""
    done = run("--day", "2026-03-30")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("一键呼设备健康 03月30日：待处理 0")
    assert "2026年3月30日（周一）" in done.output
    told = json.loads(run("--day", "2026-03-30", "--json").output)
    assert (told["day"], told["sent"], told["file"]) == ("2026-03-30", False, None)


def test_a_file_opens_in_a_mail_program(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what goes with it."""
    sheet = tmp_path / "报告.csv"
    sheet.write_bytes(b"1,2\r\n")
    out = tmp_path / "letter.eml"
    done = run("--day", "2026-03-30", "--to-file", str(out), "--attach", str(sheet))
    assert done.exit_code == 0, done.output
    mail = email.message_from_bytes(out.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert [each.get_filename() for each in mail.iter_attachments()] == ["报告.csv"]


def test_it_can_be_sent_by_hand_beside_the_daily_one(environment: pytest.MonkeyPatch) -> None:
    """Each time under an id of its own, so that no reader folds it into the daily one."""
    office = Postoffice().start()
    try:
        for name, value in {
            "HOST": "127.0.0.1", "PORT": str(office.port), "TLS": "none", "FROM": SENDER, "TO": TEAM,
        }.items():  # fmt: skip
            environment.setenv(f"OKC_MAIL_{name}", value)
        assert all(run("--send-now").exit_code == 0 for _ in range(2))
    finally:
        office.stop()
    assert len({mail["Message-ID"] for mail in office.mails}) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--day", "30.03.2026"], "不是日期"),
        (["--day", "2999-01-01"], "已经结束的一天"),
        (["--send-now"], "邮件未启用"),
        (["--attach", "/nowhere/x.csv"], "/nowhere/x.csv: No such file"),
        (["--to-file", "/nowhere/x.eml"], "/nowhere/x.eml: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(environment: pytest.MonkeyPatch, words: list[str], told: str) -> None:
    """Exit 2 and no trace."""
    done = run(*words)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert told in done.output


def test_a_server_that_refuses_is_one_line(environment: pytest.MonkeyPatch) -> None:
    """It names no address."""
    for name, value in {"HOST": "127.0.0.1", "PORT": "1", "TLS": "none", "FROM": SENDER, "TO": TEAM}.items():
        environment.setenv(f"OKC_MAIL_{name}", value)
    done = run("--send-now")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert TEAM not in done.output
