"""The AT engine: whose line is whose, who goes first, and what happens when nobody answers."""

from __future__ import annotations

import asyncio

import pytest

from firmware.modem.at import _QUEUE_MAX
from firmware.modem.command import CONTROL, DATA, EMERGENCY, ATError
from tests.firmware.modem.peer import Bench, settle


async def test_a_report_between_command_and_result_goes_to_its_handler(bench: Bench) -> None:
    """The reply holds only its own lines; the echo is nobody's."""
    reports: list[str] = []
    bench.at.on("+CREG:*", reports.append)
    bench.peer.answers["AT+CSQ"] = "AT+CSQ\r\r\n+CREG: 1\r\n\r\n+CSQ: 22,0\r\n\r\nOK\r\n"
    reply = await bench.at.command("AT+CSQ", 1.0, prefix="+CSQ:", needs=True)
    assert reply.lines == ["+CSQ: 22,0"]
    assert reports == ["+CREG: 1"]


async def test_bare_answers_with_and_without_a_result_are_understood(bench: Bench) -> None:
    """An IMEI is followed by OK, an address by nothing."""
    bench.peer.answers["AT+GSN"] = "\r\n860000000000017\r\n\r\nOK\r\n"
    assert (await bench.at.command("AT+GSN", 1.0, bare=str.isdigit)).lines == ["860000000000017"]
    bench.peer.answers["AT+CIFSR"] = "\r\n10.0.0.2\r\n"
    reply = await bench.at.command("AT+CIFSR", 1.0, bare=lambda line: line.count(".") == 3, bare_ends=True, ok=())
    assert reply.final == "10.0.0.2"


async def test_an_error_says_its_number(bench: Bench) -> None:
    """`+CME ERROR: 10` is no SIM, and the caller wants to know."""
    bench.peer.answers["AT+CPIN?"] = "\r\n+CME ERROR: 10\r\n"
    with pytest.raises(ATError) as caught:
        await bench.at.command("AT+CPIN?", 1.0)
    assert (caught.value.reason, caught.value.code()) == ("refused", 10)


async def test_a_payload_follows_the_prompt_and_raw_bytes_come_back(bench: Bench) -> None:
    """CIPSEND and CIPRXGET as the modem plays them."""
    bench.peer.answers["AT+CIPSEND=3"] = "\r\n> "
    task = asyncio.create_task(bench.at.command("AT+CIPSEND=3", 1.0, DATA, ok=("DATA ACCEPT:*",), payload=b"abc"))
    await settle(lambda: b"abc" in bench.peer.told)
    bench.peer.say("\r\nDATA ACCEPT:3\r\n")
    assert (await task).final == "DATA ACCEPT:3"
    bench.peer.answers["AT+CIPRXGET=2,10"] = "\r\n+CIPRXGET: 2,4,0\r\nOK\r\n\r\nOK\r\n"
    assert (await bench.at.command("AT+CIPRXGET=2,10", 1.0, DATA, prefix="+CIPRXGET: 2,")).data == b"OK\r\n"


async def test_a_refused_prompt_sends_no_payload(bench: Bench) -> None:
    """ERROR instead of `>`: the bytes would be taken for a command."""
    bench.peer.answers["AT+CIPSEND=3"] = "\r\nERROR\r\n"
    with pytest.raises(ATError):
        await bench.at.command("AT+CIPSEND=3", 1.0, DATA, payload=b"abc")
    assert b"abc" not in bench.peer.told


async def test_an_emergency_goes_before_everything_that_waits(bench: Bench) -> None:
    """Only the running command is ahead of it."""
    bench.peer.default = None
    tasks = [asyncio.create_task(bench.at.command("AT+CSQ", 5.0, CONTROL))]
    await settle(lambda: bench.peer.commands() == ["AT+CSQ"])
    tasks += [asyncio.create_task(bench.at.command(text, 5.0, DATA)) for text in ("AT+A", "AT+B")]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(bench.at.command("ATD1;", 5.0, EMERGENCY)))
    await asyncio.sleep(0)
    for _ in tasks:
        bench.peer.say("\r\nOK\r\n")
        await asyncio.sleep(0.02)  # the next command is sent before its result comes
    await asyncio.gather(*tasks)
    assert bench.peer.commands() == ["AT+CSQ", "ATD1;", "AT+A", "AT+B"]


