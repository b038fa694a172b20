"""From files as offices write them to records: each fault named with its cure, the good rows go."""

import csv
import dataclasses
import io
import json
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shipped import shipped
from xref import limits
from xref.desk.cell import CellFault, Column, clean, read_cell
from xref.desk.form_file import Problem
from xref.desk.read_form import Reading, Record, read_form
from xref.resources import data_folder

TODAY = date(2026, 11, 23)
LA = shipped("la")
VN = shipped("vn")
SAMPLE = (data_folder("adapters") / "la" / "samples" / "referrals.csv").read_bytes()
ANSWER = (data_folder("adapters") / "vn" / "samples" / "answer.json").read_bytes()
COLUMNS = LA.file.publications["referral"].columns
HEADER = {end: column.header for column in COLUMNS for end in column.ends}
BORN = HEADER["field/birth_date"]


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(SAMPLE.decode("utf-8-sig"), newline="")))


def as_csv(rows: list[dict[str, str]], names: list[str] | None = None) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names or [column.header for column in COLUMNS])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "surrogateescape")


def read(data: bytes, name: str = "referrals.csv") -> Reading:
    return read_form(LA, name, data, today=TODAY)


def read_with(**changes: str) -> Reading:
    """Read the sample with cells of its first row changed; `field__x` means `field/x`."""
    rows = table()
    for end, value in changes.items():
        rows[0][HEADER[end.replace("__", "/")]] = value
    return read(as_csv(rows))


def one_problem(reading: Reading) -> Problem:
    assert len(reading.records) == 1, "the good row of the file still goes"
    assert len(reading.problems) == 1
    problem = reading.problems[0]
    assert problem.file == "referrals.csv"
    assert problem.cure
    return problem


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_file_reads_with_and_without_a_byte_order_mark(mark: bytes) -> None:
    reading = read(mark + SAMPLE.removeprefix(b"\xef\xbb\xbf"))
    assert [record.line for record in reading.records] == [2, 3]
    assert reading.problems == []


def test_only_the_name_of_the_file_is_kept() -> None:
    reading = read(SAMPLE, "cases/of/november/referrals.csv")
    assert {record.source for record in reading.records} == {"referrals.csv"}


@pytest.mark.parametrize(
    ("end", "cell", "said", "cure"),
    [
        ("field__birth_date", "1999-02-14", "not a date", "dd/mm/yyyy"),
        ("field__birth_date", "31/02/1999", "no such day", "dd/mm/yyyy"),
        ("field__birth_date", "14/13/1999", "no such day", "dd/mm/yyyy"),
        ("field__birth_date", "14/02/2542", "year is out of range", "gregorian"),
        ("field__birth_date", "14/02/1899", "year is out of range", "gregorian"),
        ("field__birth_date", "24/11/2026", "future", "day"),
        ("field__birth_date", "14/02/99", "not a date", "dd/mm/yyyy"),
        ("field__birth_date", "14/²2/1999", "not a date", "dd/mm/yyyy"),
        ("sharing-consent__given_on", "11/2026", "not a date", "dd/mm/yyyy"),
        ("sharing-consent__given_on", "24/11/2026", "future", "day"),
        ("sharing-consent__valid_until", "31/10/2026", "ends before", "columns"),
        ("sharing-consent__given_on", "", "missing", "add"),
        ("sharing-consent__recipients", "", "missing", "add"),
        ("sharing-consent__explained_how", "", "missing", "add"),
        ("sharing-consent__interpreted_by", "ນາງ ຈັນ", "not a word", "list"),
        ("field__sex", "girl", "not a word", "list"),
        ("fact__asylum", "probably not", "not a word", "list"),
        ("named__service-provider", "VNSVC001", "not a word", "list"),
        ("field__needs", "ທີ່ພັກອາໄສ;ທີ່ພັກອາໄສ", "twice", "once"),
        ("field__needs", ";".join(["ທີ່ພັກອາໄສ"] * 33), "too many", "at most"),
        ("field__needs", ";;", "missing", "accepts"),
        ("sharing-consent__warned_on", "", "missing", "explain the limits"),
        ("field__urgency", " ", "missing", "add"),
        ("field__dependants", "31", "out of range", "0 to 30"),
        ("field__dependants", "-1", "not a whole number", "digits"),
        ("field__dependants", "1.0", "not a whole number", "digits"),
        ("field__dependants", "9" * 190, "not a whole number", "digits"),
        ("field__status_authority", "x" * 201, "too long", "at most 200"),
        ("field__status_authority", "x" * 5000, "too long", "at most 200"),
        ("field__status_authority", "bell\a", "character", "retype"),
        ("case", "", "missing", "add"),
        ("case", "x" * 41, "too long", "at most 40"),
    ],
)
def test_a_wrong_cell_is_named_with_its_cure(end: str, cell: str, said: str, cure: str) -> None:
    problem = one_problem(read_with(**{end: cell}))
    assert problem.line == 2
    assert said in problem.problem
    assert cure in problem.cure
    if "ends before" not in said:
        name = end.partition("__")[2] or end
        assert problem.field.startswith(HEADER[end.replace("__", "/")])
        assert name in problem.field


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40))
def test_a_fault_never_says_what_the_cell_holds(text: str) -> None:
    said = []
    for column in COLUMNS:
        words = LA.by_word.get(column.codes or "", {})
        try:
            read_cell(column, words, "canary" + text, today=TODAY)
        except CellFault as fault:
            said.append(f"{fault.problem} {fault.cure} {fault}")
    assert not [sentence for sentence in said if "canary" in sentence]


