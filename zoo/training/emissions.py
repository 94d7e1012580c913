"""How long training took and what energy it used, over all sessions of a run."""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer


@dataclass(frozen=True)
class Emissions:
    """What codecarbon measured.

    seconds: of training that the measurement covers.
    kwh: energy of processors, memory and accelerators of one machine, the first.
    kg_co2e: what producing it emitted; None where the country is not known.
    country: where it was used, or None.
    """

    seconds: float
    kwh: float
    kg_co2e: float | None
    country: str | None

    def __add__(self, other: "Emissions") -> "Emissions":
        both = None if self.kg_co2e is None or other.kg_co2e is None else self.kg_co2e + other.kg_co2e
        places = dict.fromkeys(place for place in (self.country, other.country) if place)
        return Emissions(self.seconds + other.seconds, self.kwh + other.kwh, both, " and ".join(places) or None)


class Meter(Callback):
    """Counts seconds, and energy where codecarbon is installed (`sign-zoo[carbon]`).

    Its state travels with the checkpoints, so a run that was killed counts up to its last one. codecarbon takes over a
    second to start: a session starts it in the background, and not before it has lasted `AFTER` seconds.
    """

    AFTER: ClassVar[float] = 30.0

    def __init__(self) -> None:
        self.seconds_before = 0.0
        self.emissions_before: Emissions | None = None
        self.began: float | None = None
        self.energy: EnergyMeter | None = None

    def record(self) -> dict[str, Any]:
        """What provenance.json keeps: `seconds` of training and, where they were measured, `emissions`."""
        now = self.energy.read() if self.energy else None
        before = self.emissions_before
        total = before + now if before and now else before or now
        running = 0.0 if self.began is None else time.monotonic() - self.began
        seconds = round(self.seconds_before + running, 3)
        return {"seconds": seconds, "emissions": asdict(total)} if total else {"seconds": seconds}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.began = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.energy is None and self.began is not None and trainer.is_global_zero:
            self.energy = EnergyMeter() if time.monotonic() - self.began >= self.AFTER else None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_exception(self, *_: Any) -> None:
        self._stop()

    def state_dict(self) -> dict[str, Any]:
        return self.record()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds_before = state_dict["seconds"]
        measured = state_dict.get("emissions")
        self.emissions_before = Emissions(**measured) if measured else None

    def _stop(self) -> None:
        if self.energy:
            self.energy.stop()
        self.load_state_dict(self.record())
        self.began, self.energy = None, None


class EnergyMeter:
    """codecarbon, offline, quiet and in the background: what goes wrong in it leaves training alone.

    In which country this machine stands is for codecarbon's own configuration to say (`country_iso_code` in
    `.codecarbon.config`, or $CODECARBON_COUNTRY_ISO_CODE). It writes nothing, and asks nobody whom this
    configuration does not name.
    """

    def __init__(self) -> None:
        self.tracker: Any = None
        self.total: Any = None
        self.starting = threading.Thread(target=self._start, daemon=True)
        self.starting.start()

    def read(self) -> Emissions | None:
        """What was used until now; None while there is nothing to read, as without codecarbon."""
        if self.tracker is not None:
            with suppress(Exception):
                self.tracker.flush()  # ends in `out`
        if self.total is None:
            return None
        country = self.total.country_name or None
        kilograms = float(self.total.emissions) if country else None
        return Emissions(float(self.total.duration), float(self.total.energy_consumed), kilograms, country)

    def stop(self) -> None:
        """End the measurement; `read` goes on saying what it was."""
        self.starting.join()
        if self.tracker is not None:
            with suppress(Exception):
                self.tracker.stop()
            self.tracker = None

    def out(self, total: Any, delta: Any) -> None:
        """codecarbon's: it takes this object for one of its outputs."""
        self.total = total

    def live_out(self, total: Any, delta: Any) -> None:
        """codecarbon's, at each of its measurements."""

    def exit(self) -> None:
        """codecarbon's, at the end."""

    def _start(self) -> None:
        with suppress(Exception):  # not installed, or of no use on this machine
            from codecarbon import OfflineEmissionsTracker

            logging.getLogger("codecarbon").setLevel(logging.CRITICAL)  # it speaks before it heeds its log_level
            tracker = OfflineEmissionsTracker(output_methods=[], output_handlers=[self], log_level="critical")
            tracker.start()
            self.tracker = tracker
