"""Jobs of this technician on disk: one JSON file each, its sealed pictures beside it, until the registry has all.

In: the bench folder and its keys. Out: files that only their owner reads, written whole or not at all, signed by this
bench at every change. Readable here are job, terminals, home's id, kind, day and state; people, words and pictures are
sealed to the registry and cannot be opened here. Once the registry has them they are deleted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloud.field import parcel
from cloud.field.models import PHOTO, SIGNATURE
from cloud.field.rules import PICTURE_BYTES_MAX, picture_media
from tools.install.texts import FailedError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tools.install.notebook import Notebook

VERSION = 1
# collecting -> signed_off (offline) -> sent; a refused one may be sent again, a waiting one lacks the press only,
# one that is aside was altered or is of a bench that does not count: it is kept, and nothing goes on with it.
COLLECTING, SIGNED_OFF, WAITING, REFUSED, SENT = "collecting", "signed_off", "waiting", "refused", "sent"
ASIDE = "aside"
TO_SEND = (SIGNED_OFF, WAITING, REFUSED)
OVER = (SENT, ASIDE)
FOLDER = "field"
_PICTURES, _HASH = (PHOTO, SIGNATURE), re.compile(r"[0-9a-f]{64}")


@dataclass
class JobFile:
    """One job. `data`: v, state, tried, applied, refused, pressed, delivered, and `content`, which is signed."""

    folder: Path
    data: dict[str, Any]
    notebook: Notebook | None = None  # None: to send, nothing can be changed

    @property
    def content(self) -> dict[str, Any]:
        """What is signed: v, bench, job, words, files, call_120, signed_off_at, sig."""
        found: dict[str, Any] = self.data["content"]
        return found

    @property
    def job_id(self) -> str:
        """The UUID that the registry knows it by."""
        return str(self.content["job"]["visit_id"])

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self.data["state"])

    @property
    def applied(self) -> bool:
        """Whether the registry said that it has applied the job; it may have without our hearing of it."""
        return bool(self.data.get("applied"))

    @property
    def job(self) -> parcel.Errand:
        """As much of it as is clear."""
        return parcel.errand(self.content["job"])

    @property
    def collected(self) -> bool:
        """Whether there is anything of a family here."""
        return bool(self.content["files"] or self.content["call_120"] or self.data.get("pressed"))

    def has(self, kind: str) -> bool:
        """Whether there is a picture of this kind."""
        return any(each["kind"] == kind for each in self.content["files"])

    def parcel(self) -> parcel.Parcel:
        """As it is sent: what is signed, and the pictures that are here."""
        blobs = {}
        for each in self.content["files"]:
            path = self._path(each)
            if path.exists():
                blobs[each["sha256"]] = path.read_bytes()
        return parcel.Parcel(self.content, blobs)

    def add_picture(self, kind: str, path: Path) -> None:
        """Seal a picture into the job; the same one again changes nothing."""
        plain = read_picture(path)
        digest = hashlib.sha256(plain).hexdigest()
        if any(each["kind"] == kind and each["plain"] == digest for each in self.content["files"]):
            return
        if len(self.content["files"]) >= parcel.FILES_MAX:
            raise FailedError("bad_picture", path.name)
        blob = parcel.seal(self._keys().registry_key, self.job_id, kind, plain)
        entry = {"kind": kind, "sha256": hashlib.sha256(blob).hexdigest(), "plain": digest}
        write_private(self._path(entry), blob)
        self._change(files=[*self.content["files"], entry])

    def set_call(self, call: dict[str, Any]) -> None:
        """Seal what was noted of the call to 120."""
        self._change(call_120=self._sealed(parcel.CALL, parcel.call_text(call)))

    def set_words(self, **words: str) -> None:
        """Seal who and why. What the registry may have read already stays as it was."""
        if self.data.get("tried") or self.applied:
            return
        sealed = {name: self._sealed(name, word.encode()) for name, word in words.items()}
        self._change(words={**self.content["words"], **sealed})

    def set(self, **values: Any) -> None:
        """Change how far the job is and save."""
        self.data.update(values)
        self.save()

    def set_job(self, **values: Any) -> None:
        """Change the job itself, as long as the registry cannot have applied it."""
        if all(self.content["job"][name] == value for name, value in values.items()):
            return
        if self.data.get("tried") or self.applied:
            raise FailedError("other_job", self.job_id)
        self.data["state"] = COLLECTING
        self._change(job={**self.content["job"], **values}, signed_off_at=None)

    def sign_off(self, now: datetime) -> None:
        """All is collected: from now on it may be sent."""
        self.data["state"] = SIGNED_OFF
        self._change(signed_off_at=now.isoformat())

    def whole(self) -> bool:
        """Whether it is as this notebook signed it last."""
        keys = self._keys()
        try:
            parcel.verify(self.content, keys.key.public_key().public_bytes_raw())
        except parcel.ParcelError:
            return False
        return bool(self.content["bench"] == keys.bench)

    def mend(self) -> None:
        """Forget pictures whose files are gone, so that they are taken again."""
        delivered = self.data.get("delivered", [])
        left = [each for each in self.content["files"] if each["sha256"] in delivered or self._path(each).exists()]
        if left != self.content["files"]:
            self._change(files=left)

    def delivered(self, missing: tuple[str, ...]) -> None:
        """The registry has all that was sent: pictures are deleted here, and with the last thing the words too."""
        files = self.content["files"]
        self.data.update(applied=True, refused=None, delivered=[each["sha256"] for each in files])
        if not missing:
            self.data["state"] = SENT
            self.content.update(files=[], call_120=None, words=dict.fromkeys(parcel.WORDS))
        elif missing == ("press",):
            self.data["state"] = WAITING
        self.save()
        for each in files:
            self._path(each).unlink(missing_ok=True)
        if self.state == SENT:
            self.sweep()

    def sweep(self) -> None:
        """Pictures of a job that is over, left by a run that was cut off."""
        for path in self.folder.glob(f"{self.job_id}.*"):
            if path != self.path:
                path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Give the job up: nothing of it stays."""
        self.sweep()
        self.path.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / f"{self.job_id}.json"

    def save(self) -> None:
        """Write the file whole."""
        write_private(self.path, json.dumps(self.data, ensure_ascii=False, indent=1).encode())

    def _path(self, entry: dict[str, Any]) -> Path:
        return self.folder / f"{self.job_id}.{entry['kind']}.{entry['sha256'][:16]}.sealed"

    def _keys(self) -> Notebook:
        if self.notebook is None:
            raise FailedError("no_bench")
        return self.notebook

    def _sealed(self, place: str, data: bytes) -> str:
        return base64.b64encode(parcel.seal(self._keys().registry_key, self.job_id, place, data)).decode()

    def _change(self, **values: Any) -> None:
        content = {**self.content, **values}
        self.data["content"] = {**content, "sig": parcel.signature(content, self._keys().key)}
        self.save()


