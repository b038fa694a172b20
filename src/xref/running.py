"""The loops of long-running participants: read, handle, publish, have the heads countersigned.

A loop ends at a signal, between two batches. What the world refuses is tried again with a pause;
evidence ends the process, for a person to look at.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, Protocol

import structlog

from xref.desk.desk import Desk
from xref.errors import ConfigError, UnavailableError
from xref.hop import Hop
from xref.ports import Transport
from xref.witnessing import WitnessClient, witness_heads

_READ_LIMIT: Final = 64
_PIPE_BYTES: Final = 4096
_WAIT_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_TICK_MS: Final = 1_000
_ALARM_AGAIN_MS: Final = 3_600_000
_ALARMS_MAX: Final = 1024
_ALERTS_PAUSE_MS: Final = 600_000
_WITNESS_PAUSE_MS: Final = 2_000
_log = structlog.get_logger()


def now_ms() -> int:
    """Return the wall clock in Unix ms."""
    return time.time_ns() // 1_000_000


class Stop:
    """A request to end, by signal or by a caller."""

    def __init__(self) -> None:
        """Begin without one."""
        self._event = threading.Event()

    def on_signals(self) -> "Stop":
        """End at SIGTERM or SIGINT; only in the main thread."""

        def ask(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._event.set()

        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)
        return self

    def at_end_of(self, descriptor: int) -> "Stop":
        """End when what is read there does: a parent's pipe, which ends with it, come what may."""

        def watch() -> None:
            with suppress(OSError):
                while os.read(descriptor, _PIPE_BYTES):
                    pass
            self._event.set()

        threading.Thread(target=watch, daemon=True, name="parent").start()
        return self

    def ask(self) -> None:
        """Ask to end."""
        self._event.set()

    def asked(self) -> bool:
        """Return whether to end."""
        return self._event.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the request to end."""
        self._event.wait(seconds)


class _Report(Protocol):
    @property
    def alarms(self) -> list[str]: ...
    @property
    def stopped(self) -> list[str]: ...
    def __bool__(self) -> bool: ...


class _Retrying:
    """Runs one turn after another; a turn that the world refuses is tried again with a pause."""

    def __init__(self, stop: Stop, office: str) -> None:
        self._stop, self._office, self._failures = stop, office, 0

    def until_done(self, action: Callable[[], None]) -> bool:
        """Try until the action succeeds; return False if asked to stop before."""
        while not self._stop.asked():
            if self.turn(action):
                return True
        return False

    def turn(self, action: Callable[[], None]) -> bool:
        """Try once; return whether the action succeeded."""
        try:
            action()
        except UnavailableError as error:
            pause = _PAUSE_SECONDS[min(self._failures, len(_PAUSE_SECONDS) - 1)]
            if self._failures == 0 or pause == _PAUSE_SECONDS[-1]:
                _log.warning("unavailable", office=self._office, reason=str(error))
            self._failures += 1
            self._stop.pause(pause)
            return False
        if self._failures:
            _log.info("available again", office=self._office, failures=self._failures)
        self._failures = 0
        return True


class _Alarms:
    """Says each alarm once, and again after an hour if it is still raised."""

    def __init__(self) -> None:
        self._said_ms: dict[str, int] = {}

    def new(self, alarms: list[str]) -> list[str]:
        now, new = now_ms(), []
        for alarm in dict.fromkeys(alarms):
            if now - self._said_ms.get(alarm, -_ALARM_AGAIN_MS) >= _ALARM_AGAIN_MS:
                new.append(alarm)
                self._said_ms[alarm] = now
        if len(self._said_ms) > _ALARMS_MAX:
            self._said_ms.clear()
        return new


def report(office: str, handled: _Report, alarms: _Alarms, **counts: int) -> None:
    """Log what a batch came to: counts, codes and link names only."""
    for alarm in alarms.new(handled.alarms):
        _log.warning("alarm", office=office, alarm=alarm)
    for reason in handled.stopped:
        _log.error("link stopped: evidence kept, call a person", office=office, reason=reason)
    if handled:
        _log.info("batch", office=office, **counts)


class Overlays(Protocol):
    """Where the Party puts its overlay for a running office."""

    def new(self) -> str | None:
        """Return the note if it has changed since it was last taken; raises `ConfigError`."""

    def taken(self) -> None:
        """Remember that the note is in use."""


def _tighten(office: Hop | Desk, overlays: Overlays) -> None:
    """Apply a new overlay before anything else; with a faulty one the office handles nothing.

    Raises `UnavailableError`, so that it is tried again: the Party meant to close something.
    """
    try:
        note = overlays.new()
        if note is None:
            return
        if office.use_overlay(note, now_ms()):
            _log.info("overlay in force", office=office.office)
    except ConfigError as error:
        raise UnavailableError(str(error)) from error
    overlays.taken()


def run_hop(
    hop: Hop,
    transport: Transport,
    witnesses: list[WitnessClient],
    keyrings: list[str],
    overlays: Overlays,
    stop: Stop,
) -> None:
    """Run a hop until asked to stop; it starts when its transport answers. `EvidenceError`."""
    retrying, ticked = _Retrying(stop, hop.office), now_ms()
    witnessing, alarms = _Witnessing(hop, witnesses), _Alarms()

    def start() -> None:
        if not hop.started:
            hop.start(keyrings, now_ms())
        hop.publish()
        _tighten(hop, overlays)

    def turn() -> None:
        nonlocal ticked
        hop.publish()
        _tighten(hop, overlays)
        arrivals = transport.read(hop.positions(), _READ_LIMIT, _WAIT_SECONDS)
        due = now_ms() - ticked >= _TICK_MS
        if arrivals or due:
            ticked = now_ms()
            handled = hop.handle(arrivals, ticked)
            report(
                hop.office,
                handled,
                alarms,
                released=handled.released,
                refused=handled.refused,
                rejected=handled.rejected,
                dropped=handled.dropped,
            )
        if not arrivals:
            witnessing.turn()

    if retrying.until_done(start):
        _log.info("ready", office=hop.office, shard=hop.setup.shard)
    while not stop.asked():
        retrying.turn(turn)
    if hop.started:
        witnessing.last()
    _log.info("stopped", office=hop.office)


class _Witnessing:
    """Has new heads countersigned; says once that a witness is away, and once that it is back."""

    def __init__(self, hop: Hop, witnesses: list[WitnessClient]) -> None:
        self._hop, self._witnesses = hop, witnesses
        self._away_until_ms = 0

    def turn(self) -> None:
        if not self._witnesses or now_ms() < self._away_until_ms:
            return
        try:
            witness_heads(self._hop, self._witnesses)
        except UnavailableError as error:
            if not self._away_until_ms:
                _log.warning("witness away", office=self._hop.office, reason=str(error))
            self._away_until_ms = now_ms() + _WITNESS_PAUSE_MS
        else:
            if self._away_until_ms:
                _log.info("witness back", office=self._hop.office)
            self._away_until_ms = 0

    def last(self) -> None:
        """Ask once more before the end, whatever came before."""
        self._away_until_ms = min(self._away_until_ms, 1)
        self.turn()


class Alerting:
    """Says once what the office waits for in vain, and again only if it was settled in between."""

    def __init__(self, desk: Desk) -> None:
        """Begin without any said."""
        self._desk, self._said, self._looked_ms = desk, frozenset[str](), -_ALERTS_PAUSE_MS

    def turn(self) -> None:
        """Look, if the last look was long enough ago; raises `UnavailableError`."""
        now = now_ms()
        if now - self._looked_ms < _ALERTS_PAUSE_MS:
            return
        raised = {alert.code(): None for alert in self._desk.alerts(now)}
        for code in raised:
            if code not in self._said:
                _log.warning("alarm", office=self._desk.office, alarm=code)
        self._said, self._looked_ms = frozenset(raised), now


class DeskRim(Protocol):
    """What a running desk does with the world beside its links."""

    def take_spooled(self, desk: Desk) -> int:
        """Publish what was submitted; return how many messages were sent."""

    def hand_over(self, desk: Desk) -> int:
        """Put what was opened into the office's own form; return how many messages."""


