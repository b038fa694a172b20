"""Peers that do a part of what a desk or a hop does, on the same record, in the same run.

None does the same: AS2 signs and encrypts the whole for one receiver and has it confirmed; an
SD-JWT discloses field by field and encrypts nothing; a JWS signs the whole; Cedar decides and no
more. Each line says what is beside what. They are not needed to run xref: `make bench` fetches
them, and without them this part is left out.
"""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from bench import as2
from bench.measure import OPEN, RECEIPTS, SEAL, measure
from bench.spent import total
from bench.world import NOW_MS, records, year_around
from bench.world import bundle as signed_bundle
from xref.policy import Permit, Policy, Question

_REPEATS: Final = 5
_ROUNDS: Final = {1: 64, 64: 4}
_DESKS: Final = {
    SEAL: "a desk seals a record",
    OPEN: "a desk opens and checks it",
    RECEIPTS: "a desk takes a receipt",
}
_SECONDS: Final = 0.2
_NEW_FACTS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Peer:
    """Microseconds that one thing takes, best of several, and what it is."""

    name: str
    microseconds: float


def _took(name: str, action: Callable[[], object]) -> Peer:
    """Return the best time of an action, by the processor's clock."""
    action()
    best = float("inf")
    for _ in range(_REPEATS):
        began, count = time.process_time(), 0
        while time.process_time() < began + _SECONDS:
            action()
            count += 1
        best = min(best, (time.process_time() - began) / count)
    return Peer(name, 1e6 * best)


def values() -> dict[str, Any]:
    """Return the record's fields as JSON would hold them."""
    [(_, record)] = records(1, 0)
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in record.values.items()
        if value is not None
    }


def decisions() -> list[Peer]:
    """Return what a decision of the policy takes: asked again, and of facts not seen before."""
    policy = signed_bundle(year_around(NOW_MS)).policy
    question = _question()
    if not isinstance(policy.decide(question), Permit):
        raise TypeError("the sample's question is refused")
    masks = iter(range(1, 2**27))

    def fresh() -> object:
        return policy.decide(replace(question, carried_mask=question.carried_mask & ~next(masks)))

    return [
        _took("xref: decide for all 31 fields, asked before", lambda: policy.decide(question)),
        _took("xref: the same, fields in a mix not seen before", fresh),
        _took_each("xref: decide with all reasons, facts not seen before", _new_facts()),
    ]


def _new_facts() -> list[Question]:
    """Return questions that differ in up to six answers each from the sample's, as cases do."""
    policy, asked = signed_bundle(year_around(NOW_MS)).policy, _question()
    chosen, facts = random.Random(1), policy.facts.facts  # noqa: S311 - a sample, no secret
    different: dict[bytes, None] = {}
    while len(different) < _NEW_FACTS:
        codes = bytearray(asked.facts)
        for place in chosen.sample(range(len(facts)), chosen.randint(1, 6)):
            codes[place] = chosen.randint(0, len(facts[place].values))
        different[bytes(codes)] = None
    return [replace(asked, facts=each) for each in different]


def _took_each(name: str, questions: Sequence[Question]) -> Peer:
    """Return the time of a question, each asked once of a policy that knows none of them."""
    best = float("inf")
    for _ in range(_REPEATS):
        policy = Policy.of(signed_bundle(year_around(NOW_MS)).policy.rulebook)
        policy.decide(_question())
        began = time.process_time()
        for each in questions:
            policy.decide(each)
        best = min(best, (time.process_time() - began) / len(questions))
    return Peer(name, 1e6 * best)


def _question(carried: int | None = None) -> Question:
    """Ask of the sample's referral, with a sharing consent to all its fields."""
    policy = signed_bundle(year_around(NOW_MS)).policy
    flow = policy.flow_named("victim-referral")
    full = policy.schema_for(flow).full_mask
    [(_, record)] = records(1, 0)
    return Question(
        flow=flow.code,
        from_role="nrm",
        to_role="nrm",
        same_party=False,
        facts=policy.facts.encode(record.facts_at(NOW_MS)),
        carried_mask=full if carried is None else carried,
        sharing_consent_mask=full,
        sharing_consent_live=True,
    )


def peers() -> list[Peer]:
    """Return what the libraries that are here take, with the same record."""
    found: list[Peer] = []
    for part in (_as2, _sd_jwt, _jws, _confluent, _cedar):
        try:
            found += part(values())
        except ImportError as error:
            found.append(Peer(f"{error.name} is not installed here", 0.0))
    return found


def desks() -> list[Peer]:
    """Return what a desk takes for a message, in small batches and large ones."""
    found: list[Peer] = []
    for batch, rounds in _ROUNDS.items():
        measured = measure(batch, rounds, _REPEATS)
        for work, title in _DESKS.items():
            microseconds = 1e6 * total(measured.spent[work]).processor / measured.messages
            found.append(Peer(f"xref: {title}, batches of {batch}", microseconds))
    return found


def _as2(fields: Mapping[str, Any]) -> list[Peer]:
    return [_took(f"AS2 (pyas2lib): {name}", work) for name, work in as2.works(fields).items()]