def test_no_problem_of_a_file_repeats_a_cell() -> None:
    rows = table()
    for header in rows[0]:
        rows[0][header] = "canary-" + "ຄ" * 250
    problems = read(as_csv(rows)).problems
    assert len(problems) > 20
    assert not [problem for problem in problems if "canary" in str(problem)]


def test_every_wrong_cell_of_a_row_is_told_at_once() -> None:
    reading = read_with(field__sex="?", field__birth_date="?", field__urgency="?")
    assert len(reading.problems) == 3


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("໑໔/໐໒/໑໙໙໙", "1999-02-14"),
        ("4/2/1999", "1999-02-04"),
        ("02/1999", "1999-02"),
        ("໑໙໙໙", "1999"),
    ],
)
def test_lao_digits_and_partial_dates(cell: str, expected: str) -> None:
    assert read_with(field__birth_date=cell).records[0].values["birth_date"] == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("29/02/2543", "2000-02-29"), ("໒໕໔໒", "1999"), ("23/11/2569", "2026-11-23")],
)
def test_years_of_the_buddhist_era_where_the_column_declares_them(cell: str, expected: str) -> None:
    column = Column(header="x", to=("field/x",), kind="date", calendar="buddhist", partial=True)
    assert read_cell(column, {}, cell, today=TODAY) == expected


@pytest.mark.parametrize("cell", ["14/02/1999", "29/02/2544", "24/11/2569"])
def test_a_year_of_the_wrong_era_is_not_guessed(cell: str) -> None:
    column = Column(header="x", to=("field/x",), kind="date", calendar="buddhist")
    with pytest.raises(CellFault):
        read_cell(column, {}, cell, today=TODAY)


def test_stray_spaces_and_invisible_characters_go() -> None:
    reading = read_with(
        field__sex="\u200b ຍິງ\u00a0",
        field__given_names_native="\ufeffທິ\u00a0\u00a0ຕົວ\u200bຢ່າງ\u202e ",
    )
    assert reading.records[0].values["sex"] == "F"
    assert reading.records[0].values["given_names_native"] == "ທິ ຕົວຢ່າງ"


def test_decomposed_text_is_composed() -> None:
    name = unicodedata.normalize("NFD", "Trần")
    assert (
        read_with(field__family_name_native=name).records[0].values["family_name_native"] == "Trần"
    )


