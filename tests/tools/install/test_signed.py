"""A job on its way: whoever alters or forges one is found out, and whoever steals the notebook reads nobody's home."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import clock
from cloud.field import parcel
from cloud.sealed import Box, SealBroken
from cloud.stock import actions as stock
from tests.cloud.field import world
from tests.cloud.field.world import JPEG, NEW, OLD, PNG
from tests.tools.install.bench import Field
from tools.install import jobs, notebook
from tools.install.texts import FAILURES

if TYPE_CHECKING:
    from cloud.db import Conn

SECRET = ("王淑兰", "1号楼", "13700000001", "急救中心调度科", "李师傅", "女儿不在家", "测试台停电")


KEYS = notebook.Notebook("T01", Ed25519PrivateKey.from_private_bytes(b"\x21" * 32), world.BOX.public_key())


def written(tmp_path: Path) -> tuple[Path, parcel.Opened]:
    """A signed job with a picture, and what is in it."""
    folder = tmp_path / "jobs"
    if not folder.exists():
        folder.mkdir()
        (tmp_path / "p.jpg").write_bytes(JPEG)
        job = jobs.begin(folder, KEYS, "retire", NEW, now=world.NOW, actor="li", on=world.TODAY.isoformat())
        job.set_words(reason="broken")
        job.add_picture("photo", tmp_path / "p.jpg")
    path = next(folder.glob("*.json"))
    content = json.loads(path.read_text())["content"]
    return path, parcel.open_parcel(jobs.JobFile(folder, {"content": content}).parcel(), world.BOX)


def collect(field: Field, home: uuid.UUID, *more: str) -> Path:
    """An installation, done without a network; its file."""
    words = (NEW, "--home", str(home), "--offline", *field.answers, *more)
    field.answer("install", *words, typed="y\n")
    return next(each for each in field.kept() if each.suffix == ".json")


def changed(path: Path, **content: Any) -> None:
    """Somebody edits the content of a job."""
    data = json.loads(path.read_text())
    data["content"] |= content
    path.write_text(json.dumps(data))


def refused(field: Field, code: str) -> None:
    """Sending says so by a code of its own; nothing was applied; the job is kept, and nothing goes on with it."""
    before = field.do(world.counts)
    result = field.onekey("install", "--send", "--json")
    assert result.exit_code == FAILURES[code][0], result.output
    assert json.loads(result.stdout)["jobs"][0]["failed"] == code
    assert field.do(world.counts) == before
    kept = field.rows("select content, code from field_refused")
    assert [each[1] for each in kept] == [code]
    (job,) = field.answer("install", "--list")["jobs"]
    assert (job["state"], job["refused"]) == (jobs.ASIDE, code)
    assert field.answer("install", "--send") == {"jobs": [], "left": 0}


def test_a_notebook_that_is_searched_holds_no_picture_name_or_address(field: Field, home: uuid.UUID) -> None:
    """Neither while a visit is collected, nor when it waits, nor when it is sent; ids, day and state are clear."""
    path = collect(field, home, "--without-acceptance", "测试台停电", "--by", "李师傅", "--note", "女儿不在家")
    field.onekey("remove", OLD, "--reason", "deceased", "--by", "李师傅", "--offline")
    everything = b"".join(each.read_bytes() for each in (field.folder / "bench").rglob("*") if each.is_file())
    for picture in (JPEG, PNG):
        assert picture[8:40] not in everything
        assert base64.b64encode(picture[9:39]) not in everything
    for secret in (*SECRET, "deceased"):
        assert secret.encode() not in everything
        assert json.dumps(secret)[1:-1].encode() not in everything
        assert base64.b64encode(secret.encode())[:-4] not in everything
    assert all(each.stat().st_mode & 0o177 == 0 for each in field.kept())
    assert {each.suffix for each in field.kept()} == {".json", ".sealed"}
    shown = {each["kind"]: each for each in field.answer("install", "--list")["jobs"]}
    assert (shown["install"]["job"], shown["install"]["device_id"]) == (path.stem, NEW)
    assert shown["install"]["state"] == jobs.SIGNED_OFF
    assert not any(secret in path.read_text() for secret in SECRET)


def test_the_key_of_the_notebook_opens_nothing(field: Field, home: uuid.UUID) -> None:
    """Only the registry's own key does, and each part only in its own place."""
    path = collect(field, home)
    sent = jobs.JobFile(path.parent, json.loads(path.read_text())).parcel()
    keys = notebook.load(field.folder / "bench")
    with pytest.raises(SealBroken):
        parcel.open_parcel(sent, Box(keys.key.private_bytes_raw()))
    found = parcel.open_parcel(sent, world.BOX)
    assert [each.content for each in found.pictures] == [JPEG, PNG]
    assert (found.job.actor, found.job.home_id) == ("li", home)
    words = {**sent.content["words"], "reason": sent.content["words"]["actor"]}
    with pytest.raises(SealBroken):
        parcel.open_parcel(parcel.Parcel({**sent.content, "words": words}, sent.pictures), world.BOX)


