"""Which log an auditor is told to look at: the one that a problem names, or all where none is."""

from xref.audit_folders import holds

TRAIL, LINK, OTHER = (
    "xref/trail/v1/LAHOP001/0",
    "xref/link/v1/LAHOP001/VNHOP001/0",
    "xref/link/v1/LAHOP001/VNHOP001/1",
)


def test_untouched_log_is_not_blamed() -> None:
    """A changed leaf of one link says nothing against the others."""
    problems = (f"{LINK}: its own checkpoint of 6 leaves has another root than the leaves here",)
    assert [holds(problems, log) for log in (LINK, OTHER, TRAIL)] == [False, True, True]


def test_problem_between_two_logs_is_of_both() -> None:
    """An entry that names a leaf which is not there is a fault of the one or of the other."""
    problems = (f"{TRAIL}: entry 75 (released) names leaf 0 of {LINK}, which is not there",)
    assert [holds(problems, log) for log in (LINK, OTHER, TRAIL)] == [False, True, False]


def test_problem_of_the_whole_office_is_of_every_log() -> None:
    """A forged keyring, or more problems than are told, leaves nothing verified."""
    for whole in ("the keyring of VN is not signed by its Party", "... and 7 more like these"):
        assert not any(holds((whole,), log) for log in (LINK, OTHER, TRAIL))
    assert all(holds((), log) for log in (LINK, OTHER, TRAIL))