@pytest.mark.parametrize("cell", ["=1+1", "+84", "-x", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_what_looks_like_a_formula_stays_text(cell: str) -> None:
    assert read_with(field__status_authority=cell).records[0].values["status_authority"] == cell


def test_a_child_gets_nothing_from_the_rules_for_adults() -> None:
    record = read_with(field__age_status="ສັນນິຖານວ່າເປັນເດັກ").records[0]
    assert record.facts["age_status"] == "presumed-child"
    assert not {"guardian", "best_interests", "child_views"} & record.facts.keys()


def test_a_column_stands_before_a_rule() -> None:
    assert read_with(fact__guardian="ແຕ່ງຕັ້ງແລ້ວ").records[0].facts["guardian"] == "appointed"


def test_an_empty_sharing_consent_is_none_and_not_an_error() -> None:
    parts = [end for end in HEADER if end.startswith("sharing-consent/")]
    rows = table()
    for end in parts:
        rows[0][HEADER[end]] = ""
    form = LA.file.publications["referral"]
    needless = form.model_copy(update={"required": ()})
    file = LA.file.model_copy(update={"publications": {"referral": needless}})
    adapter = dataclasses.replace(LA, file=file)
    record = read_form(adapter, "a.csv", as_csv(rows), today=TODAY).records[0]
    assert record.sharing_consent is None
    assert "sharing_consent" not in record.facts_at(1_795_392_000_000)


def test_agreement_before_the_warning_is_invalid() -> None:
    record = read_with(**{"sharing-consent__warned_on": "02/11/2026"}).records[0]
    assert record.facts_at(1_795_392_000_000)["sharing_consent"] == "invalid"


def test_a_case_that_stands_twice_sends_neither_row() -> None:
    rows = table()
    rows[1][HEADER["case"]] = rows[0][HEADER["case"]].replace("0001", "໐໐໐໑")
    rows.append(rows[1] | {HEADER["case"]: "other", BORN: "1980"})
    reading = read(as_csv(rows))
    assert [record.line for record in reading.records] == [4]
    assert [problem.line for problem in reading.problems] == [2, 3]


def test_one_person_under_two_case_numbers_sends_neither_row() -> None:
    rows = table()
    reading = read(as_csv([rows[0], rows[0] | {HEADER["case"]: "ຄມ-2026-0009"}, rows[1]]))
    assert [record.line for record in reading.records] == [4]


def test_bytes_that_are_not_utf8_spoil_their_own_row_alone() -> None:
    data = SAMPLE.replace("ຫງວຽນ".encode(), b"\xff\xfe\x80")
    problem = one_problem(read(data))
    assert (problem.line, "UTF-8" in problem.problem) == (2, True)


def test_a_row_of_bytes_in_the_column_that_stays_is_spoilt_too() -> None:
    data = SAMPLE.replace("ຂໍ້ມູນສົມມຸດ".encode(), b"\xc0\xaf", 1)
    assert one_problem(read(data)).line == 2


def test_line_numbers_count_line_breaks_inside_cells() -> None:
    rows = table()
    rows[0][HEADER["stays"]] = "one\r\ntwo\nthree"
    rows[1][BORN] = "?"
    assert one_problem(read(as_csv(rows))).line == 5


def test_empty_rows_are_left_out() -> None:
    reading = read(SAMPLE + b"\r\n" + b"," * (len(COLUMNS) - 1) + b"\r\n\r\n")
    assert (len(reading.records), reading.problems) == (2, [])


def test_columns_may_stand_in_any_order() -> None:
    names = [column.header for column in COLUMNS][::-1]
    assert read(as_csv(table(), names)).records == read(SAMPLE).records


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[:0], "empty"),
        (lambda data: data.replace(b",", b";"), "0 of the form's"),
        (lambda data: data.replace(BORN.encode(), b"born", 1), "missing"),
        (lambda data: data.replace(b"\r\n", b",extra\r\n", 1), "not in the form"),
        (lambda data: data.replace(BORN.encode(), HEADER["case"].encode(), 1), "twice"),
        (lambda data: data.replace(BORN.encode(), b"\xff", 1), "header row is not UTF-8"),
        (lambda data: data.decode("utf-8-sig").encode("utf-16"), "zero byte|not UTF-8"),
        (lambda data: b"," * 1_000 + data, "too many columns"),
        (lambda data: b"," * 1_000_000 + data, "too long"),
        (lambda data: data + b" " * limits.FORM_BYTES_MAX, "too large"),
    ],
    ids=range(10),
)
def test_a_file_with_a_wrong_header_or_encoding_sends_nothing(
    spoil: Callable[[bytes], bytes], said: str
) -> None:
    reading = read(spoil(SAMPLE))
    assert reading.records == []
    assert any(part in problem.problem for problem in reading.problems for part in said.split("|"))


def test_a_short_row_and_a_broken_quote_spoil_themselves_alone() -> None:
    lines = SAMPLE.split(b"\r\n")
    reading = read(b"\r\n".join([lines[0], b"a,b", b'"x"y,z', lines[1], lines[2], b'"open']))
    assert [record.line for record in reading.records] == [4, 5]
    assert [problem.line for problem in reading.problems] == [2, 3, 6]


def test_a_file_of_faults_and_a_file_of_records_are_bounded() -> None:
    header, row, _ = SAMPLE.split(b"\r\n", 2)
    assert len(read(header + b"\r\nx" * 5000).problems) == limits.FORM_PROBLEMS_MAX + 1
    many = b"".join(b"\r\n" + row.replace(b"0001", b"%d" % n, 1) for n in range(900))
    assert len(many) < limits.FORM_BYTES_MAX
    assert len(read(header + many).records) + len(read(header + many).problems) >= 500


def test_a_file_of_another_kind_is_named() -> None:
    for name in ("referrals.xlsx", "referrals", ".csv"):
        reading = read(SAMPLE, name)
        assert (reading.records, len(reading.problems)) == ([], 1)


def read_answer(data: bytes | dict[str, Any] | list[Any]) -> Reading:
    raw = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    return read_form(VN, "answer.json", raw, today=TODAY)


def answer(**changes: Any) -> dict[str, Any]:
    return {**json.loads(ANSWER), **{key.replace("_", " "): cell for key, cell in changes.items()}}


