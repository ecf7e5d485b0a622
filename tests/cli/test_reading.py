"""Reading a user's file: what its text says of itself."""

import bz2
import io
import lzma
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from skreg.cli.preprocessing import build_preprocessor
from skreg.cli.reading import read_table
from skreg.cli.table import make_problem

TABLES = Path(__file__).parent / "tables"


def frame_of(path, **options):
    return read_table(path, **options).frame


def archive(**members):
    """The bytes of a zip file of CSV files."""
    return archive_of(*(one for name, text in members.items() for one in (f"{name}.csv", text)))


def archive_of(*names_and_texts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, text in zip(names_and_texts[::2], names_and_texts[1::2], strict=True):
            made.writestr(name, text)
    return file.getvalue()


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_gz_and_parquet_hold_the_same(tmp_path, mixed):
    frame = mixed.drop(columns="empty")
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    plain = frame_of(tmp_path / "a.csv")
    assert plain.shape == frame.shape
    pd.testing.assert_frame_equal(frame_of(tmp_path / "a.csv.gz"), plain)
    stored = frame_of(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(stored, plain, check_dtype=False)


def test_question_marks_are_missing_values(tmp_path):
    frame = frame_of(write(tmp_path / "a.csv", "a,b\n1,x\n?,?\n3,z\n"))
    assert frame.isna().sum().tolist() == [1, 1]
    assert frame["a"].dtype == np.float64


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_told_from_the_file(tmp_path, separator):
    text = "a,b,c\n1,x y,2\n3,u;v;w,4\n" if separator == "," else "a,b,c\n1,x,2\n3,y,4\n"
    path = write(tmp_path / "a.csv", text.replace(",", separator))
    for given in (None, separator):
        assert frame_of(path, separator=given).shape == (2, 3)
    assert frame_of(path, separator="#").shape == (2, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "is empty"),
        ("blank.csv", "\n\n", "is empty"),
        ("header.csv", "a,b\n", "a header but no rows"),
        (
            "ragged.csv",
            "a,b\n1,2\n1,2,3\n",
            "line 3 has more fields than the header has names (3 for 2)",
        ),
        ("binary.csv", bytes(range(256)) * 4, "is not a text file"),
        ("fake.csv.gz", "a,b\n1,2\n", "cannot be read: Not a gzipped file"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KLJ", "cannot be read"),
        ("fake.parquet", "a,b\n1,2\n", "cannot be read"),
        ("empty.parquet", "", "cannot be read"),
        ("book.ods", "a", "unknown kind of file; use .csv, .tsv or .txt"),
        (
            "two.zip",
            archive(a="a\n1\n", b="b\n2\n"),
            "must hold one table; it holds 'a.csv', 'b.csv'",
        ),
        ("fake.zip", "a,b\n1,2\n", "cannot be read: File is not a zip file"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message, failing):
    path = write(tmp_path / name, content)
    line = failing(path, "--target", "a")
    assert message in line
    assert str(path) in line


def test_missing_file_and_directory(tmp_path, failing):
    assert "no such file" in failing(tmp_path / "no.csv", "--target", "a")
    assert "is a directory" in failing(tmp_path, "--target", "a")


def test_file_without_permission(tmp_path, failing, monkeypatch):
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")

    def refuse(*args, **kwargs):  # root may read anything, so the refusal is made here
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pd, "read_csv", refuse)
    assert "cannot be read: Permission denied" in failing(path, "--target", "a")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "a\tb\n1\tx\n2\ty\n"),
        ("a.csv.bz2", bz2.compress(b"a,b\n1,x\n2,y\n")),
        ("a.csv.xz", lzma.compress(b"a,b\n1,x\n2,y\n")),
        ("a.zip", archive(a="a,b\n1,x\n2,y\n")),
        ("b.zip", archive_of("table", "a,b\n1,x\n2,y\n")),
        ("a.dat", "a   b\n1   x\n2  y\n"),
        ("a", "a,b\n1,x\n2,y\n"),
    ],
)
def test_other_kinds_of_files(tmp_path, name, content):
    frame = frame_of(write(tmp_path / name, content))
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))


@pytest.mark.parametrize("pack", [bytes, bz2.compress])
def test_the_standard_input(monkeypatch, pack):
    given = io.TextIOWrapper(io.BytesIO(pack(b"a;b\n1;x\n2;y\n")))
    monkeypatch.setattr(sys, "stdin", given)
    assert frame_of(Path("-")).columns.tolist() == ["a", "b"]


