"""An entry's choice of pairs of variants, as the plan writes it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from mpcgen.protocols.options import Options, integer, only, real, text


@dataclass(frozen=True)
class PairOptions:
    """An entry's choice of pairs, before its files are read.

    Either `pairs`, or a window of `window` variants (index difference < window), of `kb` thousand
    base pairs (distance <= kb) or of both, over all sites or a part of them.

    Attributes:
        variants: file of the ids of the variants that count, and its SHA-256.
        region: the part of the genome that counts, as chromosome or chromosome:from-to.
        pairs: file of pairs of ids, and its SHA-256.
    """

    KEYS: ClassVar[tuple[str, ...]] = (
        "window", "kb", "variants", "variants_sha256", "region", "pairs", "pairs_sha256",
    )  # fmt: skip

    window: int | None = None
    kb: float | None = None
    variants: str | None = None
    variants_sha256: str | None = None
    region: str | None = None
    pairs: str | None = None
    pairs_sha256: str | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Read and check an entry's keys of these names; others are not looked at.

        Raises:
            ValueError: which key is wrong, and what would be right.
        """
        chosen = cls(
            window=integer(options, "window", 2),
            kb=real(options, "kb", 0, 1e6),
            variants=text(options, "variants"),
            variants_sha256=text(options, "variants_sha256"),
            region=text(options, "region"),
            pairs=text(options, "pairs"),
            pairs_sha256=text(options, "pairs_sha256"),
        )
        for file in ("variants", "pairs"):
            if file in options and f"{file}_sha256" not in options:
                raise ValueError(f"{file} needs {file}_sha256: what `sha256sum` prints of the file")
            if f"{file}_sha256" in options and file not in options:
                raise ValueError(f"{file}_sha256 stands there without {file}, a file of ids")
        if chosen.variants is not None and chosen.region is not None:
            raise ValueError("give variants or region, not both")
        if chosen.pairs is not None:
            asked = {key: options[key] for key in cls.KEYS if key in options}
            only(asked, "pairs", "pairs_sha256")
        elif chosen.window is None and chosen.kb is None:
            raise ValueError("linkage needs window (variants), kb or both, or a file of pairs")
        return chosen