def test_an_answer_names_the_message_that_it_answers() -> None:
    record = read_answer(ANSWER).records[0]
    assert record.publication == "referral-response"
    assert record.values["answer"] == "ACCEPTED"
    assert record.reply_to == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert record.sharing_consent is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"nul", "not JSON"),
        (ANSWER + b"x", "follows"),
        (ANSWER.replace(b"{", b'{"a": 1, "a": 2,', 1), "twice"),
        (ANSWER.replace(b"{", b'{"a": NaN,', 1), "not whole"),
        (ANSWER.replace(b"{", b'{"a": 1.5,', 1), "not whole"),
        (ANSWER.replace(b"{", b'{"a": ' + b"9" * 5000 + b",", 1), "too large"),
        (ANSWER.replace(b"{", b'{"a": "\xff",', 1), "not UTF-8"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
        (answer(lạ="x"), "not in the form"),
        (answer(trả_lời="có lẽ"), "not a word"),
        (answer(trả_lời=["chấp nhận"]), "not a text"),
        (answer(trả_lời="\ud800"), "character"),
        (answer(trả_lời=None), "missing"),
        (answer(số_hồ_sơ=7), "not a text"),
        (answer(biểu_mẫu="Phiếu khác"), "title"),
        (answer(trả_lời_cho_mã_tin="00"), "message number"),
        (answer(trả_lời_cho_mã_tin="0x" + "0" * 30), "message number"),
        (answer(trả_lời_cho_mã_tin=None), "missing"),
    ],
)
def test_a_wrong_answer_is_named_with_its_cure(data: Any, said: str) -> None:
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    reading = read_answer(data)
    assert any(said in problem.problem for problem in reading.problems)
    assert all(problem.cure for problem in reading.problems)
    assert not reading.records or "follows" in said


def test_the_good_answers_before_and_after_a_wrong_one_still_go() -> None:
    items = [answer(số_hồ_sơ="1"), answer(trả_lời="?")]
    items += [answer(số_hồ_sơ="3", trả_lời="Không chấp nhận", trả_lời_cho_mã_tin="0f" * 16)]
    reading = read_answer(items)
    assert [record.case for record in reading.records] == ["1", "3"]
    assert len(reading.problems) == 1


def test_the_line_of_an_answer_is_where_it_begins() -> None:
    answers = [answer(số_hồ_sơ=f"{n}", trả_lời_cho_mã_tin=f"{n:032x}") for n in (1, 2, 3)]
    items = ",\n".join(json.dumps(item, ensure_ascii=False) for item in answers)
    assert [record.line for record in read_answer(f"[\n{items}\n]".encode()).records] == [2, 3, 4]


def test_two_answers_to_one_message_send_neither() -> None:
    assert read_answer([answer(số_hồ_sơ="1"), answer(số_hồ_sơ="2")]).records == []


def test_records_on_one_line_are_told_apart() -> None:
    items = [answer(số_hồ_sơ=f"{n}", trả_lời_cho_mã_tin=f"{n:032x}") for n in (1, 2, 2)]
    reading = read_answer(items)
    assert [record.case for record in reading.records] == ["1"]
    assert [problem.line for problem in reading.problems] == [1, 1]


def test_an_array_that_is_cut_off_is_told_and_its_whole_answers_go() -> None:
    reading = read_answer(b"[" + ANSWER)
    assert len(reading.records) == 1
    assert "does not end" in reading.problems[0].problem


def test_an_empty_array_is_no_record_and_no_problem() -> None:
    assert read_answer(b"[ ]\n") == Reading([], [])


def sound(reading: Reading) -> None:
    assert all(isinstance(record, Record) for record in reading.records)
    assert all(
        problem.line >= 1 and problem.problem and problem.cure for problem in reading.problems
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SAMPLE)), st.integers(0, 40), st.binary(max_size=12))
@example(0, 3, b"\xff\xfe")
def test_a_damaged_spreadsheet_is_records_and_problems_and_never_an_exception(
    place: int, gone: int, junk: bytes
) -> None:
    sound(read(SAMPLE[:place] + junk + SAMPLE[place + gone :]))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(ANSWER)), st.integers(0, 40), st.binary(max_size=12))
def test_a_damaged_answer_is_records_and_problems_and_never_an_exception(
    place: int, gone: int, junk: bytes
) -> None:
    sound(read_answer(ANSWER[:place] + junk + ANSWER[place + gone :]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a.CSV", "\x00.json"]))
def test_any_bytes_are_records_and_problems_and_never_an_exception(data: bytes, name: str) -> None:
    sound(read_form(LA, name, data, today=TODAY))
    sound(read_form(VN, name, data, today=TODAY))


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(list(json.loads(ANSWER))), inner, max_size=5)
        ),
    )
)
def test_any_json_is_records_and_problems_and_never_an_exception(value: Any) -> None:
    sound(read_answer(json.dumps(value).encode()))


@given(st.text(max_size=30))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