async def test_the_line_is_silent_while_a_dial_waits_for_its_result(bench: Bench) -> None:
    """Any character would abort the set-up."""
    bench.peer.answers["ATD1;"] = None
    dial = asyncio.create_task(bench.at.command("ATD1;", 5.0, EMERGENCY))
    await settle(lambda: "ATD1;" in bench.peer.commands())
    other = asyncio.create_task(bench.at.command("ATH", 5.0, EMERGENCY))
    await asyncio.sleep(0.2)
    assert bench.peer.commands() == ["ATD1;"]
    bench.peer.say("\r\nOK\r\n")
    await asyncio.gather(dial, other)


async def test_a_hanging_data_command_gives_way_to_a_dial(bench: Bench) -> None:
    """Not its own long deadline but 300 ms is what a dial leaves it."""
    bench.peer.answers["AT+CIICR"] = None
    data = asyncio.create_task(bench.at.command("AT+CIICR", 85.0, DATA))
    await settle(lambda: "AT+CIICR" in bench.peer.commands())
    begun = asyncio.get_running_loop().time()
    await bench.at.command("ATD1;", 5.0, EMERGENCY)
    assert asyncio.get_running_loop().time() - begun < 1.0
    with pytest.raises(ATError):
        await data
    assert bench.peer.commands() == ["AT+CIICR", "AT", "ATD1;"]


async def test_a_late_result_is_not_taken_for_the_next_commands(bench: Bench) -> None:
    """After a time-out the engine finds the rhythm again before it goes on."""
    bench.peer.answers["AT+CSQ"] = None
    # The late result comes with the answer to the probe.
    bench.peer.answers["AT"] = "\r\n+CSQ: 1,0\r\n\r\nOK\r\n\r\nOK\r\n"
    with pytest.raises(ATError) as caught:
        await bench.at.command("AT+CSQ", 0.05, prefix="+CSQ:")
    assert caught.value.reason == "timeout"
    bench.peer.answers["AT+CBC"] = "\r\n+CBC: 0,95,4000\r\n\r\nOK\r\n"
    assert (await bench.at.command("AT+CBC", 1.0, prefix="+CBC:", needs=True)).lines == ["+CBC: 0,95,4000"]
    assert bench.at.counts["timeout"] == 1


async def test_an_answer_that_must_have_a_line_ignores_a_stale_ok(bench: Bench) -> None:
    """OK without the line belongs to somebody before."""
    bench.peer.answers["AT+CSQ"] = "\r\nOK\r\n\r\n+CSQ: 9,0\r\n\r\nOK\r\n"
    assert (await bench.at.command("AT+CSQ", 1.0, prefix="+CSQ:", needs=True)).lines == ["+CSQ: 9,0"]


async def test_a_stuck_prompt_is_left_by_escape(bench: Bench) -> None:
    """A modem that waits for text must not swallow commands."""
    bench.peer.answers["AT+CIPSEND=3"] = None
    with pytest.raises(ATError):
        await bench.at.command("AT+CIPSEND=3", 0.05, DATA, payload=b"abc")
    assert b"\x1b" in bench.peer.told


async def test_a_modem_that_answers_nothing_is_called_silent_until_it_does(bench: Bench) -> None:
    """Told once each way."""
    told: list[bool] = []
    bench.at.on_silent = told.append
    bench.peer.default = None
    bench.peer.answers["AT"] = None
    with pytest.raises(ATError):
        await bench.at.command("AT+CSQ", 0.05)
    await settle(lambda: told == [True], 6.0)
    with pytest.raises(ATError):
        await bench.at.command("AT+CSQ", 1.0)  # asked once, not sent into the void
    assert "AT+CSQ" not in bench.peer.commands()[1:]
    bench.peer.default = bench.peer.answers["AT"] = "\r\nOK\r\n"
    await bench.at.command("AT+CSQ", 1.0)
    await settle(lambda: told == [True, False])


