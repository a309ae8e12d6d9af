"""The drawing table: parts are put on it with their nets, and SKiDL holds the circuit and checks it.

In: calls of the circuit's sheets. Out: a netlist, and what SKiDL's electrical rule check has to say.
Must never write a file: SKiDL opens its logs where the program was started, so it is started elsewhere and silenced.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from pathlib import Path

from tools.hardware.netlist import Netlist, Piece, Pin
from tools.hardware.parts import FREE, KINDS, Kind, passive

with (
    tempfile.TemporaryDirectory() as _folder,
    contextlib.redirect_stderr(io.StringIO()),
    contextlib.redirect_stdout(io.StringIO()),
    warnings.catch_warnings(),
):
    # It logs into the current folder, and misses KiCad's libraries, of which nothing here is used.
    warnings.simplefilter("ignore")
    _here = Path.cwd()
    os.chdir(_folder)
    try:
        import skidl
        from skidl.pin import pin_types

        skidl.logger.stop_log_file_output()
    finally:
        os.chdir(_here)


class _Ear(logging.Handler):
    """Keeps what is logged at level warning or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """One message."""
        self.heard.append(record.getMessage())


class Sheet:
    """One circuit. `part` takes nets by the name of a pin: all pins of that name go there; None leaves them open."""

    def __init__(self) -> None:
        self.circuit = skidl.Circuit()
        self.circuit.no_files = True
        self.name = ""
        self._nets: dict[str, skidl.Net] = {}
        self._pieces: dict[str, Piece] = {}
        self._pins: dict[str, list[Pin]] = {}
        self._count: dict[str, int] = {}

    def net(self, name: str) -> skidl.Net:
        """The net of that name."""
        if name not in self._nets:
            self._nets[name] = skidl.Net(name, circuit=self.circuit)
        return self._nets[name]

    def supplied(self, *names: str) -> None:
        """These nets are driven by something that is no part of the drawing, or through a passive part."""
        for name in names:
            self.net(name).drive = skidl.POWER

    def part(self, name: str, nets: dict[str, str | None], *, fitted: bool = True) -> str:
        """Put a part of the catalogue down. ValueError if a pin was forgotten. Returns its reference."""
        return self._put(KINDS[name], KINDS[name].mpn, nets, fitted)

    def r(self, value: str, one: str, other: str) -> str:
        """A resistor."""
        return self._put(passive("R", value), value, {"A": one, "B": other}, fitted=True)

    def c(self, value: str, one: str, other: str = "GND", *, fitted: bool = True) -> str:
        """A capacitor."""
        return self._put(passive("C", value), value, {"A": one, "B": other}, fitted)

    def _put(self, kind: Kind, value: str, nets: dict[str, str | None], fitted: bool) -> str:
        named = {name for _, name, kind_ in kind.pins if kind_ != FREE}
        if named != set(nets):
            raise ValueError(f"{kind.name}: {sorted(named ^ set(nets))}")
        self._count[kind.prefix] = self._count.get(kind.prefix, 0) + 1
        ref = f"{kind.prefix}{self._count[kind.prefix]}"
        pins = [skidl.Pin(num=n, name=name, func=getattr(pin_types, type_)) for n, name, type_ in kind.pins]
        template = skidl.Part(name=kind.name, tool=skidl.SKIDL, dest=skidl.TEMPLATE, pins=pins, ref_prefix=kind.prefix)
        drawn = template(circuit=self.circuit, ref=ref, value=value, footprint=kind.package)
        for n, name, type_ in kind.pins:
            net = None if type_ == FREE else nets[name]
            if net is None:
                self.circuit.NC += drawn[n]
            else:
                self.net(net).connect(drawn[n])
                self._pins.setdefault(net, []).append(Pin(ref, n, name, type_))
        self._pieces[ref] = Piece(ref, kind, value, self.name, fitted)
        return ref

    def erc(self) -> list[str]:
        """What SKiDL's rule check finds: no line if all is well."""
        ear = _Ear()
        skidl.logger.erc_logger.addHandler(ear)
        try:
            self.circuit.ERC()
        finally:
            logging.Logger.removeHandler(skidl.logger.erc_logger, ear)
        return sorted(ear.heard)

    def netlist(self) -> Netlist:
        """What was drawn, read back from SKiDL: it holds every contact that was asked for, and no other."""
        held = {
            (pin.part.ref, pin.num): net.name
            for net in self.circuit.get_nets() if net.name in self._nets for pin in net.pins
        }  # fmt: skip
        asked = {(pin.ref, pin.number): net for net, pins in self._pins.items() for pin in pins}
        if held != asked:
            raise ValueError(f"SKiDL merged or lost nets: {sorted(set(held.items()) ^ set(asked.items()))[:4]}")
        return Netlist(dict(self._pieces), {net: tuple(pins) for net, pins in self._pins.items()})
