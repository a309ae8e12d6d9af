"""Both Pythons make the same bytes of a message, and give the same reason for refusing one."""

from __future__ import annotations

import random

from tests.micropython import unix
from tests.micropython.verdicts import verdict
from tests.protocol.vector_files import lines

MUTATIONS = 4000
SPLICES = [
    b"",
    b"0",
    b'"',
    b",",
    b"{",
    b"[[",
    b"}",
    b"\\",
    b"\\u",
    b"1e3",
    b"null",
    b"-",
    b".",
    b" ",
    b"\x00",
    b"\xc0",
    b"\xed\xa0\x80",
]


def mutations(seed: int) -> list[str]:
    """Vectors with a few bytes cut, put in or changed, as lines for `verdicts.py`."""
    draw = random.Random(seed)
    vectors = [line for name in ("good.jsonl", "bad.jsonl") for line in lines(name) if line["kind"].isalpha()]
    out = []
    for _ in range(MUTATIONS):
        line = draw.choice(vectors)
        payload = line["bytes"]
        for _ in range(draw.randint(0, 2)):
            at = draw.randrange(len(payload) + 1)
            put = draw.choice([*SPLICES, draw.randbytes(1)])
            payload = payload[:at] + put + payload[at + draw.randint(0, 3) :]
        out.append(f"{line['direction']} {line['kind']} {payload.hex()}")
    return out


def test_both_pythons_give_the_same_verdict_on_mutated_messages() -> None:
    """The same seed each time: a difference is a bug to fix, not a flicker."""
    given = mutations(20)
    done = unix.run("verdicts.py", stdin="\n".join(given) + "\n")
    assert done.returncode == 0, done.stderr
    there = done.stdout.splitlines()
    here = [verdict(line) for line in given]
    assert [(line, a, b) for line, a, b in zip(given, here, there, strict=True) if a != b] == []
    reasons = {words.split()[1] for words in here if words.startswith("refused")}
    assert reasons >= {"text", "json", "shape", "version", "missing", "type", "range", "value", "size"}
    assert any(set(words) <= set("0123456789abcdef") for words in here)