async def test_a_dial_into_a_silent_modem_waits_until_it_answers(bench: Bench) -> None:
    """In the buffer of a busy modem it would be aborted by the next character."""
    bench.at.silent = True
    bench.peer.answers["AT"] = None
    dial = asyncio.create_task(bench.at.command("ATD1;", 10.0, EMERGENCY))
    await settle(lambda: bench.peer.commands() == ["AT", "AT"])
    bench.peer.answers["AT"] = "\r\nOK\r\n"
    await dial
    assert bench.peer.commands()[-1] == "ATD1;"


async def test_a_restart_of_the_modem_fails_what_runs_and_what_waits(bench: Bench) -> None:
    """The modem forgot them; their callers decide anew."""
    bench.peer.default = None
    bench.at.on("RDY", lambda line: bench.at.fail_all("reset"))
    tasks = [asyncio.create_task(bench.at.command(text, 5.0)) for text in ("AT+A", "AT+B")]
    await settle(lambda: bench.peer.commands() == ["AT+A"])
    bench.peer.say("\r\nRDY\r\n")
    for task in tasks:
        with pytest.raises(ATError) as caught:
            await task
        assert caught.value.reason == "reset"


async def test_a_full_queue_refuses_and_counts(bench: Bench) -> None:
    """A fault of ours must not eat the heap."""
    bench.peer.default = None
    tasks = [asyncio.create_task(bench.at.command("AT+X", 5.0))]
    await settle(lambda: bench.peer.commands() == ["AT+X"])
    tasks += [asyncio.create_task(bench.at.command("AT+X", 5.0)) for _ in range(_QUEUE_MAX)]
    await settle(lambda: len(bench.at._queue) == _QUEUE_MAX)
    with pytest.raises(ATError) as caught:
        await bench.at.command("AT+Y", 5.0)
    assert caught.value.reason == "full"
    assert bench.at.counts["full"] == 1
    bench.at.fail_all("reset")
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_handler_that_fails_does_not_end_the_reader(bench: Bench) -> None:
    """There is only one reader."""

    def fail(line: str) -> None:
        raise ValueError(line)

    bench.at.on("+CREG:*", fail)
    bench.peer.say("\r\n+CREG: 1\r\n")
    await bench.at.command("AT", 1.0)
    assert bench.at.reports.counts["handler"] == 1


async def test_a_full_queue_takes_a_dial(bench: Bench) -> None:
    """Whatever fills it."""
    bench.peer.default = None
    tasks = [asyncio.create_task(bench.at.command("AT+X", 5.0))]
    await settle(lambda: bench.peer.commands() == ["AT+X"])
    tasks += [asyncio.create_task(bench.at.command("AT+X", 5.0)) for _ in range(_QUEUE_MAX)]
    await settle(lambda: len(bench.at._queue) == _QUEUE_MAX)
    tasks.append(asyncio.create_task(bench.at.command("ATD1;", 5.0, EMERGENCY)))
    await settle(lambda: bench.at._queue[0].text == "ATD1;")
    bench.at.fail_all("reset")
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_dial_that_failed_while_the_modem_was_looked_for_is_not_sent(bench: Bench) -> None:
    """Its caller has been told that it failed: a call of which nobody knows must not begin."""
    bench.at.silent = True
    bench.peer.answers["AT"] = None
    dial = asyncio.create_task(bench.at.command("ATD1;", 10.0, EMERGENCY))
    await settle(lambda: "AT" in bench.peer.commands())
    bench.at.fail_all("reset")
    with pytest.raises(ATError) as caught:
        await asyncio.wait_for(dial, 0.5)
    assert caught.value.reason == "reset"
    bench.peer.answers["AT"] = "\r\nOK\r\n"
    await bench.at.command("AT", 1.0)
    assert "ATD1;" not in bench.peer.commands()


async def test_a_port_that_takes_nothing_is_a_silent_modem(bench: Bench) -> None:
    """The lamp must not say that a call can be made; when the port is back, so is the modem."""
    write = bench.peer.write

    async def gone(data: bytes) -> None:
        raise OSError

    bench.peer.write = gone  # type: ignore[method-assign]
    with pytest.raises(ATError):
        await bench.at.command("AT+CSQ", 1.0)
    assert bench.at.silent
    bench.peer.write = write  # type: ignore[method-assign]
    await bench.at.command("AT+CSQ", 1.0)
    assert not bench.at.silent
