"""Power, boot, registration, the network's clock, identity."""

from __future__ import annotations

from tests.tools.modem.bench import Bench

BOOT = b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nCall Ready\r\n\r\nSMS Ready\r\n"


def test_the_boot_lines_come_in_their_order_and_nothing_is_heard_before_them() -> None:
    """Pins the order, and that a driver which sends too early is not answered."""
    bench = Bench(boot=False)
    bench.modem.power_on()
    bench.sleep(2)
    assert bench.send("AT") == b""
    assert bench.modem.dropped["rx_deaf"] == 3
    assert bench.after(8) == BOOT
    assert bench.names() == ["power", "registered", "ready"]


def test_speed_divides_the_delays_of_the_modem() -> None:
    """Pins that a demonstration need not wait for a boot."""
    bench = Bench(boot=False)
    bench.modem.speed = 100.0
    bench.modem.power_on()
    assert bench.after(0.1) == BOOT


def test_a_reset_in_the_middle_forgets_everything_and_boots_again() -> None:
    """Pins what a brownout looks like: RDY without a question, call and connection gone, echo back."""
    bench = Bench()
    bench.connect()
    bench.send("AT+CLIP=1")
    bench.control("number 01055500001 answer after=1")
    bench.send("ATD01055500001;", 10)
    assert bench.control("power cycle") == "ok"
    assert bench.after(20) == BOOT
    assert bench.pipes[0].gone
    assert bench.send("AT+CLCC") == b"AT+CLCC\r\r\nOK\r\n"
    assert bench.send("AT+CLIP?") == b"AT+CLIP?\r\r\n+CLIP: 0\r\n\r\nOK\r\n"
    assert bench.modem.network.calls[0].cause == "power"
    assert "data_lost" in bench.names()


def test_a_profile_that_was_saved_survives_a_reset_and_the_rest_does_not() -> None:
    """Pins the three kinds of memory."""
    bench = Bench()
    bench.send("AT+CMEE=1;+CREG=2;&W;+CMEE=2;+CLIP=1;+CLVL=90")
    assert bench.send("AT+CFUN=1,1", 0.1) == b"\r\nOK\r\n"
    bench.sleep(20)
    bench.out()
    answer = bench.send("AT+CMEE?;+CLIP?;+CLVL?")
    assert answer == b"\r\n+CMEE: 1\r\n\r\n+CLIP: 0\r\n\r\n+CLVL: 90\r\n\r\nOK\r\n"


def test_registration_is_reported_in_the_two_formats_of_its_unsolicited_line() -> None:
    """Pins: the answer carries <n>, the unsolicited line does not; n=2 adds the cell."""
    bench = Bench()
    assert bench.send("AT+CREG=1;+CGREG=1") == b"\r\nOK\r\n"
    bench.control("registration off")
    assert bench.out() == b"\r\n+CREG: 2\r\n\r\n+CGREG: 2\r\n"
    assert bench.send("AT+CREG?") == b"\r\n+CREG: 1,2\r\n\r\nOK\r\n"
    assert bench.send("AT+CSQ") == b"\r\n+CSQ: 99,0\r\n\r\nOK\r\n"
    bench.control("registration denied")
    assert bench.out() == b"\r\n+CREG: 3\r\n\r\n+CGREG: 3\r\n"
    bench.send("AT+CREG=2;+CGREG=0")
    bench.control("registration on")
    assert bench.after(10) == b'\r\n+CREG: 2\r\n\r\n+CREG: 1,"10A1","2B02"\r\n'
    assert bench.send("AT+CREG?") == b'\r\n+CREG: 2,1,"10A1","2B02"\r\n\r\nOK\r\n'


def test_the_clock_is_worthless_until_the_network_has_sent_the_time() -> None:
    """Pins the factory year, the unsolicited lines, and local time with +32 from then on."""
    bench = Bench()
    assert bench.send("AT+CCLK?") == b'\r\n+CCLK: "04/01/01,00:00:30+00"\r\n\r\nOK\r\n'
    assert bench.send("AT+CLTS=1;&W") == b"\r\nOK\r\n"
    assert bench.control("nitz now") == "ok"
    assert bench.out() == (
        b'\r\n*PSNWID: "460","00","CHINA MOBILE",0,"CMCC",0\r\n'
        b'\r\n*PSUTTZ: 2030,3,18,8,0,30,"+32",0\r\n'
        b"\r\nDST: 0\r\n"
        b'\r\n+CTZV: "+32"\r\n'
    )
    assert bench.send("AT+CCLK?") == b'\r\n+CCLK: "30/03/18,16:00:30+32"\r\n\r\nOK\r\n'


