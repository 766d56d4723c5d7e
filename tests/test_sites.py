"""Site lists: every format one list may stand in, its hash, selections, and what is refused."""

import gzip
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgen.errors import InputError
from mpcgen.genome.sites import SiteList, read_sites

Program = Callable[[str], str]

NAMED = {23: "X", 24: "Y", 25: "XY", 26: "MT"}
TSV = "CHROM\tPOS\tID\tREF\tALT\n"
SMALL = "1\ta\t0\t100\tA\tG\n1\tb\t0\t200\tC\tT\n2\tc\t0\t50\tG\tGT\nX\td\t0\t7\tA\tC\n"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def small(tmp_path: Path) -> SiteList:
    return read_sites(write(tmp_path, "small.bim", SMALL))


def rows_of(sites: SiteList) -> list[tuple[str, int, str, str, str]]:
    columns = (sites.chrom_names, sites.id, sites.ref, sites.alt)
    chrom, ids, ref, alt = (column.to_pylist() for column in columns)
    return list(zip(chrom, sites.pos.tolist(), ids, ref, alt, strict=True))  # type: ignore[arg-type]


def test_bim_columns(small: SiteList) -> None:
    assert rows_of(small) == [
        ("1", 100, "a", "G", "A"),
        ("1", 200, "b", "T", "C"),
        ("2", 50, "c", "GT", "G"),
        ("X", 7, "d", "C", "A"),
    ]
    assert small.chrom.tolist() == [1, 1, 2, 23]
    assert small.frequency is None
    assert len(small) == 4


def test_hash_is_over_canonical_rows(small: SiteList) -> None:
    rows = "1\t100\tG\tA\ta\n1\t200\tT\tC\tb\n2\t50\tGT\tG\tc\nX\t7\tC\tA\td\n"
    assert small.sha256 == hashlib.sha256(rows.encode()).hexdigest()


def test_no_rows_have_the_hash_of_nothing(small: SiteList) -> None:
    assert small.take(np.array([], np.int64)).sha256 == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        SMALL.replace("\t", " "),
        SMALL.replace("\t", "  \t "),
        SMALL.replace("\n", "\r\n"),
        "\ufeff" + SMALL,
        SMALL.replace("X\t", "chr23\t").replace("1\ta", "01\ta"),
        SMALL.rstrip("\n"),
        SMALL + "\n\n",
        SMALL.replace("\n", "\t\n"),
        TSV + "1\t100\ta\tG\tA\n1\t200\tb\tT\tC\n2\t50\tc\tGT\tG\nX\t7\td\tC\tA\n",
        "chrom pos id ref alt\n1 100 a G A\n1 200 b T C\n2 50 c GT G\nX 7 d C A\n",
        "#CHROM\tID\tPOS\tALT\tREF\n1\ta\t100\tA\tG\n1\tb\t200\tC\tT\n2\tc\t50\tG\tGT\nX\td\t7\tA\tC\n",
        "##fileformat=VCFv4.2\n##x\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts\ts\n"
        + "".join(
            f"{row}\t.\t.\tPR\tGT\t0/0\t.\n"
            for row in ("1\t100\ta\tG\tA", "chr1\t200\tb\tT\tC", "2\t50\tc\tGT\tG", "X\t7\td\tC\tA")
        ),
    ],
)
def test_formats_are_told_apart_by_content(same: str, small: SiteList, tmp_path: Path) -> None:
    assert read_sites(write(tmp_path, "list", same)).sha256 == small.sha256
    assert read_sites(write(tmp_path, "z", gzip.compress(same.encode()))).sha256 == small.sha256


def test_formats_written_by_plink2(open_data: Path, program: Program, tmp_path: Path) -> None:
    bim = open_data / "hm3_pops" / "pooled.bim"
    want = read_sites(bim)
    plink = [program("plink2"), "--bfile", str(bim.with_suffix("")), "--out", str(tmp_path / "x")]
    for command in (["--make-just-pvar"], ["--make-just-pvar", "zs"], ["--export", "vcf", "bgz"]):
        subprocess.run([*plink, *command], check=True, capture_output=True)
    for name in ("x.pvar", "x.pvar.zst"):
        assert read_sites(tmp_path / name).sha256 == want.sha256
    vcf = read_sites(tmp_path / "x.vcf.gz")
    view = [program("bcftools"), "view", "-GH", str(tmp_path / "x.vcf.gz")]
    lines = subprocess.run(view, check=True, capture_output=True, text=True).stdout.splitlines()
    assert vcf.id.to_pylist() == want.id.to_pylist() == [line.split("\t")[2] for line in lines]
    assert vcf.pos.tolist() == [int(line.split("\t")[1]) for line in lines]


