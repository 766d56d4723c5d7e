"""Plans: what is wrong is named with its line."""

import hashlib
from pathlib import Path

import pytest

from mpcgen.errors import PlanError
from mpcgen.study.load import load_study
from mpcgen.study.plan import LOW_FLOORS, NO_FLOORS, OPEN_ENGINE, STRATIFIED_SUMS, TWO_OWNERS
from mpcgen.study.read import read_plan
from tests import small


def line_with(text: str, words: str) -> int:
    """The first line that begins with these words."""
    return next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith(words))


def refused(folder: Path, text: str) -> PlanError:
    (folder / "other.toml").write_text(text)
    with pytest.raises(PlanError) as caught:
        load_study(folder / "other.toml")
    return caught.value


def test_the_plan_is_right(plan_folder: Path, plan_text: str) -> None:
    study = load_study(plan_folder / "plan.toml")
    assert study.plan.names == small.NAMES
    assert study.plan.sha256 == hashlib.sha256(plan_text.encode()).hexdigest()
    assert [task.entry.name for task in study.tasks] == ["frequency", "association", "peak"]


# the line to change, what it becomes, words of the error, the start of the line that it names
WRONG: dict[str, list[tuple[str, str, str | None]]] = {
    'id = "test"': [
        ('id = "a test"', "[study]: id is letters, digits", "id"),
        ("id = 7", "[study]: id is text in quotes, not 7", "id"),
        ('ids = "test"', "the key id is missing", "[study]"),
    ],
    "[study]": [
        ('[study]\nidd = "x"', "the key idd is not known; did you mean id?", "idd"),
        ('[study]\nxyz = "x"', "the key xyz is not known; known: id, title", "xyz"),
        ("[studies]", "[study]: the key id is missing", None),
    ],
    'build = "GRCh37"': [
        ('build = "hg19"', '"GRCh36", "GRCh37" or "GRCh38", not "hg19"', "build"),
    ],
    'title = "A study of a test"': [
        ('title = ""', "title is empty", "title"),
        ('title = "a\\nb"', "without control characters", "title"),
        ('title = "a\\u009bb"', "without control characters", "title"),
        ('title = "a\u2028b"', "without control characters", "title"),
        ('title = "a\u202eb"', "without control characters", "title"),
        ('title = "a\\u2066b"', "without control characters", "title"),
    ],
    'trait = "a trait"': [
        ('trait = ["a"]', "trait is text in quotes, not ['a']", "trait"),
    ],
    'palindromic = "as_given"': [
        ('palindromic = "drop"', '"leave_out" or', "palindromic"),
        ("", 'palindromic is missing: "as_given", ', "[sites]"),
    ],
    "founders_only = false": [
        ('founders_only = "no"', "true or false, not 'no'", "founders_only"),
    ],
    'name = "replicated"': [
        ('name = "replicate"', "did you mean replicated?", 'name = "replicate"'),
        (
            'name = "clear"',
            "clear has 1 computing party, not 3; with 3: replicated, additive, ",
            "computing",
        ),
    ],
    'computing = ["A", "B", "C"]': [
        ('computing = ["A", "B"]', "3 computing parties, not 2; with 2: additive, ", "comp"),
        ('computing = ["A"]', "3 computing parties, not 1", "comp"),
        ('computing = ["A", "B", "D"]', 'no institution "D"', "comp"),
        ('computing = ["A", "B", "B"]', "something twice", "comp"),
        ("computing = 3", "a list of texts, not 3", "comp"),
    ],
    'floors = "none"': [
        ("min_mac = 0", "min_mac is from 1 to 1000", "min_mac"),
        ("min_cases = 1001", "min_cases is from 1 to 1000", "min_cases"),
        ('floors = "default"', 'floors is "none", or left out', "floors"),
        ('floors = "none"\nmin_mac = 5', "leaves no place for min_mac", "min_mac"),
        ("min_institutions = 4", "is 4, and 3 institutions bring data", "min_inst"),
        (
            'consent = ["all"]',
            'consent is to some of two institutions, stratified sums, pairs together, not "all"',
            "con",
        ),
        ("independent_variants = 0", "is a number of at least 1", "independent"),
    ],
    "timeout_seconds = 300": [
        ("timeout_seconds = 0", "above 0 and at most 1000000", "timeout"),
        ("timeout_seconds = nan", "is a number, not nan", "timeout"),
    ],
    "connect_seconds = 300": [
        ("connect_seconds = inf", "is a number, not inf", "connect"),
        ("connect_seconds = 1e300", "at most 1000000 seconds", "connect"),
    ],
    'name = "A"': [
        ('name = "B"', '[[institutions]] 2: the name "B" is that of [[inst', None),
        ("", "[[institutions]] 1: the key name is missing", "[[institutions]]"),
    ],
    "max_people = 3000": [
        ("max_people = -1", "a number of people up to", "max_people"),
        ('max_people = "3000"', "a whole number, not '3000'", "max_people"),
        ("max_people = 3e3", "a whole number, not 3000.0", "max_people"),
        ("max_people = 4194305", "up to 4194304", "max_people"),
        (
            "max_people = 4194304",
            "add up to 4200304; every range is proved for at most 4194304 people",
            None,
        ),
        ("max_people = 3000\nmax_peeple = 1", "did you mean max_people?", "max_pee"),
    ],
    'statistic = "frequency"': [
        ('statistic = "frequencies"', "mean frequency?", "statistic"),
        ('statistic = "gwas"', '"association" or "linkage", not "gwas"', "stat"),
        ('statistic = "association"', "is that of [[entries]] 1", None),
        ("", "[[entries]] 1: the key statistic is missing", "[[entries]]"),
        (
            'statistic = "frequency"\nrelease = "sums"',
            "release is one of totals, passing, statistic",
            "rel",
        ),
        ('statistic = "frequency"\ngroup = ["all"]', "mean groups?", "[[entries]]"),
    ],
    'groups = ["all", "cases", "controls"]': [
        ('groups = ["men"]', "'men' is none of them", "[[entries]]"),
        ("groups = []", "one or more of", "[[entries]]"),
    ],
    'tests = ["allelic"': [
        ('tests = ["fisher"', "'fisher' is none of them", None),
    ],
    "window = 5": [
        ("", "entry peak: linkage needs window", None),
        ("window = 1", "window is an integer of at least 2", None),
        (f"window = {10**20}", "entry peak: window is at most 1,000,000 variants", None),
        ("window = 5\nkb = 0", "entry peak: no pair of variants stands in its window", None),
        ("window = 5\nwidow = 5", 'unknown option "widow"; did you mean window?', None),
        ('window = 5\nregion = "2"', "variants or region, not both", None),
    ],
    'variants = "peak.ids"': [
        ('variants = "none.ids"', "the list none.ids cannot be read", None),
        ('variants = "."', "the list . cannot be read", None),
        ('variants = "sites.tsv"', "sites.tsv has SHA-256", None),
        ("", "variants_sha256 stands there without variants", None),
    ],
    "variants_sha256 = ": [
        ("# ", "variants needs variants_sha256", None),
    ],
}


