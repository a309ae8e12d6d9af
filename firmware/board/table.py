"""What can be said of a board with an ESP32 and a SIM800, with the value that means "it has no such part".

In: nothing. Out: class attributes, GPIO numbers unless they say otherwise. Must never import anything: it is
read before all else, and by tests that have no machine.
"""


class Divider:
    """A voltage behind two resistors at an input of ADC1."""

    def __init__(self, pin: int, times: "tuple[int, int]") -> None:
        self.pin = pin
        self.times = times  # what the input shows is to be multiplied by the first and divided by the second


class Table:
    """One board."""

    name = ""
    model = ""  # what its registry entry says of the modem: sim800c, sim800l

    # The modem. Its UART is the chip's second one.
    modem_tx: int
    modem_rx: int
    pwrkey: int
    pwrkey_pressed = 1  # level that pulls PWRKEY low: 1 through a transistor; 0 is open drain, which never drives high
    supply: "int | None" = None  # load switch; high is on
    reset: "int | None" = None  # held released for ever: a supply that can be cut is the better reset
    status: "int | None" = None  # high while the module runs
    dtr: "int | None" = None  # low keeps the module awake
    ring: "int | None" = None  # low from an incoming call until it is answered or ends

    # The keys, open to high, closed to ground.
    keys: "tuple[tuple[str, int], ...]" = ()  # of codes.KEYS
    pulled: "tuple[int, ...]" = ()  # inputs that need the chip's own pull-up, because the board has none

    # Lamp and buzzer.
    lamp: int
    lamp_kind = "plain"  # plain: one colour, on is high; ws2812: data of one RGB diode
    buzzer: "int | None" = None  # without an oscillator of its own: it sounds as it is driven

    # Power.
    battery: "Divider | None" = None
    mains: "Divider | None" = None
    mains_mv = 4_000  # from here on it counts as mains: 5 V less the drop of a long cable
    boost: "tuple[int, int, int, int, int] | None" = None  # I2C: clock, data, address, register, value