def test_what_the_registry_got_is_what_was_taken_and_who_signed_is_known(field: Field, home: uuid.UUID) -> None:
    """The pictures byte for byte, the technician's words, the bench."""
    collect(field, home, "--without-acceptance", "测试台停电")
    field.pressed()
    assert field.answer("install", "--send")["jobs"][0]["finished"]
    assert field.rows("select bench, actor, without_acceptance from field_visit") == [("T01", "li", "测试台停电")]
    stored = {world.BOX.open_bytes(row[0]) for row in field.rows("select content_sealed from field_file")}
    assert stored == {JPEG, PNG}
    assert world.BOX.open(field.rows("select agreed_sealed from field_call_120")[0][0]) == "急救中心调度科"


@pytest.mark.parametrize(
    "name", ["bench", "job", "words", "call_120", "files", "signed_off_at", "sig", "no sig", "another field"]
)
def test_a_job_that_was_altered_anywhere_is_refused_explained_and_kept_aside(
    field: Field, home: uuid.UUID, name: str
) -> None:
    """Every part of it is signed; the home can be visited again, and the job of it is a new one."""
    path = collect(field, home)
    field.pressed()
    content = json.loads(path.read_text())["content"]
    field.signs("T02", folder=field.folder / "other")
    other = str(field.do(lambda conn: world.a_home(conn, tail=2)))
    altered: dict[str, Any] = {
        "bench": {"bench": "T02"},
        "job": {"job": {**content["job"], "home_id": other}},
        "words": {"words": {**content["words"], "without_acceptance": content["words"]["actor"]}},
        "call_120": {"call_120": None},
        "files": {"files": content["files"][:1]},
        "signed_off_at": {"signed_off_at": "2026-01-01T00:00:00+00:00"},
        "sig": {"sig": base64.b64encode(bytes(64)).decode()},
        "no sig": {"sig": None},
        "another field": {"more": 1},
    }
    changed(path, **altered[name])
    refused(field, "forged")
    collect(field, home)
    assert field.answer("install", "--send")["jobs"][0]["home"] == str(home)


