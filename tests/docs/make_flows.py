"""Writes docs/reference/flows.md from the shipped bundle: `python tests/docs/make_flows.py`."""

from collections.abc import Iterable
from pathlib import Path

from xref.bundle import Draft, build
from xref.policy import ROLES, Delivery, Flow, Policy
from xref.sources import read_sources

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "flows.md"
_HEAD = """# Flows

Which message goes from whom to whom, with which fields, and what an office publishes to send it.
Made from `policies/` and `schemas/` by `python tests/docs/make_flows.py`; a test compares them.
The rules that decide are explained in [policy](../spec/policy.md), the design in
[ADR 31](../adr/0031-flows-of-a-return.md) and
[ADR 36](../adr/0036-a-record-for-every-message.md).

In the tables of fields a star marks what the origin must give (it may still be withheld). A field
goes only where the permits open it and no rule of the floor keeps it.
"""
_NAMES = {
    "erasure receipt": "the outcome `ERASED` of a `receipt`",
    "sharing consent withdrawn": "`sharing-consent-withdrawn`",
    "presumed or identified victim": "`victim-referral`, field `victim_status`",
    "safe return assessed": "`safe_return_assessed_on` of a `return-notice`",
    "return decision, abroad": "`return_decision_ref` of a `return-notice`",
    "assurance of safety by the State of origin": "`origin-assurance`",
    "reception confirmed": "`reception-readiness`",
    "escort assigned": "`escort_office` of a return or reception notice; at a border `escorted`",
    "guardian appointed after an emergency": "`child-safeguards-confirmed`",
    "return decision, at home": "`return-decided`",
    "monitoring after return": "`welfare-report`, asked for or not; `reintegration-update`",
    "deadline of a compensation claim": "`claim_deadline` of a `remedy-notice`",
    "referral between organisations": "`provider-handover`",
    "what a suspect said": "a code and a token in `identification-evidence`; suspects have no flow",
    "sharing consent for passing on": "`sharing-consent-granted`",
}
_CHOICES = {
    "every": "every",
    "named": "the one named in the record",
    "asker": "the one that asked",
    "subscribed": "those that subscribe",
}


def _roles(roles: Iterable[str]) -> str:
    found = tuple(roles)
    return "any" if set(found) == set(ROLES) else ", ".join(found)


def _overview(policy: Policy) -> list[str]:
    rows = ["## All flows", "", "| code | flow | from | to | nature | purpose |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for flow in sorted(policy.flows.values(), key=lambda each: each.code):
        ends = f"{_roles(flow.from_roles)} | {_roles(flow.to_roles)}"
        rows.append(
            f"| {flow.code} | `{flow.name}` | {ends} | {flow.nature} | {flow.purpose} |",
        )
    return rows


def _publications(policy: Policy) -> list[str]:
    rows = ["## What offices publish", "", "| record | by | starts from | becomes |"]
    rows.append("| --- | --- | --- | --- |")
    for each in policy.publications.values():
        starts = f"follows `{each.follows}`" if each.follows else ""
        if each.answers:
            starts = "answers " + ", ".join(f"`{name}`" for name in each.answers)
        becomes = "; ".join(_delivery(delivery) for delivery in each.deliveries)
        rows.append(f"| `{each.kind}` | {_roles(each.from_roles)} | {starts} | {becomes} |")
    return rows


def _delivery(delivery: Delivery) -> str:
    where = "abroad" if delivery.party == "other" else "at home"
    return f"`{delivery.flow}` to {delivery.role} {where}, {_CHOICES[delivery.choose]}"


def _names() -> list[str]:
    rows = [f"| {name} | {here} |" for name, here in sorted(_NAMES.items())]
    head = ["## Where else to look", "", "| what the field calls it | here |", "| --- | --- |"]
    return [*head, *rows]


def _section(policy: Policy, flow: Flow) -> list[str]:
    schema = policy.schema_for(flow)
    answers = ", ".join(f"`{name}`" for name in flow.answers)
    caused = ", ".join(f"`{name}`" for name in flow.caused_by)
    times = f"good for {flow.life_days} days, kept at most {flow.retention_days}"
    said = [
        f"Record `{flow.schema}`; reach: {flow.reach}; {times}.",
        f"Answers {answers}." if answers else "",
        f"Sent only when asked at home by {caused}, whose facts count." if caused else "",
        _expects(flow),
    ]
    rows = []
    for each in schema.fields:
        star = "*" if each.required else ""
        rows.append(f"| `{each.name}`{star} | {each.category} | {each.doc} |")
    table = ["| field | category | what it is |", "| --- | --- | --- |", *rows]
    head = [f"## `{flow.name}`", "", flow.explain, "", " ".join(part for part in said if part), ""]
    return [*head, *table]


def _expects(flow: Flow) -> str:
    if flow.expects is None:
        return ""
    since = f"the day in `{flow.expects.counted_from}`" if flow.expects.counted_from else "sending"
    days = f"{flow.expects.within_days} day{'s' if flow.expects.within_days != 1 else ''}"
    return f"An answer is due {days} after {since}; then it is an alert: {flow.expects.if_silent}"


def shipped() -> Draft:
    """Return the shipped bundle, unsigned."""
    return build(read_sources(ROOT / "policies", ROOT / "schemas"))


def page() -> str:
    """Return the whole page."""
    policy = shipped().policy
    flows = sorted(policy.flows.values(), key=lambda each: each.code)
    parts = [_overview(policy), _publications(policy), _names()]
    parts += [_section(policy, flow) for flow in flows]
    return "\n\n".join([_HEAD.rstrip("\n"), *("\n".join(part) for part in parts)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
