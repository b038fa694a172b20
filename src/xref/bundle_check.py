"""What no Party should sign: asked when a bundle is built and again by each Party that signs it.

A desk reads any bundle that hangs together. Whether its records keep the rules of schemas
(`xref.schema_check`), and its purposes and grounds stand on terms of the W3C Data Privacy
Vocabulary, is asked before anybody puts a name to it.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final

from xref.bundle import Draft
from xref.code_lists import shipped_lists
from xref.errors import ConfigError
from xref.policy import GROUND_FACT, FactTable, Policy, Purpose
from xref.policy.flows import DPV
from xref.policy.invariants import read_invariants
from xref.policy.proving import Progress, Prover
from xref.policy.rulebook import INVARIANTS_PATH
from xref.resources import data_folder
from xref.schema_check import check_schema

_NEUTRAL_RULE: Final = "floor/neutral-records"
_SAID_MAX: Final = 20


def check_draft(draft: Draft) -> None:
    """Raise `ConfigError` naming every break, one a line: file, field, what is wrong, the cure."""
    found = list(faults_of(draft))
    if found:
        rest = len(found) - _SAID_MAX
        more = [f"and {rest} more; see `xref schema check`"] if rest > 0 else []
        raise ConfigError("\n".join(["nobody should sign this bundle:", *found[:_SAID_MAX], *more]))


def check_proof(draft: Draft, progress: Progress) -> None:
    """Raise `ConfigError` unless the bundle's own invariants are proved on all facts."""
    if INVARIANTS_PATH not in draft.files:
        raise ConfigError(f"{INVARIANTS_PATH} is missing, so nothing can be proved; add it")
    rulebook = draft.policy.rulebook
    proof = Prover(rulebook, read_invariants(draft.files, rulebook)).prove(progress)
    if proof.breaches:
        first = proof.breaches[0]
        raise ConfigError(
            f"nobody should sign this bundle: {len(proof.breaches)} counterexamples, first "
            f"{first.invariant}: {first.says} But {first.passage}: {first.why}; see all with "
            "`xref policy prove`"
        )


def faults_of(draft: Draft) -> Iterator[str]:
    """Yield what keeps a bundle from being signed."""
    for path, data in draft.files.items():
        if path.endswith(".avsc"):
            for each in check_schema(path, data, {}):
                yield f"{path}: {each.field} [{each.rule}] {each.problem}; {each.cure}"
    yield from _of_neutral(draft.policy)
    yield from _of_purposes(draft.policy.purposes)
    yield from _of_grounds(draft.policy.facts)


def _of_neutral(policy: Policy) -> Iterator[str]:
    """A record is declared neutral if, and only if, all its flows have purposes that must be."""
    (rule,) = [each for each in policy.rulebook.forbids if each.rule.id == _NEUTRAL_RULE]
    neutral = rule.selector.purposes or ()
    for flow in policy.flows.values():
        document = json.loads(policy.schema_for(flow).canonical)
        must, is_declared = flow.purpose in neutral, bool(document.get("xref.neutral"))
        if must != is_declared:
            said = "is not declared neutral" if must else "is declared neutral, its purpose labels"
            yield f"{flow.schema}: {said}: flow {flow.name}; correct xref.neutral or the purpose"


def _of_purposes(purposes: Mapping[str, Purpose]) -> Iterator[str]:
    for purpose in purposes.values():
        if not purpose.prohibited and not _is_term(purpose.iri):
            yield (
                f"policies/purposes.toml: {purpose.name}: iri is no term of lists/dpv.toml; "
                "name the nearest that is"
            )


def _of_grounds(facts: FactTable) -> Iterator[str]:
    bases = legal_bases()
    values = next((fact.values for fact in facts.facts if fact.name == GROUND_FACT), ())
    for ground in values:
        if not _is_term(bases.get(ground, "")):
            yield (
                f"policies/facts.toml: {GROUND_FACT} {ground}: no legal basis in "
                "mappings/dpv.toml; add the nearest of lists/dpv.toml"
            )


def _is_term(iri: str) -> bool:
    return iri.startswith(DPV) and iri.removeprefix(DPV) in shipped_lists()["dpv"].codes


def legal_bases() -> Mapping[str, str]:
    """Return the shipped legal basis, as an IRI, of each ground of disclosure."""
    file = data_folder("schemas") / "mappings" / "dpv.toml"
    found: Mapping[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["disclosure_ground"]
    return found