def _sd_jwt(fields: Mapping[str, Any]) -> list[Peer]:
    jwk, common = import_module("jwcrypto.jwk"), import_module("sd_jwt.common")
    issuer, holder = import_module("sd_jwt.issuer"), import_module("sd_jwt.holder")
    verifier = import_module("sd_jwt.verifier")

    key = jwk.JWK.generate(kty="OKP", crv="Ed25519")
    claims = {common.SDObj(name): value for name, value in fields.items()}

    def issue() -> str:
        made = issuer.SDJWTIssuer(dict(claims), key, sign_alg="EdDSA")
        return str(made.sd_jwt_issuance)

    issued = issue()
    wanted = dict.fromkeys(list(fields)[1:], True)

    def present() -> str:
        held = holder.SDJWTHolder(issued)
        held.create_presentation(dict(wanted))
        return str(held.sd_jwt_presentation)

    presented = present()

    def verify() -> object:
        return verifier.SDJWTVerifier(
            presented, lambda *_: key, None, None, serialization_format="compact"
        ).get_verified_payload()

    count = len(fields)
    return [
        _took(f"sd-jwt: issue, {count} fields, EdDSA", issue),
        _took("sd-jwt: present all but one", present),
        _took("sd-jwt: verify", verify),
    ]


def _jws(fields: Mapping[str, Any]) -> list[Peer]:
    jws, jwk = import_module("joserfc.jws"), import_module("joserfc.jwk")

    key = jwk.OKPKey.generate_key("Ed25519")
    payload = json.dumps(fields)
    allowed = ["Ed25519"]

    def sign() -> str:
        return str(jws.serialize_compact({"alg": "Ed25519"}, payload, key, algorithms=allowed))

    signed = sign()
    return [
        _took("JWS (joserfc, Ed25519): sign the record", sign),
        _took(
            "JWS (joserfc, Ed25519): verify it",
            lambda: jws.deserialize_compact(signed, key, algorithms=allowed),
        ),
    ]


def _confluent(fields: Mapping[str, Any]) -> list[Peer]:
    """Encrypt field by field as Confluent's client does, with its own mock of a schema registry.

    Not fetched by `make bench`, for it brings the clients of three clouds along:
    `pip install "confluent-kafka[avro,rules]"`.
    """
    where = "confluent_kafka.schema_registry"
    registry, avro = import_module(where), import_module(f"{where}.avro")
    encryption = import_module(f"{where}.rules.encryption.encrypt_executor")
    local = import_module(f"{where}.rules.encryption.localkms.local_driver")
    serialization = import_module("confluent_kafka.serialization")
    encryption.FieldEncryptionExecutor.register()
    local.LocalKmsDriver.register()
    texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in fields.items()}
    described = [{"name": n, "type": "string", "confluent:tags": ["PII"]} for n in texts]
    schema = json.dumps({"type": "record", "name": "sample", "fields": described})
    keys = {"encrypt.kek.name": "k", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "k"}
    rule = registry.Rule(
        *("encrypt", "", registry.RuleKind.TRANSFORM, registry.RuleMode.WRITEREAD, "ENCRYPT"),
        *(["PII"], registry.RuleParams(keys), None, None, "ERROR,NONE", False),
    )
    client = registry.SchemaRegistryClient.new_client({"url": "mock://"})
    rules = registry.RuleSet(None, [rule])
    client.register_schema("t-value", registry.Schema(schema, "AVRO", [], None, rules))
    newest = {"auto.register.schemas": False, "use.latest.version": True}
    secret = {"secret": "of this measurement alone"}
    writer = avro.AvroSerializer(client, None, conf=newest, rule_conf=secret)
    reader = avro.AvroDeserializer(client, None, rule_conf=secret)
    place = serialization.SerializationContext("t", serialization.MessageField.VALUE)
    written = writer(dict(texts), place)
    return [
        _took(
            "Confluent field encryption: write, one shared key",
            lambda: writer(dict(texts), place),
        ),
        _took("Confluent field encryption: read", lambda: reader(written, place)),
    ]


def _cedar(_: Mapping[str, Any]) -> list[Peer]:
    cedarpy = import_module("cedarpy")

    policies, request, entities = cedar_question()
    return [
        _took(
            "cedarpy: one field of that question",
            lambda: cedarpy.is_authorized(request, policies, entities),
        )
    ]


def cedar_question() -> tuple[str, dict[str, Any], list[Any]]:
    """Return one permit and one forbid in Cedar, far less than the rules of a bundle."""
    policies = (
        'permit(principal, action == Action::"disclose", resource) when '
        '{ context.purpose == "victim-referral" && context.sharing_consent == "granted" };\n'
        "forbid(principal, action, resource) when "
        '{ context.risk == "substantiated" || context.withdrawn };'
    )
    request = {
        "principal": 'Office::"LANRM001"',
        "action": 'Action::"disclose"',
        "resource": 'Field::"birth_date"',
        "context": {
            "purpose": "victim-referral",
            "sharing_consent": "granted",
            "risk": "none",
            "withdrawn": False,
        },
    }
    return policies, request, []


def lines(found: Sequence[Peer]) -> list[str]:
    """Return a table of what each took."""
    return [f"  {each.name:<50}{each.microseconds:>9,.1f} us" for each in found]
