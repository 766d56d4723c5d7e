import contextlib
import math
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgen.errors import InputError
from mpcgen.report.columns import LD_SITES, SITE, leading
from mpcgen.report.tables import PValue, format_p, read_table, table_writer, write_table
from tests.site_lists import site_list

FORMATS = ["tsv", "parquet"]
REALS = st.floats(allow_nan=True, allow_infinity=True)


def test_text_is_what_the_field_reads(tmp_path: Path) -> None:
    columns = {
        "#CHROM": pa.array(["1", "X"]),
        "POS": np.array([5, 2**40]),
        "ID": np.array(['a "quoted" id', "é,;'"], dtype=object),
        "OR": np.array([math.inf, math.nan]),
        "R": np.array([-0.0, 0.1 + 0.2]),
        "DF": pa.array([None, 2]),
        "P": PValue(np.array([math.nan, 4020.4934949])),
    }
    write_table(tmp_path / "t.tsv", columns)
    assert (tmp_path / "t.tsv").read_bytes().decode() == (
        "#CHROM\tPOS\tID\tOR\tR\tDF\tP\n"
        '1\t5\ta "quoted" id\tinf\t0\tNA\tNA\n'
        f"X\t{2**40}\té,;'\tNA\t0.30000000000000004\t2\t3.21e-4021\n"
    )


@given(st.lists(REALS, min_size=1, max_size=40))
def test_floats_read_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, reals: list[float]
) -> None:
    path = tmp_path_factory.mktemp("reals") / "t.tsv"
    write_table(path, {"R": np.array(reals), "N": np.arange(len(reals))})
    cells = [line.split("\t")[0] for line in path.read_text().splitlines()[1:]]
    back = np.array([math.nan if cell == "NA" else float(cell) for cell in cells])
    np.testing.assert_array_equal(back, reals)
    np.testing.assert_array_equal(read_table(path)["R"], reals)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20))
def test_p_never_underflows(scores: list[float]) -> None:
    with localcontext(Emin=-(10**7), prec=30):
        for score, text in zip(scores, format_p(scores).to_pylist(), strict=True):
            p = Decimal(10) ** -Decimal(score)
            digits = Decimal("1e-12") if score <= 300 else Decimal("5.1e-6")
            assert text is not None
            assert abs(Decimal(text) - p) <= digits * p


def test_p_at_the_edges() -> None:
    edges = [0, 1, 300, 300.5, 399.9999999, 400, math.inf, math.nan]
    texts = ["1", "0.1", "1e-300", "3.16228e-301", "1e-400", "1e-400", "0", None]
    assert format_p(edges).to_pylist() == texts


