"""What a stranger hands to `xref adapter`: each fault has file, line and cure, and no content."""

import json
from pathlib import Path

import pytest

from unit.desk.workbook import workbook
from xref.cli import main
from xref.desk.adapter import FILE_NAME
from xref.desk.adapter_samples import SAMPLES
from xref.resources import data_folder

SECRET = "Nguyen Secret"
GUARDIAN = (data_folder("adapters") / "la" / SAMPLES / "guardian.json").read_text("utf-8")
LOCKED = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(3000)
FILES = [
    ("f.json", b"", 1, "the file is empty"),
    ("f.json", b" \n ", 1, "the file is empty"),
    ("f.json", b'{"a":\n', 2, "it is not JSON"),
    ("f.json", json.dumps(SECRET).encode(), 1, "it is not a JSON object"),
    ("f.json", b'{\n"\xb5": 1}', 2, "not UTF-8"),
    ("f.json", GUARDIAN.encode("utf-16"), 1, "zero byte"),
    ("f.json", GUARDIAN.replace('"ເລກຄະດີ"', f'"{SECRET}"').encode(), 1, "key 2 is not in"),
    ("f.json", GUARDIAN.replace('"ຍິງ"', f'"{SECRET}"').encode(), 1, "(sex): it is not a word"),
    ("f.json", GUARDIAN.replace("02/05/2011", "05/25/2011").encode(), 1, "(birth_date): there is"),
    ("f.csv", b"", 1, "the file is empty"),
    ("f.csv", SECRET.encode("utf-16"), 1, "not UTF-8"),
    ("f.txt", SECRET.encode(), 1, "no form of the adapter"),
    ("f.xlsx", b"", 1, "the file is empty"),
    ("f.xlsx", LOCKED, 1, "it is locked with a password"),
    ("f.xlsx", SECRET.encode(), 1, "it is no workbook"),
    ("f.xlsx", workbook([[SECRET]])[:-40], 1, "it is no workbook"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Adapters for each ending; that for sheets is Lao PDR's with its tables as sheets."""
    sheets = tmp_path_factory.mktemp("sheets")
    la = data_folder("adapters") / "la"
    text = (la / FILE_NAME).read_text("utf-8").replace('format = "csv"', 'format = "xlsx"')
    (sheets / FILE_NAME).write_text(text, "utf-8")
    return {"xlsx": sheets, "other": Path(str(la))}


def test_what_a_stranger_tries(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (name, data, line, said) in enumerate(FILES):
        file = tmp_path / f"{number}{name}"
        file.write_bytes(data)
        folder = folders.get(file.suffix[1:], folders["other"])
        assert main(["adapter", "try", str(folder), str(file)]) == 1
        shown = capsys.readouterr()
        (problem,) = [each for each in shown.err.splitlines() if each.startswith(file.name)]
        assert problem.startswith(f"{file.name}, line {line}: "), problem
        assert said in problem
        assert "; " in problem
        assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("try", "{la}", "{la}"), "is a folder; name a file in it"),
        (("try", "{la}", "{la}/none.csv"), "no such file or folder; name a form"),
        (("check", "{la}/none"), "no such file or folder; name a folder with an adapter"),
        (("check", f"{{la}}/{FILE_NAME}"), "is no folder; name "),
    ],
)
def test_a_wrong_place_is_told_with_the_right_one(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    la = str(data_folder("adapters") / "la")
    assert main(["adapter", *(each.format(la=la) for each in arguments)]) == 1
    assert said in capsys.readouterr().err
