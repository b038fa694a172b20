"""Several offices' accounts of the same links, beside each other.

What one end says it released, the other has countersigned and must account for. Copies of two
states are seldom taken at one moment: where one may simply be older, that is `unsettled`, unless
the copy is provably later than what it lacks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xref.audit_report import (
    HopReport,
    LinkComparison,
    LinkReport,
    OfficeReport,
    Reconciliation,
    Sentences,
)
from xref.limits import CLOCK_SKEW_MS
from xref.wire.office import Link


@dataclass(slots=True)
class _Findings:
    differences: Sentences = field(default_factory=Sentences)
    unsettled: Sentences = field(default_factory=Sentences)


@dataclass(frozen=True, slots=True)
class _Ends:
    """A link's two ends with the offices' reports; `sent` is the sender's end."""

    link: Link
    sender: OfficeReport
    sent: LinkReport
    receiver: OfficeReport
    received: LinkReport


def reconcile(reports: Sequence[OfficeReport]) -> Reconciliation:
    """Compare every link whose two ends are among the reports; their stores must still be open."""
    findings = _Findings()
    by_place: dict[tuple[str, int], OfficeReport] = {}
    for report in reports:
        for shard in report.shards:
            if by_place.setdefault((report.office, shard), report) is not report:
                findings.differences.add(
                    f"{report.office} was given twice for shard {shard}; the first was used"
                )
    compared: list[LinkComparison] = []
    one_sided: set[str] = set()
    used = [each for each in reports if by_place[each.office, each.shards[0]] is each]
    for report in used:
        for end in report.links:
            ends = _ends(end.link, by_place)
            if ends is None:
                one_sided.add(end.link.name)
                _compare_absence(end, by_place, findings)
            elif end.outgoing:
                compared.append(_compare(ends, findings))
    return Reconciliation(
        links=tuple(sorted(compared, key=lambda each: each.link)),
        differences=findings.differences.all(),
        unsettled=findings.unsettled.all(),
        one_sided=tuple(sorted(one_sided)),
    )


def _ends(link: Link, by_place: dict[tuple[str, int], OfficeReport]) -> _Ends | None:
    sender = by_place.get((link.sender, link.shard))
    receiver = by_place.get((link.receiver, link.shard))
    if sender is None or receiver is None:
        return None
    sent = next((each for each in sender.links if each.link == link and each.outgoing), None)
    received = next((e for e in receiver.links if e.link == link and not e.outgoing), None)
    if sent is None or received is None:
        return None
    return _Ends(link, sender, sent, receiver, received)


def _compare(ends: _Ends, findings: _Findings) -> LinkComparison:
    shared = min(ends.sent.size, ends.received.size)
    agreed = ends.sent.log.root_at(shared) == ends.received.log.root_at(shared)
    if not agreed:
        findings.differences.add(_first_difference(ends, shared))
    _compare_sizes(ends, findings)
    _compare_acknowledged(ends, findings)
    if agreed:
        _compare_accounts(ends, shared, findings)
    return LinkComparison(
        link=ends.link,
        sent=ends.sent.size,
        received=ends.received.size,
        agreed=agreed,
        outcomes=ends.received.accounts.counts() if ends.received.accounts else {},
    )


def _first_difference(ends: _Ends, shared: int) -> str:
    """Name the first leaf that differs; both keep a prefix, so halving finds it."""
    low, high = 0, shared
    while high - low > 1:
        middle = (low + high) // 2
        if ends.sent.log.root_at(middle) == ends.received.log.root_at(middle):
            low = middle
        else:
            high = middle
    signed = ends.received.signed
    by_sender = signed is not None and signed.root == ends.received.log.root_at(signed.size)
    proof = (
        f"{ends.link.sender} signed what {ends.link.receiver} holds, so {ends.link.sender} has "
        "changed its account"
        if by_sender
        else f"{ends.link.sender} did not sign what {ends.link.receiver} holds"
    )
    return f"{ends.link.name}: the two accounts differ from leaf {low} on; {proof}"