@pytest.mark.parametrize(
    ("old", "new", "words", "place"),
    [(old, *case) for old, cases in WRONG.items() for case in cases],
)
def test_wrong_plans(
    old: str, new: str, words: str, place: str | None, plan_folder: Path, plan_text: str
) -> None:
    assert f"\n{old}" in plan_text
    changed = plan_text.replace(f"\n{old}", f"\n{new}", 1)
    error = refused(plan_folder, changed)
    assert str(plan_folder / "other.toml") in str(error)
    assert words in str(error)
    if place is not None:
        assert error.line == line_with(changed, place)


@pytest.mark.parametrize("key", ["address", "key"])
def test_institutions_differ(key: str, plan_folder: Path, plan_text: str) -> None:
    first, second, _ = (line for line in plan_text.split("\n") if line.startswith(f"{key} = "))
    error = refused(plan_folder, plan_text.replace(second, first))
    assert f"[[institutions]] 2: the {key}" in str(error)
    assert "that of [[institutions]] 1 already" in str(error)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("address", "here", "host:port"),
        ("address", "127.0.0.1:70000", "no such port"),
        ("address", "127.0.0.1:0", "no such port"),
        ("key", "secret", "mpcgen keygen"),
        ("key", " " * 40, "key is empty"),
    ],
)
def test_addresses_and_keys(
    key: str, value: str, words: str, plan_folder: Path, plan_text: str
) -> None:
    first = next(line for line in plan_text.split("\n") if line.startswith(f"{key} = "))
    changed = plan_text.replace(first, f'{key} = "{value}"')
    error = refused(plan_folder, changed)
    assert words in str(error)
    assert error.line == line_with(changed, f"{key} = ")


