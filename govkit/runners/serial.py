"""One task after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from govkit.runners import Progress, Result, Task


class Serial:
    """Runs tasks in this process; each may use all its threads."""

    def map(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task],
        progress: Progress,
    ) -> list[Result]:  # fmt: skip
        """Return the results in the order of the tasks."""
        results = []
        for n, task in enumerate(tasks):
            progress(stage, n, len(tasks))
            results.append(function(task))
        progress(stage, len(tasks), len(tasks))
        return results


SERIAL = Serial()