def test_real_lists_agree_with_a_plain_reading(open_data: Path) -> None:
    for path in sorted(open_data.glob("*/pooled.bim")):
        named = {str(code): name for code, name in NAMED.items()}
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        text = "".join(f"{named.get(c, c)}\t{p}\t{r}\t{a}\t{i}\n" for c, i, _, p, a, r in rows)
        assert read_sites(path).sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_frequencies_of_info(open_data: Path, program: Program, tmp_path: Path) -> None:
    vcf, snps = open_data / "edge" / "hail_sample100.vcf.gz", tmp_path / "snps.vcf.gz"
    view = [program("bcftools"), "view", "-v", "snps", "-Oz", "-o", str(snps), str(vcf)]
    subprocess.run(view, check=True, capture_output=True)
    query = [program("bcftools"), "query", "-f", "%INFO/AF\n", str(snps)]
    printed = subprocess.run(query, check=True, capture_output=True, text=True).stdout.split()
    sites = read_sites(snps)
    assert sites.frequency is not None
    assert len(printed) > 300
    np.testing.assert_allclose(sites.frequency, np.array(printed, float), rtol=1e-6)


def test_frequencies_of_a_column(tmp_path: Path) -> None:
    rows = "1\t5\ta\tA\tC\t0.125\n1\t6\tb\tA\tC\tNA\n1\t7\tc\tA\tC\t1e-05\n"
    text = "CHROM\tPOS\tID\tREF\tALT\tAF\n" + rows
    sites = read_sites(write(tmp_path, "s.tsv", text))
    assert sites.frequency is not None
    np.testing.assert_array_equal(sites.frequency, [0.125, np.nan, 1e-5])


def test_a_column_of_missing_frequencies_is_none(tmp_path: Path) -> None:
    text = "CHROM\tPOS\tID\tREF\tALT\tINFO\n1\t5\ta\tA\tC\tMAF=0.1;PR\n"
    assert read_sites(write(tmp_path, "s.vcf", text)).frequency is None
    text = "CHROM\tPOS\tID\tREF\tALT\tAF\n1\t5\ta\tA\tC\t.\n"
    assert read_sites(write(tmp_path, "s.tsv", text)).frequency is None


names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=5
)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 26),
            st.integers(1, 2**31 - 2),
            names,
            st.permutations(["A", "C", "G", "1"]),
        ),
        min_size=1,
        max_size=30,
        unique_by=lambda row: row[:2],
    )
)
def test_any_list_is_read_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, str, list[str]]]
) -> None:
    named = [(NAMED.get(c, str(c)), pos, name, *pair[:2]) for c, pos, name, pair in rows]
    text = TSV + "".join("\t".join(map(str, row)) + "\n" for row in named)
    sites = read_sites(write(tmp_path_factory.mktemp("tsv"), "sites.tsv", text))
    assert rows_of(sites) == named
    turned = "".join(f"{c}\t{p}\t{ref}\t{alt}\t{i}\n" for c, p, i, ref, alt in named)
    assert sites.sha256 == hashlib.sha256(turned.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty"),
        ("\n \n", None, "is empty"),
        (b"\xff\xfe1\x00", None, "UTF-16"),
        (SMALL.encode() + b"3\t\xe9\t0\t1\tA\tC\n", 5, "not UTF-8"),
        ("##fileformat=VCFv4.2\n", None, "no variants"),
        (TSV, None, "no variants"),
        ("CHROM\tPOS\tID\tREF\n1\t1\ta\tA\n", 1, "no column ALT; the columns are CHROM POS ID REF"),
        (SMALL + "1\tx\t0\t300\tA\n", 5, "5 values where 6 are due"),
        (SMALL + "1\tx\n\n2\ty\n", 5, r"2 values where 6 are due .*\(and lines 6, 7\)"),
        (SMALL.replace("2\tc", "\n2\tc"), 3, "the line is empty"),
        (TSV + "1\t5\ta\tA\tC\tG\n", 2, "6 values where 5 are due"),
        (SMALL.replace("200", "2e2"), 2, "'2e2' is no position"),
        (SMALL.replace("200", "0"), 2, "'0' is no position"),
        (SMALL.replace("200", "-5"), 2, "'-5' is no position"),
        (SMALL.replace("200", "0x10"), 2, "'0x10' is no position"),
        (SMALL.replace("200", "2147483648"), 2, "no position"),
        (SMALL.replace("200", "99999999999999999999"), 2, "no position"),
        (SMALL.replace("2\tc", "27\tc"), 3, "'27' is no human chromosome"),
        (SMALL.replace("2\tc", "chr\tc"), 3, "'chr' is no human chromosome"),
        (SMALL.replace("2\tc", "0\tc"), 3, "no chromosome"),
        (
            TSV + "1\t5\ta\tA\tC,G\n1\t6\tb\tA\tC,G\n",
            2,
            r"'C,G'; split them \(bcftools norm -m-.*line 3",
        ),
        (TSV + "1\t5\ta\tA\t.\n", 2, "an allele is missing"),
        (TSV + "1\t5\ta\t\tC\n", 2, "an allele is missing"),
        (TSV + "1\t5\ta\tC\tC\n", 2, "both alleles are 'C'"),
        (TSV + "1\t5\t\tA\tC\n", 2, "the id is missing"),
        (SMALL + "1\tz\t0\t100\tA\tG\n", 5, "as on line 1"),
        (SMALL + "chr1\tz\t0\t100\tG\tA\n", 5, "as on line 1"),
        ("##x\n" + TSV + "1\t5\ta\tA\tC\n1\t6\ta\tA\tC\n1\t5\tb\tC\tA\n", 5, "as on line 3"),
        ("CHROM\tPOS\tID\tREF\tALT\tAF\n1\t5\ta\tA\tC\t1.5\n", 2, "'1.5' is no number from 0 to 1"),
        ("CHROM\tPOS\tID\tREF\tALT\tAF\n1\t5\ta\tA\tC\tx\n", 2, "'x' is no number from 0 to 1"),
    ],
)
def test_bad_lists_are_refused(
    text: str | bytes, line: int | None, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, "bad", text)
    with pytest.raises(InputError, match=message) as caught:
        read_sites(path)
    assert caught.value.line == line
    assert caught.value.path == path


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_sites(tmp_path / "none.bim")
    with pytest.raises(InputError, match="this is a folder"):
        read_sites(tmp_path)
    broken = write(tmp_path, "x.vcf.gz", gzip.compress(SMALL.encode())[:-9])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_sites(broken)