def test_one_owner_is_no_study(plan_folder: Path, plan_text: str) -> None:
    alone = plan_text.replace("max_people = 3000", "max_people = 0", 2)
    assert "at least two institutions with data" in str(refused(plan_folder, alone))


@pytest.mark.parametrize(
    ("key", "content", "words"),
    [
        ("variants", b"s1\ns99\n", "the site list has no variant 's99'"),
        ("variants", b"s1\ns1\n", "the variant 's1' is named twice"),
        ("variants", b"s1 s2\n", "line 1: a line has one id, not 2"),
        ("variants", b"s1\nZ\xfcrich\n", "line 2: this is not UTF-8 text"),
        ("variants", b"\n", "the list is empty"),
        ("pairs", b"s1 s2\ns2 s2\n", "line 2: s2 is paired with itself"),
        ("pairs", b"s1 s2 s3\n", "line 1: a line has two ids, not 3"),
    ],
)
def test_wrong_lists(
    key: str, content: bytes, words: str, plan_folder: Path, plan_text: str
) -> None:
    (plan_folder / "bad.list").write_bytes(content)
    entry = "window = 5\n" if key == "variants" else ""
    entry += f'{key} = "bad.list"\n{key}_sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
    error = refused(plan_folder, plan_text[: plan_text.index("window = ")] + entry)
    assert words in str(error)


def test_the_hash_of_the_file_is_not_that_of_the_sites(plan_folder: Path, plan_text: str) -> None:
    right = read_plan(plan_folder / "plan.toml").sites_sha256
    of_file = hashlib.sha256((plan_folder / "sites.tsv").read_bytes()).hexdigest()
    error = refused(plan_folder, plan_text.replace(right, of_file))
    assert "the plan has the hash of the file; the hash of the sites is wanted" in str(error)
    assert right in str(error)
    assert error.line == line_with(plan_text, "sha256")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"# Z\xfcrich", "line 1: this is not UTF-8 text"),
        ("\ufeff".encode("utf-16"), "this is not UTF-8 text"),
        (b"[study]\nid test\n", "line 2: this is not TOML"),
        (b"[study\n", "this is not TOML"),
        (b"x = " + b"[" * 5000, "this is not TOML"),
        (b"x = " + b"9" * 5000, "this is not TOML"),
        (b"x = 1\nx = 2\n", "this is not TOML"),
        (b"x = 1\n", "at least one [[institutions]] is needed"),
        (b"study = 1\n", "line 1: study is a table: write [study]"),
        (b"institutions = 1\n", "line 1: institutions is an array of tables"),
    ],
)
def test_files_that_are_no_plan(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_bytes(content)
    with pytest.raises(PlanError) as caught:
        read_plan(tmp_path / "plan.toml")
    assert words in str(caught.value)
    assert str(tmp_path / "plan.toml") in str(caught.value)


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there is no such file"):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(PlanError, match="this is a folder"):
        read_plan(tmp_path)


def test_a_byte_order_mark_and_crlf_are_read(plan_folder: Path, plan_text: str) -> None:
    marked = b"\xef\xbb\xbf" + plan_text.replace("\n", "\r\n").encode()
    (plan_folder / "other.toml").write_bytes(marked)
    plan = load_study(plan_folder / "other.toml").plan
    assert plan.title == "A study of a test"
    assert plan.sha256 == hashlib.sha256(marked).hexdigest()


def test_warnings(plan_folder: Path, plan_text: str) -> None:
    def of(changed: str) -> tuple[str, ...]:
        (plan_folder / "other.toml").write_text(changed)
        return read_plan(plan_folder / "other.toml").warnings

    assert of(plan_text) == (NO_FLOORS,)
    two = plan_text.replace("max_people = 3000", "max_people = 0", 1)
    assert of(two) == (NO_FLOORS, TWO_OWNERS)
    clear = plan_text.replace('"replicated"', '"clear"').replace('["A", "B", "C"]', '["A"]', 1)
    assert of(clear) == (NO_FLOORS, OPEN_ENGINE.format("clear"))
    floored = plan_text.replace('floors = "none"', "min_mac = 4\nmin_cell = 6\nmin_cases = 1")
    assert of(floored) == (
        LOW_FLOORS.format("min_mac = 4 instead of 5, min_cases = 1 instead of 50"),
    )
    agreed = plan_text.replace('floors = "none"', 'consent = ["stratified sums"]')
    assert of(agreed) == (STRATIFIED_SUMS,)
    assert of(agreed.replace(', "cmh"', "")) == ()
