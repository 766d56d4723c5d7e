"""BedFile: what it maps, gives back and refuses."""

from pathlib import Path

import numpy as np
import pytest

from mpcgen.errors import InputError
from mpcgen.genome.bed import BedFile

HEADER = b"\x6c\x1b\x01"
PEOPLE, VARIANTS = 9, 7  # 3 bytes a row


def write(folder: Path, content: bytes) -> Path:
    path = folder / "x.bed"
    path.write_bytes(content)
    return path


def resident(path: Path) -> int:
    """Kibibytes of a mapped file that this process holds."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith(str(path)))
    return int(next(line for line in lines[start:] if line.startswith("Rss:")).split()[1])


def test_maps_the_rows(tmp_path: Path) -> None:
    body = bytes(range(3 * VARIANTS))
    with BedFile(write(tmp_path, HEADER + body), PEOPLE, VARIANTS) as bed:
        assert bed.row_bytes == 3
        starts = bed.starts(np.array([6, -1, 0]))
        assert starts.tolist() == [21, -1, 3]
        assert bytes(bed.data[starts[0] :]) == body[-3:]
        assert not bed.data.flags.writeable


def test_gives_pages_back_and_reads_on(tmp_path: Path) -> None:
    body = np.arange(3 * 2**20, dtype=np.uint32).astype(np.uint8)
    path = write(tmp_path, HEADER + body.tobytes())
    with BedFile(path, PEOPLE, 2**20) as bed:
        total = int(bed.data.sum())
        assert resident(path) > 2000
        bed.release()
        assert resident(path) < 100
        assert int(bed.data.sum()) == total


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"#CHROM", "not a PLINK 1 .bed file: it begins with 23 43, not 6c 1b"),
        (b"\x6c", "not a PLINK 1 .bed file: it begins with 6c, not"),
        (b"\x6c\x1b\x00" + bytes(21), "sample-major order; `plink --make-bed`"),
        (b"\x6c\x1b\x10" + bytes(21), "its third byte is '10', not 01"),
        (b"\x6c\x1b", "its third byte is '', not 01"),
        (HEADER, r"is truncated \(9 people and 7 variants take 24 bytes, the file has 3\)"),
        (HEADER + bytes(20), r"is truncated .* take 24 bytes, the file has 23"),
        (HEADER + bytes(22), "is longer than its .bim and .fam say .* the file has 25"),
        (HEADER + bytes(18), "does not match its .bim: it holds 6 variants, the .bim has 7"),
        (HEADER + bytes(24), "does not match its .bim: it holds 8 variants, the .bim has 7"),
        (HEADER + bytes(28), "does not match its .fam: it holds 13 to 16 people, the .fam has 9"),
        (HEADER + bytes(14), "does not match its .fam: it holds 5 to 8 people, the .fam has 9"),
    ],
)
def test_refuses(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        BedFile(path, PEOPLE, VARIANTS)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("code", range(4))
@pytest.mark.parametrize("place", [1, 2, 3])
def test_refuses_people_beyond_the_fam(tmp_path: Path, code: int, place: int) -> None:
    """PLINK writes 00 there; 01, which nobody with a genotype has, is what some others write."""
    body = np.full((VARIANTS, 3), 0b01010111, np.uint8)  # the last byte: 9th person, and nobody
    body[5, 2] = 0b11 | code << 2 * place
    with BedFile(write(tmp_path, HEADER + body.tobytes()), PEOPLE, VARIANTS) as bed:
        bed.check_padding(bed.starts(np.array([0, 1, 2, 3, 4, 6])))
        if code < 2:
            bed.check_padding(bed.starts(np.arange(VARIANTS)))
            return
        with pytest.raises(
            InputError, match=r"variant 6 .* people beyond the .fam, which has 9.*--make-bed"
        ):
            bed.check_padding(bed.starts(np.arange(VARIANTS)))


def test_a_full_last_byte_has_nobody_beyond(tmp_path: Path) -> None:
    content = HEADER + bytes([0xFF] * 3 * VARIANTS)
    with BedFile(write(tmp_path, content), 12, VARIANTS) as bed:
        bed.check_padding(bed.starts(np.arange(VARIANTS)))


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        BedFile(tmp_path / "none.bed", PEOPLE, VARIANTS)
