"""Links that a cluster cannot carry now, though it carries others: each told once, tried again."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka.structs import TopicPartition

from xref.errors import UnavailableError

# What brokers answer at once is asked again soon; what kept others waiting for a while, later.
AGAIN_SECONDS: Final = 3.0
_log = structlog.get_logger()


@dataclass(slots=True)
class _Trouble:
    reason: UnavailableError
    until: float


class Aside:
    """Partitions that are left alone for a while, so that they keep no others waiting."""

    def __init__(self, doing: str) -> None:
        """Begin with none; `doing` says in the log what they are not used for."""
        self._doing = doing
        self._troubles: dict[TopicPartition, _Trouble] = {}

    def put(
        self, partition: TopicPartition, reason: UnavailableError, seconds: float = AGAIN_SECONDS
    ) -> None:
        """Leave a partition alone for so long; say why unless that was said already."""
        known = self._troubles.get(partition)
        if known is None or str(known.reason) != str(reason):
            _log.warning("a link is away", doing=self._doing, reason=str(reason))
        self._troubles[partition] = _Trouble(reason, time.monotonic() + seconds)

    def holds(self, partition: TopicPartition) -> bool:
        """Return whether it is too early to try a partition again."""
        trouble = self._troubles.get(partition)
        return trouble is not None and time.monotonic() < trouble.until

    def release(self, partitions: Iterable[TopicPartition]) -> None:
        """Let partitions be tried again at once."""
        for each in partitions:
            if each in self._troubles:
                self._troubles[each].until = 0.0

    def reason(self, partitions: Iterable[TopicPartition]) -> UnavailableError:
        """Return what is wrong with the first of some that are left alone."""
        found = (self._troubles[each].reason for each in partitions if each in self._troubles)
        return next(found, UnavailableError("it takes longer than a call may last"))

    def settle(self, partitions: Iterable[TopicPartition]) -> None:
        """Note that partitions are in use; say so of those that were not."""
        for each in partitions:
            if self._troubles.pop(each, None) is not None:
                _log.info("a link is back", doing=self._doing, topic=each.topic)