def test_a_picture_that_was_altered_or_exchanged_is_refused_before_anything_is_applied(
    field: Field, home: uuid.UUID
) -> None:
    """One bit of what is sealed."""
    collect(field, home)
    picture = next(each for each in field.kept() if ".photo." in each.name)
    blob = bytearray(picture.read_bytes())
    blob[len(blob) // 2] ^= 1
    picture.write_bytes(blob)
    refused(field, "forged")


def test_a_picture_whose_file_is_gone_is_asked_for_again(field: Field, home: uuid.UUID) -> None:
    """Nothing was applied; the same command takes it once more."""
    collect(field, home)
    field.pressed()
    next(each for each in field.kept() if ".photo." in each.name).unlink()
    assert field.onekey("install", "--send").exit_code == FAILURES["incomplete"][0]
    assert field.rows("select from field_visit") == []
    collect(field, home)
    assert field.answer("install", "--send")["jobs"][0]["finished"]


def test_a_job_of_an_unknown_or_closed_bench_or_for_another_registry_is_kept_aside(
    field: Field, home: uuid.UUID
) -> None:
    """A stolen notebook is closed at the office, and nothing that it says counts from then on."""
    path = collect(field, home)
    kept = path.read_text()
    field.do(lambda conn: stock.close_bench(conn, "T01", clock.now()))
    refused(field, "bench_closed")
    field.rows("update bench set closed_at = null returning 1")
    field.rows("delete from field_refused returning 1")
    path.write_text(kept)
    field.env.setenv("OKC_DATA_KEY", "5f" * 32)
    refused(field, "sealed_elsewhere")
    field.rows("delete from field_refused returning 1")
    path.write_text(kept)
    changed(path, bench="T99")
    refused(field, "unknown_bench")


def test_one_bench_does_not_speak_for_another(field: Field, home: uuid.UUID) -> None:
    """T02 signs with its own key what T01 has done: as itself, and as T01."""
    path = collect(field, home)
    assert field.answer("install", "--send")["left"] == 1
    forger = field.signs("T02", folder=field.folder / "other")
    content = json.loads(path.read_text())["content"]
    for name in ("T02", "T01"):
        made = {**content, "bench": name}
        changed(path, **{**made, "sig": parcel.signature(made, forger)})
        data = json.loads(path.read_text())
        path.write_text(json.dumps({**data, "state": jobs.SIGNED_OFF}))
        field.rows("with gone as (delete from field_refused) select 1")
        refused(field, "forged")


def test_a_job_sent_again_from_a_copy_of_the_notebook_is_one_visit(field: Field, home: uuid.UUID) -> None:
    """As it was before the first sending, pictures and all: the registry knows it."""
    collect(field, home)
    field.pressed()
    copy = field.folder / "copy"
    shutil.copytree(field.folder / "bench", copy)
    assert field.answer("install", "--send")["jobs"][0]["finished"]
    before = field.do(world.counts)
    shutil.rmtree(field.folder / "bench")
    shutil.copytree(copy, field.folder / "bench")
    assert field.answer("install", "--send")["jobs"][0]["finished"]
    assert field.do(world.counts) == before


def test_a_folder_of_jobs_can_be_sent_where_no_bench_key_is(field: Field, home: uuid.UUID) -> None:
    """At the office, from a stick: who sends signs nothing."""
    collect(field, home)
    (field.folder / "bench" / "bench.key").unlink()
    assert field.answer("install", "--send")["jobs"][0]["missing"] == ["press"]
    field.pressed()
    assert field.answer("install", "--send")["jobs"][0]["finished"]


def test_a_notebook_without_a_bench_key_is_told_what_to_load(field: Field, home: uuid.UUID) -> None:
    """Before the elder is asked for anything."""
    (field.folder / "bench" / "bench.key").unlink()
    result = field.onekey("install", NEW, "--home", str(home), "--offline", *field.answers)
    assert result.exit_code == FAILURES["no_bench"][0]
    assert "--reservation" in result.stderr
    assert field.kept() == []


def test_an_altered_job_that_is_not_finished_is_not_gone_on_with(field: Field, home: uuid.UUID) -> None:
    """Its home was exchanged while it lay there: a new one is begun, and never signed for the other home."""
    field.onekey("install", NEW, "--home", str(home), "--offline", *field.answers, typed="n\n")
    (path,) = field.kept()
    content = json.loads(path.read_text())["content"]
    changed(path, job={**content["job"], "home_id": str(uuid.uuid4())})
    collect(field, home)
    field.pressed()
    assert [job.get("home") for job in field.answer("install", "--send")["jobs"]] == [str(home)]


def test_the_reservation_of_the_registry_brings_its_key(field: Field) -> None:
    """What the office makes, and what the notebook seals with, belong together."""

    async def work(conn: Conn) -> Any:
        return await stock.reserve(conn, world.BOX, "T07", "XC", 1, hotline=("坐席", "01055500009"), now=clock.now())

    made = field.do(work)
    blob = parcel.seal(bytes.fromhex(made["registry_key"]), str(uuid.uuid4()), "actor", "李师傅".encode())
    assert "李师傅".encode() not in blob
    assert bytes.fromhex(made["registry_key"]) == world.BOX.public_key()


def test_names_in_an_altered_file_are_never_paths(field: Field, home: uuid.UUID, tmp_path: Path) -> None:
    """Nothing outside the folder is read or deleted."""
    path = collect(field, home)
    (tmp_path / "precious.sealed").write_text("x")
    files = json.loads(path.read_text())["content"]["files"]
    changed(path, files=[{**files[0], "kind": "/../../../precious"}])
    assert field.onekey("install", "--send").exit_code == FAILURES["damaged"][0]
    assert (tmp_path / "precious.sealed").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_single_bit_of_a_file_changes_what_is_believed(tmp_path: Path, where: float, bit: int) -> None:
    """Content or picture: it is the same job, or it is none."""
    path, original = written(tmp_path)
    for file in sorted(tmp_path.glob("jobs/*")):
        raw = bytearray(file.read_bytes())
        raw[int(where * len(raw))] ^= 1 << bit
        kept = file.read_bytes()
        file.write_bytes(raw)
        try:
            content = json.loads(path.read_text())["content"]
            sent = jobs.JobFile(path.parent, {"content": content}).parcel()
            parcel.verify(content, KEYS.key.public_key().public_bytes_raw())
            found = parcel.open_parcel(sent, world.BOX)
        except (ValueError, KeyError, TypeError, AttributeError, parcel.ParcelError, SealBroken):
            pass
        else:
            assert found == original
        file.write_bytes(kept)