@pytest.mark.parametrize("kind", FORMATS)
def test_a_table_reads_back(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(1)
    m = 70_000  # more than one round of pieces
    sites = site_list(
        rng.integers(1, 27, m),
        rng.integers(1, 10**8, m),
        ("NA" if i % 7 else f"rs{i}" for i in range(m)),
        "A" * m,
        ["<DEL>"] * m,
    )
    score = rng.exponential(size=m)
    score[::5] = np.nan
    score[3] = 5000
    columns = leading(sites) | {"P": PValue(score), "NEG_LOG10_P": score}
    path = tmp_path / f"t.{kind}"
    write_table(path, columns, kind)
    back = read_table(path)
    assert tuple(back.columns) == (*SITE, "P", "NEG_LOG10_P")
    names = np.array(["0", *map(str, range(1, 23)), "X", "Y", "XY", "MT"])
    np.testing.assert_array_equal(back["#CHROM"], names[sites.chrom])
    np.testing.assert_array_equal(back["POS"], sites.pos)
    assert back["ID"].tolist() == sites.id.to_pylist()
    np.testing.assert_array_equal(back["NEG_LOG10_P"], score)
    np.testing.assert_allclose(back["P"], 10.0**-score, rtol=1e-14)


@pytest.mark.parametrize("kind", FORMATS)
def test_batches_make_the_same_table(tmp_path: Path, kind: str) -> None:
    whole = {"N": np.arange(10_000), "R2": np.linspace(0, 1, 10_000)}
    with table_writer(tmp_path / "batches", ("N", "R2"), kind) as table:
        for part in np.split(np.arange(10_000), [0, 3, 9_000]):
            table.write({name: column[part] for name, column in whole.items()})
        assert not (tmp_path / "batches").exists()
    assert table.rows == 10_000
    (tmp_path / "batches").rename(tmp_path / f"batches.{kind}")
    back = read_table(tmp_path / f"batches.{kind}")
    for name, column in whole.items():
        np.testing.assert_array_equal(back[name], column)
    if kind == "tsv":
        write_table(tmp_path / "whole.tsv", whole)
        assert (tmp_path / "whole.tsv").read_bytes() == (tmp_path / "batches.tsv").read_bytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_table_without_rows_has_its_columns(tmp_path: Path, kind: str) -> None:
    columns = (*LD_SITES, "N", "R", "R2")
    with table_writer(tmp_path / f"t.{kind}", columns, kind):
        pass
    back = read_table(tmp_path / f"t.{kind}")
    assert tuple(back.columns) == columns
    assert len(back) == 0


def test_both_formats_read_back_as_the_same(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "#CHROM": pa.array(["1", "X"]),
        "POS": np.array([5, 6], np.int32),
        "OBS_CT": np.array([7, 0], np.uint64),
        "CHISQ": np.array([1.0, 2.0]),
        "DF": np.array([1.0, 2.0]),
        "P": PValue(np.array([1.0, np.nan])),
    }
    reals = [name in ("CHISQ", "DF", "P") for name in columns]
    for rows in (slice(0), slice(1), slice(2)):
        cut = {
            name: PValue(c.neg_log10[rows]) if isinstance(c, PValue) else c[rows]
            for name, c in columns.items()
        }
        for kind in FORMATS:
            write_table(tmp_path / f"t.{kind}", cut, kind)
        tsv, parquet = (read_table(tmp_path / f"t.{kind}") for kind in FORMATS)
        pd.testing.assert_frame_equal(tsv, parquet)
        assert [dtype == np.float64 for dtype in tsv.dtypes] == reals
        assert [dtype == np.int64 for dtype in tsv.dtypes][1:3] == [True, True]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t"
    path.write_text("the last run's table")
    with contextlib.suppress(KeyboardInterrupt), table_writer(path, ("N",), kind) as table:
        table.write({"N": [1]})
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["t"]
    assert path.read_text() == "the last run's table"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'csv' is not known"):
        write_table(tmp_path / "t", {"N": [1]}, "csv")
    with pytest.raises(ValueError, match="differ in length"):
        write_table(tmp_path / "t", {"N": [1], "R": np.zeros(2)})
    with (
        pytest.raises(ValueError, match="do not match"),
        table_writer(tmp_path / "t", ("N", "R")) as table,
    ):
        table.write({"R": [1], "N": [1]})
    assert not list(tmp_path.iterdir())


def test_unreadable_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 it is not")
    (tmp_path / "t.tsv").write_text("N\tR\n1\t2\t3\n")
    for name in ("none.tsv", "t.tsv", "t.parquet"):
        with pytest.raises(InputError, match=name):
            read_table(tmp_path / name)


def test_writing_imports_no_pandas(tmp_path: Path) -> None:
    """It costs a party a third of a second, and only readers need it."""
    script = """
import sys
import numpy as np
from mpcgen.genome.columns import strings
from mpcgen.genome.sites import SiteList
from mpcgen.report.columns import leading
from mpcgen.report.tables import PValue, write_table
from mpcgen.report.vcf import write_sites_vcf
one, letters = np.ones(3, np.int64), strings("ACG")
sites = SiteList(one, one, letters, letters, letters)
columns = leading(sites) | {"R": np.array([0.5, np.nan, 1]), "P": PValue(one * 400.5)}
for kind in ("tsv", "parquet"):
    write_table(sys.argv[1] + kind, columns, kind)
write_sites_vcf(sys.argv[1] + "vcf", sites, one, one, ref_known=False)
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "t.")], check=True)