def test_sheets_are_read_if_openpyxl_is_there(tmp_path, failing, monkeypatch):
    def refuse(*args, **kwargs):
        raise ImportError("Missing optional dependency 'openpyxl'.")

    path = write(tmp_path / "a.xlsx", "")
    monkeypatch.setattr(pd, "read_excel", refuse)
    assert "needs openpyxl (pip install openpyxl)" in failing(path, "--target", "a")
    sheets = {"data": pd.DataFrame({" a ": [1, 2]}), "notes": pd.DataFrame({"x": [0]})}
    monkeypatch.setattr(pd, "read_excel", lambda *args, **kwargs: sheets)
    table = read_table(path)
    assert table.frame["a"].tolist() == [1, 2]
    assert table.notes == ("read the first of 2 sheets, 'data'",)
    assert table.code("b") == 'pd.read_excel("new_rows.xlsx")'


def test_parquet_without_an_engine(tmp_path, failing, monkeypatch):
    def refuse(*args, **kwargs):
        raise ImportError("Unable to find a usable engine;\ntried using: 'pyarrow'")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    path = write(tmp_path / "a.parquet", "")
    assert "needs pyarrow (pip install pyarrow)" in failing(path, "--target", "a")


ROWS = [
    ("51.3", "26.0", "east", "343.8", "yes"),
    ("48.7", "23.2", "east", "333.73", "yes"),
    ("56.4", "22.8", "south", "484.04", "no"),
    ("51.0", "1.1", "north", "131.24", "yes"),
]
NAMES = ("area", "age", "region", "price", "sold")


def lines(rows=ROWS, names=NAMES, separator=",", end="\n"):
    return "".join(separator.join(row) + end for row in ([names] if names else []) + list(rows))


