"""A world of several shards, and cases that are known to be on one of them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from world import World, party_keys, signed_bundle
from xref.audit import audit_desk, audit_hop
from xref.audit_report import OfficeReport
from xref.desk.read_form import Record

LA_DESK, VN_DESK, VN_SERVICE = "LANRM001", "VNNRM001", "VNSVC001"


@cache
def _referral() -> Record:
    return World().read("la", "referrals.csv").records[0]


def referral(case: str) -> Record:
    """A record of which one message goes to the Vietnamese NRM and one to a service provider."""
    return replace(_referral(), case=case)


def case_on(world: World, office: str, shard: int) -> str:
    """Begin a case that is on a shard for the Vietnamese NRM; return its local number."""
    return case_where(world, office, {VN_DESK: shard})


def case_where(world: World, office: str, shards: Mapping[str, int]) -> str:
    """Begin a case of an office with these shards, by recipient; return its local number."""
    cabinet = world.desks[office].cabinet
    for number in range(1_000):
        local = f"case-{number}-{world.now_ms}"
        if cabinet.find_case(local) is not None:
            continue
        case = cabinet.case_of(local, world.shards)
        if all(cabinet.shard_of(case, to) == shard for to, shard in shards.items()):
            return local
    raise AssertionError("no case falls on these shards")


def shards_of_sent(world: World, office: str) -> dict[tuple[str, str], set[int]]:
    """The shards on which messages went, by local case number and recipient."""
    desk = world.desks[office]
    local = {
        desk.cabinet.case_id("record", key): story["record"]["case"]
        for key, story in desk.cabinet.all("record")
    }
    found: dict[tuple[str, str], set[int]] = {}
    for message, story in desk.cabinet.all("sent"):
        case = local[desk.cabinet.case_id("sent", message)]
        found.setdefault((case, story["to"]), set()).add(story["shard"])
    return found


def carried_on(world: World, office: str) -> list[int]:
    """How many slots a desk has sent on each of its links, by shard."""
    ends = world.desks[office].endpoint.outgoing
    return [ends[link].size for link in sorted(ends)]


def answer_to(world: World, message: bytes) -> Record:
    """The Vietnamese NRM's answer to a referral."""
    record = world.read("vn", "answer.json").records[0]
    return replace(record, reply_to=message)


def outcomes(world: World, office: str) -> list[tuple[Any, Any]]:
    """What an office knows of its messages: (type, outcome)."""
    return sorted((s["type"], s["outcome"]) for s in world.sent(office).values())


def audits(world: World) -> list[OfficeReport]:
    """Every office's report, each hop's a shard."""
    bundles = {b.digest32: b for b in (signed_bundle(n) for n in range(1, world.shards + 1))}
    reports: list[OfficeReport] = []
    for name, store in world.stores.items():
        office, _, shard = name.partition("/")
        if "HOP" in office:
            reports.append(audit_hop(store, office, bundles, party_keys(), shard=int(shard or "0")))
        else:
            reports.append(audit_desk(store, office, bundles, party_keys()))
    return reports
