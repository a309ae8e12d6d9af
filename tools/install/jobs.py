"""Jobs of this technician on disk: one JSON file each, its pictures beside it, until the registry has everything.

In: the bench folder. Out: files that only their owner reads. Written whole or not at all; signed off by a hash over the
content, so that a damaged file is noticed. Once the registry has the evidence, pictures and answers are deleted here.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cloud.days import shanghai_day
from cloud.field.models import Call120, Job, Picture
from cloud.field.rules import PICTURE_BYTES_MAX, picture_media
from tools.install.texts import FailedError

VERSION = 1
# collecting -> signed_off (offline) -> sent; a refused one may be sent again, a waiting one lacks evidence only.
COLLECTING, SIGNED_OFF, WAITING, REFUSED, SENT = "collecting", "signed_off", "waiting", "refused", "sent"
TO_SEND = (SIGNED_OFF, WAITING, REFUSED)
FOLDER = "field"
_NOT_SIGNED = ("state", "refused", "applied", "tried", "sha256")
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png"}


def bench_folder(given: Path | None) -> Path:
    """The folder of this technician's jobs, readable by its owner only."""
    bench = given or Path(os.environ.get("OKC_BENCH") or Path.home() / ".onekey-bench")
    folder = bench / FOLDER
    for each in (bench, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@dataclass
class JobFile:
    """One job. `data`: v, state, job, files, call_120; every change is saved at once."""

    folder: Path
    data: dict[str, Any]

    @property
    def job_id(self) -> str:
        """The UUID that the registry knows it by."""
        return str(self.data["job"]["visit_id"])

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.data["state"])

    @property
    def applied(self) -> bool:
        """Whether the registry said that it has applied the job; it may have without our hearing of it."""
        return bool(self.data.get("applied"))

    @property
    def job(self) -> Job:
        """As the cloud takes it."""
        raw = self.data["job"]
        return Job(
            **{
                **raw,
                "visit_id": uuid.UUID(raw["visit_id"]),
                "home_id": uuid.UUID(raw["home_id"]) if raw["home_id"] else None,
                "on": date.fromisoformat(raw["on"]),
                "begun_at": datetime.fromisoformat(raw["begun_at"]),
            }
        )

    @property
    def call_120(self) -> Call120 | None:
        """What was noted of the call to 120."""
        raw = self.data["call_120"]
        if raw is None:
            return None
        at = raw["called_at"]
        return Call120(raw["agreed_with"], datetime.fromisoformat(at) if at else None, raw["result"], raw["note"])

    def has(self, kind: str) -> bool:
        """Whether there is a picture of this kind."""
        return any(each["kind"] == kind for each in self.data["files"])

    def pictures(self) -> list[Picture]:
        """Its pictures, each checked against the hash taken when it was added."""
        found = []
        for each in self.data["files"]:
            try:
                content = (self.folder / each["name"]).read_bytes()
            except OSError:
                raise FailedError("damaged", each["name"]) from None
            if hashlib.sha256(content).hexdigest() != each["sha256"]:
                raise FailedError("damaged", each["name"])
            found.append(Picture(each["kind"], each["media"], content))
        return found

    def add_picture(self, kind: str, path: Path) -> None:
        """Copy a picture to the job; the same one again changes nothing."""
        content = read_picture(path)
        digest = hashlib.sha256(content).hexdigest()
        if any(each["kind"] == kind and each["sha256"] == digest for each in self.data["files"]):
            return
        media = str(picture_media(content))
        name = f"{self.job_id}.{kind}.{digest[:12]}{_ENDINGS[media]}"
        write_private(self.folder / name, content)
        self.data["files"].append({"kind": kind, "name": name, "sha256": digest, "media": media})
        self.save()

    def set(self, **values: Any) -> None:
        """Change top-level values and save."""
        self.data.update(values)
        self.save()

    def set_job(self, **values: Any) -> None:
        """Change the job itself, as long as the registry cannot have applied it."""
        if all(self.data["job"][name] == value for name, value in values.items()):
            return
        if self.data.get("tried") or self.applied:
            raise FailedError("other_job", self.job_id)
        self.data["job"].update(values)
        self.data.pop("sha256", None)
        self.data["state"] = COLLECTING
        self.save()

    def sign_off(self) -> None:
        """All is collected: from now on the content is fixed."""
        self.data["state"] = SIGNED_OFF
        self.data["sha256"] = self._digest()
        self.save()

    def check(self) -> None:
        """Raise FailedError where a signed-off file is not what was signed off."""
        if "sha256" in self.data and self.data["sha256"] != self._digest():
            raise FailedError("damaged", f"{self.job_id}.json")

    def clear(self, state: str) -> None:
        """The registry has the evidence: what is personal is deleted here."""
        gone = [self.folder / each["name"] for each in self.data["files"]]
        self.data.pop("sha256", None)
        self.set(state=state, files=[], call_120=None, applied=True, refused=None)
        for path in gone:
            path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Give the job up: nothing of it stays."""
        for each in self.data["files"]:
            (self.folder / each["name"]).unlink(missing_ok=True)
        (self.folder / f"{self.job_id}.json").unlink(missing_ok=True)

    def save(self) -> None:
        """Write the file whole."""
        write_private(self.folder / f"{self.job_id}.json", json.dumps(self.data, ensure_ascii=False, indent=1).encode())

    def _digest(self) -> str:
        fixed = {name: value for name, value in self.data.items() if name not in _NOT_SIGNED}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def begin(folder: Path, kind: str, device_id: str, *, now: datetime, **more: Any) -> JobFile:
    """The job of this kind that is open for the terminal, or a new one with an id of its own."""
    for each in all_jobs(folder, []):  # a file that is broken stops nobody in a home: --list and --send name it
        if each.data["job"]["kind"] == kind and each.data["job"]["device_id"] == device_id and each.state != SENT:
            return each
    job = {
        "visit_id": str(uuid.uuid4()),
        "kind": kind,
        "device_id": device_id,
        "home_id": None,
        "old_device_id": None,
        "retire_old": False,
        "on": shanghai_day(now).isoformat(),
        "begun_at": now.isoformat(),
        "reason": None,
        "without_acceptance": None,
        "offline": False,
        **more,
    }
    # On the disk with the first thing that is worth keeping.
    return JobFile(folder, {"v": VERSION, "state": COLLECTING, "job": job, "files": [], "call_120": None})


def all_jobs(folder: Path, damaged: list[str]) -> list[JobFile]:
    """Every job of the folder, the earliest first; names of files that cannot be read are added to `damaged`."""
    found = []
    for path in folder.glob("*.json"):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            each = JobFile(folder, data)
            _ = each.job, each.state, each.call_120, data["files"]
        except (OSError, ValueError, KeyError, TypeError):
            damaged.append(path.name)
        else:
            found.append(each)
    return sorted(found, key=lambda each: (each.data["job"]["begun_at"], each.job_id))


def read_picture(path: Path) -> bytes:
    """The bytes of a JPEG or PNG within the limits."""
    try:
        if path.stat().st_size > PICTURE_BYTES_MAX:
            raise FailedError("bad_picture", path.name)
        content = path.read_bytes()
    except OSError:
        raise FailedError("bad_picture", path.name) from None
    if picture_media(content) is None:
        raise FailedError("bad_picture", path.name)
    return content


def write_private(path: Path, content: bytes) -> None:
    """Replace a file whole; nobody else can read it at any moment, and a power cut leaves the old one or the new."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # of a run that was cut off; its rights may be anybody's
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