PLAIN = lines()
SPELLINGS = {
    "rows end in a comma": (lines(end=",\n").replace("sold,", "sold"), {"index_col": False}, ""),
    "all end in a comma": (lines(end=",\n"), {}, ""),
    "title": ("Sales of 2024\n\n" + PLAIN, {"skiprows": 2}, "left out 2 lines above the header"),
    "byte order mark": ("\ufeff" + PLAIN, {}, ""),
    "semicolons": (
        lines(separator=";").replace(".", ","), {"sep": ";", "decimal": ","}, ""
    ),
    "tabs": (lines(separator="\t"), {"sep": "\t"}, ""),
    "a line that names the separator": (
        "sep=;\n" + lines(separator=";"), {"sep": ";", "skiprows": 1}, ""
    ),
    "spaces after commas": (PLAIN.replace(",", ", "), {"skipinitialspace": True}, ""),
    "comments": ("# by me\n" + PLAIN, {"skiprows": 1}, "left out 1 comment line (#)"),
    "comments inside": (
        PLAIN.replace("48.7", "# sold late\n48.7"), {"comment": "#"}, "left out 1 comment line (#)"
    ),
    "totals": (
        PLAIN + "Total,,,1292.77,\n", {},
        "left out 1 line at the end (totals or footnotes): 'Total'",
    ),
    "footnotes": (
        PLAIN + "\nSource: the office\n", {},
        "left out 1 line at the end (totals or footnotes): 'Source: the office'",
    ),
    "header again": (
        PLAIN.replace("51.0", PLAIN.split("\n")[0] + "\n51.0"), {},
        "left out 1 repetition of the header",
    ),
    "old line ends": (PLAIN.replace("\n", "\r"), {}, ""),
    "blank lines": (PLAIN.replace("east", "east", 1) + "\n\n", {}, ""),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_table_is_the_same_however_it_is_spelled(tmp_path, spelling):
    text, options, note = SPELLINGS[spelling]
    plain = frame_of(write(tmp_path / "plain.csv", PLAIN))
    table = read_table(write(tmp_path / "a.csv", text), target="price")
    frame = table.frame.drop(columns=[c for c in table.frame if c.startswith("Unnamed")])
    pd.testing.assert_frame_equal(frame, plain)
    assert table.options == options
    assert "".join(table.notes) == note


@pytest.mark.parametrize(
    "name",
    ["currency_target", "latin1", "noheader", "semi_dec", "thousands_feat", "title", "trail"],
)
def test_spellings_of_a_table_give_the_same_problem(name):
    """Area, age, region, price and sold of 300 houses as people write them."""
    target = "4" if name == "noheader" else "price"
    table = read_table(TABLES / f"{name}.csv", target=target)
    problem = make_problem(table.frame, target)
    assert problem.task == "regression"
    assert [column.kind for column in problem.columns] == ["number", "number", *["category"] * 2]
    numbers = build_preprocessor(problem.X, problem.columns)[0].fit_transform(problem.X)
    y = problem.y * (0.001 if name == "currency_target" else 1.0)
    np.testing.assert_allclose(y[:3], [343.8, 333.73, 484.04])
    assert LinearRegression().fit(numbers, y).score(numbers, y) > 0.975


def test_a_column_of_dates_and_one_of_huge_numbers():
    dates = make_problem(read_table(TABLES / "date_mdy.csv").frame, "price")
    date = dates.columns[0]
    assert (date.name, date.kind, date.form) == ("date", "date", "%m/%d/%Y")
    huge = make_problem(read_table(TABLES / "huge_feat.csv").frame, "price")
    numbers = build_preprocessor(huge.X, huge.columns)[0].fit_transform(huge.X)
    assert np.isfinite(numbers).all()
    assert "'area' holds numbers beyond" in huge.notes[0]


def test_a_line_of_units_below_the_header(tmp_path):
    rows = [f"{50 + i}.5,{i},{100 + i}.5" for i in range(40)]
    text = "\n".join(["area,age,price", "m²,years,EUR", *rows])
    problem = make_problem(frame_of(write(tmp_path / "a.csv", text)), "price")
    assert problem.task == "regression"
    assert [(column.kind, column.form) for column in problem.columns] == [("number", ".")] * 2
    assert "'m²' counts as missing" in problem.columns[0].use


def test_lines_that_lack_fields_are_named(tmp_path):
    table = read_table(write(tmp_path / "a.csv", PLAIN + "50,3\n" + lines(names=())))
    assert table.notes[0].startswith("line 6 has fewer fields than the header has names")
    assert table.frame.isna().sum().sum() == 3


def test_a_category_called_total_is_no_total(tmp_path):
    text = "kind,x,y\n" + "total,1,2\npart,3,4\n" * 3 + "total,5,6\n"
    assert len(frame_of(write(tmp_path / "a.csv", text))) == 7


def test_thousands_with_points(tmp_path):
    path = write(tmp_path / "a.csv", "a;b\n1.234,5;x\n7,25;y\n")
    assert frame_of(path)["a"].tolist() == [1234.5, 7.25]


def test_other_encodings_are_read_and_said(tmp_path):
    text = PLAIN.replace("area", "Fläche m²").replace("south", "Zürich")
    for encoding, note in (
        ("latin-1", "not UTF-8"),
        ("utf-16", ""),
        ("utf-16-le", ""),
        ("utf-8", ""),
    ):
        table = read_table(write(tmp_path / "a.csv", text.encode(encoding)))
        assert table.frame.columns[0] == "Fläche m²"
        assert table.frame["region"][2] == "Zürich"
        assert note in "".join(table.notes)


def test_a_first_row_of_data_is_no_header(tmp_path):
    path = write(tmp_path / "a.csv", lines(names=()))
    table = read_table(path, target="price")
    assert table.frame.shape == (4, 5)
    assert table.frame.columns.tolist() == ["1", "2", "3", "4", "5"]
    assert "(51.3, 26.0, east, 343.8, …) looks like data" in table.notes[0]
    assert "names=['1', '2', '3', '5']" in table.code("4")


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("country,2019,2020,2021", ["a,1,2,3", "b,4,5,6"]),
        ("0,1,2", ["5,3,2.5", "3,1,0.5"]),
        ("y," + ",".join(str(1100.5 + 2 * i) for i in range(8)), ["1" + ",0.5" * 8] * 3),
        ("yes,no", ["1,2", "3,4"]),
        ("name,1", ["u,v", "w,x"]),
        ("price,7", ["1,2", "3,4"]),
    ],
)
def test_names_may_look_like_numbers(tmp_path, header, rows):
    path = write(tmp_path / "a.csv", "\n".join([header, *rows]))
    table = read_table(path, target="price" if "price" in header else None)
    assert table.frame.columns.tolist() == header.split(",")
    assert table.notes == ()


def test_names_of_rows_are_said(tmp_path):
    path = write(tmp_path / "a.csv", "a,b\nr1,1,2\nr2,3,4\n")
    table = read_table(path)
    assert table.frame["a"].tolist() == [1, 3]
    assert "taken for the row's name" in table.notes[0]


def test_a_field_too_many_is_refused(tmp_path, failing):
    rows = "".join(f"{i},{i % 2},\n" for i in range(20_000))
    path = write(tmp_path / "a.csv", "a,b\n" + rows + "1,2,3\n")
    assert "more fields than the header has names" in failing(path, "--target", "b")


def test_the_printed_code_reads_as_read_table_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("a;b\n1;?\n2;u\n", SPELLINGS["title"][0], SPELLINGS["semicolons"][0]):
        table = read_table(write(tmp_path / "new_rows.csv", text))
        read = eval(table.code("price"), {"pd": pd})
        pd.testing.assert_frame_equal(read, table.frame)
    pd.DataFrame({"a": [1]}).to_parquet("a.parquet")
    assert read_table(Path("a.parquet")).code("a") == 'pd.read_parquet("new_rows.parquet")'
