"""A bar on anything that takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    total: int, what: str, shown: bool | None = None
) -> Iterator[Callable[[int], None]]:
    """Give a function to be told how many more units, of total, are done.

    Args:
        shown: whether there is a bar; None: where standard error is a terminal.
    """
    from tqdm import tqdm  # noqa: PLC0415

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread: institutions are forked

    disable = None if shown is None else not shown
    with Bar(total=total, desc=what, unit="", unit_scale=True, delay=2, disable=disable) as bar:

        def report(units: int) -> None:
            bar.update(units)
            if bar.n >= total:  # here, for in a rehearsal it is another process that counts
                bar.close()

        yield report
