"""What a technician is asked, in Chinese, on standard error: id, pictures, the call to 120. Options win.

No program dials 120: the call is made by hand, agreed with 120 beforehand, and only noted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cloud.days import SHANGHAI
from cloud.field.models import CALL_RESULTS, NOT_MADE, PHOTO, SIGNATURE
from protocol import topics
from tools.install import texts
from tools.install.texts import FailedError

if TYPE_CHECKING:
    from tools.install.jobs import JobFile

AGREED_CHARS_MAX = 40  # an office and a name
NOTE_CHARS_MAX = 120
ORIGINALS = "照片和签名已加密保存；原图仍在原处，请删除 / sealed; the originals are where they were: delete them"


@dataclass(frozen=True)
class Answers:
    """What was given as options."""

    photos: tuple[Path, ...] = ()
    signature: Path | None = None
    call_result: str | None = None
    agreed_with: str | None = None
    called_at: str | None = None
    note: str | None = None


def line(prompt: str, *, optional: bool = False) -> str:
    """One typed or scanned line, asked for on standard error: standard output is for the answer alone."""
    while True:
        typer.echo(f"{prompt}：", err=True, nl=False)
        try:
            text = input().strip()
        except EOFError:
            raise FailedError("bad_answer", prompt) from None
        if text or optional:
            return text


def number(prompt: str, most: int) -> int:
    """A number of a list that was shown, from 1."""
    text = line(prompt)
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise FailedError("bad_answer", prompt)
    return int(text)


def device_id(given: str | None, prompt: str = "请扫描终端二维码，或输入设备编号") -> str:
    """The id on the label: scanned (a scanner types it) or typed, in capitals."""
    text = (given or line(prompt)).strip().upper()
    if not topics.is_device_id(text):
        raise FailedError("bad_id")
    return text


def evidence(job: JobFile, answers: Answers, now: datetime) -> None:
    """Collect what the job has not yet: photo, signature, call to 120. Each answer is sealed and kept at once."""
    had = len(job.content["files"])
    for path in answers.photos:
        job.add_picture(PHOTO, path)
    if not job.has(PHOTO):
        job.add_picture(PHOTO, _path("终端安装位置照片（JPEG 或 PNG 文件）"))
    if answers.signature is not None:
        job.add_picture(SIGNATURE, answers.signature)
    if not job.has(SIGNATURE):
        job.add_picture(SIGNATURE, _path("老人签名图片（JPEG 或 PNG 文件）"))
    if len(job.content["files"]) > had:
        typer.echo(ORIGINALS, err=True)
    if job.content["call_120"] is None:
        job.set_call(_call(answers, now))


def _path(prompt: str) -> Path:
    return Path(line(prompt).strip("'\"")).expanduser()


def _call(answers: Answers, now: datetime) -> dict[str, Any]:
    if answers.call_result is None:
        typer.echo("与 120 约定后，由您本人用终端拨打一次 120，证明该卡能打通。程序不会拨打。", err=True)
        for place, name in enumerate(CALL_RESULTS, start=1):
            typer.echo(f"  {place}  {texts.CALL_RESULTS[name]}", err=True)
        result = CALL_RESULTS[number("结果序号", len(CALL_RESULTS)) - 1]
    else:
        result = answers.call_result
    if result not in CALL_RESULTS:
        raise FailedError("bad_answer", "--call-120")
    made = result != NOT_MADE
    agreed = answers.agreed_with or (line("与 120 哪个部门、何人约定") if made else "")
    called = None
    if made:
        given = answers.called_at or line("拨打时间（时:分，或 年-月-日 时:分）")
        called = moment(given, now).isoformat()
    note = answers.note or ("" if made else line("未拨打的原因"))
    if len(agreed) > AGREED_CHARS_MAX or len(note) > NOTE_CHARS_MAX or (made and not agreed.strip()):
        raise FailedError("bad_answer", "120")
    if not made and not note.strip():
        raise FailedError("bad_answer", "--note")
    return {"agreed_with": agreed.strip(), "called_at": called, "result": result, "note": note.strip() or None}


def moment(text: str, now: datetime) -> datetime:
    """A time of day today, or a date and time, in Shanghai; not ahead of now. Raises FailedError."""
    text = text.strip().replace("：", ":")
    here = now.astimezone(SHANGHAI)
    try:
        if "-" in text:
            at = datetime.fromisoformat(text)
        else:
            at = datetime.strptime(text, "%H:%M").replace(year=here.year, month=here.month, day=here.day)  # noqa: DTZ007 - the zone follows
    except ValueError:
        raise FailedError("bad_answer", "--called-at") from None
    at = at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
    if at > now:
        raise FailedError("bad_answer", "--called-at")
    return at