def test_the_time_comes_by_itself_at_a_registration_after_clts() -> None:
    """Pins that AT+CLTS=1 takes effect at the next registration, and that a network may send no time."""
    bench = Bench()
    bench.send("AT+CLTS=1;&W")
    bench.control("nitz off")
    assert bench.send("AT+CFUN=0", 5) == b"\r\nOK\r\n\r\n+CPIN: NOT READY\r\n"
    assert b"PSUTTZ" not in bench.send("AT+CFUN=1", 10)
    bench.control("nitz on")
    bench.send("AT+CFUN=0", 5)
    assert b"*PSUTTZ: 2030,3,18,8," in bench.send("AT+CFUN=1", 10)


def test_without_a_sim_the_module_says_so_in_every_way_it_can() -> None:
    """Pins the boot line, the error in its three forms, and that the card can come back."""
    bench = Bench()
    bench.control("sim out")
    assert bench.out() == b"\r\n+CPIN: NOT INSERTED\r\n"
    assert bench.send("AT+CPIN?") == b"\r\nERROR\r\n"
    assert bench.send("AT+CMEE=1;+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    assert bench.send("AT+CMEE=2;+CCID") == b"\r\n+CME ERROR: SIM not inserted\r\n"
    assert bench.send("AT+CREG?") == b"\r\n+CREG: 0,0\r\n\r\nOK\r\n"
    bench.control("power cycle")
    assert bench.after(20) == b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: NOT INSERTED\r\n"
    bench.control("sim in")
    assert bench.after(10) == b"\r\n+CPIN: READY\r\n"
    assert bench.modem.radio.registered


def test_identity_and_supply_are_bare_lines_as_printed_by_the_module() -> None:
    """Pins the formats that drivers parse."""
    bench = Bench()
    assert bench.send("AT+GSN") == b"\r\n860000000000017\r\n\r\nOK\r\n"
    assert bench.send("AT+CIMI") == b"\r\n460040000000001\r\n\r\nOK\r\n"
    assert bench.send("AT+CCID") == b"\r\n89860400000000000001\r\n\r\nOK\r\n"
    assert bench.send("AT+GMR") == b"\r\nRevision:1418B05SIM800C24\r\n\r\nOK\r\n"
    assert bench.send("AT+CBC") == b"\r\n+CBC: 0,95,4000\r\n\r\nOK\r\n"
    assert bench.send("AT+CPIN?") == b"\r\n+CPIN: READY\r\n\r\nOK\r\n"
    bench.control("battery 3450 7")
    bench.control("csq 5")
    assert bench.send("AT+CBC;+CSQ") == b"\r\n+CBC: 0,7,3450\r\n\r\n+CSQ: 5,0\r\n\r\nOK\r\n"


def test_a_supply_that_breaks_down_is_announced_in_the_modules_own_spelling() -> None:
    """Pins the warning, the last words, and the orderly end."""
    bench = Bench()
    bench.control("undervoltage")
    assert bench.out() == b"\r\nUNDER-VOLTAGE WARNNING\r\n"
    bench.control("undervoltage down")
    assert bench.out() == b"\r\nUNDER-VOLTAGE POWER DOWN\r\n"
    assert bench.send("AT") == b""
    bench.control("power on")
    bench.sleep(30)
    bench.out()
    assert bench.send("AT+CPOWD=1", 10) == b"AT+CPOWD=1\r\r\nNORMAL POWER DOWN\r\n"
    assert not bench.modem.powered


def test_a_silent_modem_says_nothing_and_hears_nothing() -> None:
    """Pins the hang that only a power cycle cures in the field."""
    bench = Bench()
    bench.control("silence on")
    bench.control("undervoltage")
    assert bench.send("AT", 10) == b""
    bench.control("silence off")
    assert bench.send("AT") == b"\r\nOK\r\n"
    assert bench.modem.dropped["tx_silent"] > 0
