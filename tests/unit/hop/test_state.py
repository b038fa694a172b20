"""The changes of a batch over a store: what a batch reads is what it wrote."""

from hypothesis import given
from hypothesis import strategies as st

from xref.drivers.memory import MemoryStore
from xref.state import State

KEYS = st.binary(max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.sampled_from(["commit", "begin anew"]), st.just(b""), st.just(b"")),
    ),
    max_size=25,
)


@given(steps=STEPS, prefix=st.binary(max_size=2), limit=st.integers(1, 6))
def test_state_is_a_dictionary_whose_changes_last_from_commit_on(
    steps: list[tuple[str, bytes, bytes]], prefix: bytes, limit: int
) -> None:
    store = MemoryStore()
    state = State(store)
    durable: dict[bytes, bytes] = {}
    current: dict[bytes, bytes] = {}
    for step, key, value in steps:
        if step == "put":
            state.put("space", key, value)
            current[key] = value
        elif step == "delete":
            state.delete("space", key)
            current.pop(key, None)
        elif step == "commit":
            state.commit()
            durable = dict(current)
        else:
            state = State(store)
            current = dict(durable)
        assert state.get("space", key) == current.get(key)
        expected = sorted((k, v) for k, v in current.items() if k.startswith(prefix))
        assert state.scan("space", prefix) == expected
        assert state.scan("space", prefix, limit=limit) == expected[:limit]


def test_json_is_kept_in_order_of_its_members() -> None:
    state = State(MemoryStore())
    state.put_json("space", b"key", {"b": 1, "a": "ຂໍ້ຄວາມ"})
    assert state.get("space", b"key") == '{"a":"ຂໍ້ຄວາມ","b":1}'.encode()
    assert state.get_json("space", b"key") == {"a": "ຂໍ້ຄວາມ", "b": 1}
    assert state.get_json("space", b"none") is None