def _compare_sizes(ends: _Ends, findings: _Findings) -> None:
    """The receiver cannot hold more than its sender sent."""
    sent, received = ends.sent.size, ends.received.size
    if received <= sent:
        return
    accounts = ends.received.accounts
    received_ms = accounts.last_ms if accounts else None
    later_ms = _last_ms(ends.sender)
    lacks = (
        f"{ends.link.name}: {ends.link.receiver} holds {received} leaves, the account of "
        f"{ends.link.sender} has {sent}; leaves {sent} to {received - 1} are missing from "
        f"{ends.link.sender}'s account"
    )
    if received_ms is not None and later_ms is not None and later_ms > received_ms + CLOCK_SKEW_MS:
        findings.differences.add(f"{lacks}, which goes on after they were received")
    else:
        findings.unsettled.add(f"{lacks}, or its copy is older: ask for a later one")


def _compare_acknowledged(ends: _Ends, findings: _Findings) -> None:
    """The receiver must hold what it countersigned."""
    head = ends.sent.acknowledged
    if head is None:
        return
    received, receiver = ends.received.size, ends.link.receiver
    if head.size <= received:
        if ends.received.log.root_at(head.size) != head.root:
            findings.differences.add(
                f"{ends.link.name}: {receiver} countersigned other leaves than it now shows; "
                f"its account of the first {head.size} has changed"
            )
        return
    lacks = (
        f"{ends.link.name}: {receiver} countersigned {head.size} leaves and shows {received}; "
        f"leaves {received} to {head.size - 1} are missing from {receiver}'s account"
    )
    last_ms = _last_ms(ends.receiver)
    # Its clock is its own here, and it countersigns in whole seconds.
    if last_ms is not None and head.seconds is not None and last_ms >= (head.seconds + 1) * 1000:
        findings.differences.add(f"{lacks}, which goes on after it countersigned them")
    else:
        findings.unsettled.add(f"{lacks}, or its copy is older: ask for a later one")


def _compare_absence(
    end: LinkReport, by_place: Mapping[tuple[str, int], OfficeReport], findings: _Findings
) -> None:
    """An office that is here and shows nothing of a link must account for what the other holds."""
    absent = end.link.receiver if end.outgoing else end.link.sender
    report = by_place.get((absent, end.link.shard))
    head = end.acknowledged if end.outgoing else end.signed
    if report is None or head is None or not head.size:
        return
    did = "countersigned" if end.outgoing else "signed"
    findings.unsettled.add(
        f"{end.link.name}: {absent} {did} {head.size} leaves and shows no such link; all of them "
        f"are missing from {absent}'s account, or its copy is older: ask for a later one"
    )


def _compare_accounts(ends: _Ends, shared: int, findings: _Findings) -> None:
    """Compare, leaf by leaf, the sender's one entry with the receiver's one entry."""
    sent, received = ends.sent.accounts, ends.received.accounts
    if sent is None or received is None:
        return
    for index in range(shared):
        for accounts, report in ((sent, ends.sender), (received, ends.receiver)):
            if not accounts.kind(index) and not _has_erased(report):
                findings.differences.add(
                    f"{ends.link.name}: leaf {index} has no entry in {report.office}'s account"
                )
        one, other = sent.message(index), received.message(index)
        if any(one) and any(other) and one != other:
            findings.differences.add(
                f"{ends.link.name}: of leaf {index} {ends.link.sender} accounts for one message "
                f"({sent.kind(index)}) and {ends.link.receiver} for another "
                f"({received.kind(index)})"
            )


def _has_erased(report: OfficeReport) -> bool:
    return isinstance(report, HopReport) and report.trail.erased > 0


def _last_ms(report: OfficeReport) -> int | None:
    return report.trail.last_ms if isinstance(report, HopReport) else None
