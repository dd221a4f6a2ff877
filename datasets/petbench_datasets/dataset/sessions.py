"""Which of a participant's scans belong together: those of one session, or all of them where no session is whole."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import pair_name, person_of, session_of
from petbench_datasets.dataset.framing import uses_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.tasks.task import Task


def divide_by_session(
    participant: str, scans: Sequence[Scan], task: Task, withheld: Collection[str] = ()
) -> tuple[dict[str, list[Scan]], list[str]]:
    """Return the scans of each pair of a participant by the pair's name, and the sessions that make none.

    A session that was measured in both windows is a pair of its own. Where only one session is, it is the participant's
    pair; where none is, all sessions are looked at together: some people keep the early scan in one session and the
    delayed one in another, and whether those are of one injection is asked when they are paired.

    Args:
        participant: `sub-01`.
        scans: all of the participant's.
        task: whose windows.
        withheld: names of pairs whose delayed image only the dataset's organizer has.
    """
    by_session: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        by_session[scan.session].append(scan)
    hidden = {session_of(name) for name in withheld if person_of(name) == participant}
    whole = [
        session for session in sorted(by_session) if session in hidden - {""} or _is_whole(by_session[session], task)
    ]
    if len(by_session) == 1 or not whole:
        return {participant: list(scans)}, []
    left_out = [session or "without a session" for session in sorted(by_session) if session not in whole]
    if len(whole) == 1 and not hidden - {""}:
        return {participant: by_session[whole[0]]}, left_out
    return {pair_name(participant, session): by_session[session] for session in whole}, left_out


def _is_whole(scans: Sequence[Scan], task: Task) -> bool:
    return all(any(uses_of(scan, window) for scan in scans) for window in task.windows_seconds.values())