def test_multi_allelic_sites_can_stand_one_by_one(small: SiteList, tmp_path: Path) -> None:
    sites = read_sites(
        write(tmp_path, "m.tsv", TSV + "1\t5\ta\tA\tC\n1\t5\ta\tA\tG\n1\t5\ta\tAT\tA\n")
    )
    assert len(sites) == 3


def test_norm_makes_a_multi_allelic_vcf_readable(
    open_data: Path, program: Program, tmp_path: Path
) -> None:
    vcf = open_data / "edge" / "chrMT_phylotree_5435.vcf.gz"
    with pytest.raises(InputError, match="bcftools norm"):
        read_sites(vcf)
    out = tmp_path / "split.vcf"
    norm = [program("bcftools"), "norm", "-m-", "-o", str(out), str(vcf)]
    subprocess.run(norm, check=True, capture_output=True)
    query = [program("bcftools"), "query", "-f", "%ALT\n", str(vcf)]
    alts = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    assert len(read_sites(out)) == len(alts.replace(",", "\n").split()) > 262


def test_indices_of_ids(small: SiteList) -> None:
    assert small.indices_of(["d", "a"]).tolist() == [3, 0]
    with pytest.raises(InputError, match="no variant 'e'"):
        small.indices_of(["a", "e"])
    with pytest.raises(InputError, match="'a' is named twice"):
        small.indices_of(["a", "b", "a"])
    twins = small.take(np.array([0, 1, 0]))
    with pytest.raises(InputError, match="several variants 'a'"):
        twins.indices_of(["b", "a"])
    assert twins.indices_of(["b"]).tolist() == [1]


def test_indices_in_a_region(small: SiteList) -> None:
    assert small.indices_in("1").tolist() == [0, 1]
    assert small.indices_in("chr1:100-199").tolist() == [0]
    assert small.indices_in("1:1-10,000").tolist() == [0, 1]
    assert small.indices_in("23:7-7").tolist() == [3]
    assert small.indices_in("5").tolist() == []
    for region in ("1:5", "1:5-", "one", "30:1-2", "1:2:3", ""):
        with pytest.raises(InputError, match="is no region"):
            small.indices_in(region)
    with pytest.raises(InputError, match="ends before it starts"):
        small.indices_in("1:20-10")


def test_reading_does_not_import_pandas(tmp_path: Path) -> None:
    write(tmp_path, "s.bim", SMALL)
    code = (
        "import sys, pathlib; from mpcgen.genome.sites import read_sites\n"
        f"read_sites(pathlib.Path({str(tmp_path / 's.bim')!r})).sha256\n"
        "sys.exit('pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