def run_desk(
    desk: Desk,
    transport: Transport,
    rim: DeskRim,
    keyrings: list[str],
    overlays: Overlays,
    stop: Stop,
) -> None:
    """Run a desk until asked to stop; it starts when its transport answers. `EvidenceError`."""
    retrying, ticked, alarms = _Retrying(stop, desk.office), now_ms(), _Alarms()
    alerting = Alerting(desk)

    def start() -> None:
        if not desk.started:
            desk.start(keyrings, now_ms())
        desk.flush()
        _tighten(desk, overlays)

    def turn() -> None:
        nonlocal ticked
        desk.flush()
        _tighten(desk, overlays)
        sent = rim.take_spooled(desk)
        if sent:
            _log.info("submitted", office=desk.office, messages=sent)
        arrivals = transport.read(desk.positions(), _READ_LIMIT, _WAIT_SECONDS)
        if arrivals or now_ms() - ticked >= _TICK_MS:
            ticked = now_ms()
            done = desk.handle(arrivals, ticked)
            report(
                desk.office,
                done,
                alarms,
                opened=done.opened,
                rejected=done.rejected,
                dropped=done.dropped,
            )
        rim.hand_over(desk)
        if not arrivals:
            alerting.turn()

    if retrying.until_done(start):
        _log.info("ready", office=desk.office)
    while not stop.asked():
        retrying.turn(turn)
    _log.info("stopped", office=desk.office)