def begin(
    folder: Path, notebook: Notebook, kind: str, device_id: str, *, now: datetime, actor: str, on: str
) -> JobFile:
    """The job of this kind that is open for the terminal, or a new one with an id of its own."""
    for each in all_jobs(folder, [], notebook):
        # One that is broken or altered stops nobody in a home: --list and --send name it.
        if (each.job.kind, each.job.device_id) == (kind, device_id) and each.state not in OVER and each.whole():
            each.mend()
            return each
    visit_id = str(uuid.uuid4())
    job = {
        "visit_id": visit_id,
        "kind": kind,
        "device_id": device_id,
        "home_id": None,
        "old_device_id": None,
        "retire_old": False,
        "on": on,
        "begun_at": now.isoformat(),
        "offline": False,
    }
    by = base64.b64encode(parcel.seal(notebook.registry_key, visit_id, "actor", actor.encode())).decode()
    content: dict[str, Any] = {
        "v": parcel.VERSION,
        "bench": notebook.bench,
        "job": job,
        "words": {**dict.fromkeys(parcel.WORDS), "actor": by},
        "files": [],
        "call_120": None,
        "signed_off_at": None,
    }
    content["sig"] = parcel.signature(content, notebook.key)
    # On the disk with the first thing that is worth keeping.
    return JobFile(folder, {"v": VERSION, "state": COLLECTING, "content": content}, notebook)


def all_jobs(folder: Path, damaged: list[str], notebook: Notebook | None = None) -> list[JobFile]:
    """Every job of the folder, the earliest first; names of files that cannot be read are added to `damaged`."""
    found = []
    for path in folder.glob("*.json"):
        try:
            each = JobFile(folder, json.loads(path.read_text(encoding="utf-8")), notebook)
            whole = each.path == path and bool(each.job and each.state) and _readable(each.content)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, parcel.ParcelError):
            whole = False
        if whole:
            found.append(each)
        else:
            damaged.append(path.name)
    return sorted(found, key=lambda each: (each.job.begun_at, each.job_id))


def _readable(content: dict[str, Any]) -> bool:
    """Whether its parts are there, and its pictures' names are names of pictures and no paths."""
    named = all(
        each["kind"] in _PICTURES and _HASH.fullmatch(each["sha256"]) and _HASH.fullmatch(each["plain"])
        for each in content["files"]
    )
    return named and {"bench", "call_120", "words"} <= content.keys()


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
    # Its name too: "kept" is said to a technician who then leaves the home.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def job_folder(bench: Path) -> Path:
    """The folder of this technician's jobs, readable by its owner only."""
    folder = bench / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
