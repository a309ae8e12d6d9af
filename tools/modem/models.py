"""The modules of the series, as far as a driver can tell them apart. Plain data; it does nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """What a module prints on request, its last words, and whether it can speak (AT+CTTS, AT+CREC)."""

    name: str
    product: str  # AT+CGMM
    revision: str  # AT+GMR
    last_words: str  # when PWRKEY switches it off; AT+CPOWD says NORMAL POWER DOWN on all of them
    speaks: bool


SIM800C = Model("sim800c", "SIMCOM_SIM800C", "1418B05SIM800C24", "NORMAL POWER OFF", speaks=True)
SIM800L = Model("sim800l", "SIMCOM_SIM800L", "1418B05SIM800L24", "NORMAL POWER DOWN", speaks=False)
MODELS = {model.name: model for model in (SIM800C, SIM800L)}
