"""Which scans are requested when schemas change: decided from markers, what is remembered, and the time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from platformkit_pipeline.operations.watch_schemas import Decision, Limits, Remembered, decide, due

NOBODY: tuple[str, ...] = ()
START = 1_800_000_000.0
"""Seconds since 1970; the tests count from there."""


class Watch:
    """Ticks at times of the test's choosing. Memory is text in between, as it is in a cursor."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.cursor: str | None = None
        self.keys: list[str] = []
        self.last: Decision | None = None

    def tick(self, now: float, markers: Mapping[str, str | None], *, busy: Collection[str] = NOBODY) -> list[str]:
        """Names that are requested; of `markers`, those are looked at whose turn it is."""
        now += START
        remembered = Remembered.from_json(self.cursor)
        looked = {name: markers[name] for name in due(markers, remembered, now, self.limits)}
        self.last = decide(markers, looked, busy, remembered, now, self.limits)
        self.cursor = self.last.remembered.to_json()
        self.keys += [request.occasion for request in self.last.requests]
        return [request.name for request in self.last.requests]


def test_a_project_is_scanned_at_first_sight_and_then_when_its_schema_changes() -> None:
    watch = Watch()
    assert watch.tick(0, {"shop": "a", "crm": "x"}) == ["crm", "shop"]
    assert watch.tick(100, {"shop": "a", "crm": "x"}) == []
    assert watch.tick(200, {"shop": "b", "crm": "x"}) == ["shop"]
    assert watch.tick(300, {"shop": "b", "crm": "x"}) == []


def test_a_schema_that_is_as_it_was_before_is_another_occasion() -> None:
    watch = Watch()
    for now, marker in ((0, "a"), (100, "b"), (200, "a"), (300, "b")):
        assert watch.tick(now, {"shop": marker}) == ["shop"]
    assert len(set(watch.keys)) == 4


def test_memory_that_is_lost_or_of_another_version_gives_new_occasions() -> None:
    watch = Watch()
    assert watch.tick(0, {"shop": "a"}) == ["shop"]
    for lost in (None, "", "{", "[]", '{"version": 99}', '{"version": 1, "seen": []}'):
        watch.cursor = lost
        assert watch.tick(0, {"shop": "a"}) == ["shop"]
    assert len(set(watch.keys)) == 7


def test_a_migration_that_goes_on_is_scanned_once_a_minute_and_once_more_when_it_has_stopped() -> None:
    watch = Watch()
    watch.tick(-1000, {"shop": "start"})
    requested = [now for now in range(0, 300, 10) if watch.tick(now, {"shop": f"step {min(now, 200)}"})]
    assert requested == [0, 60, 120, 180, 240]
    assert watch.tick(1000, {"shop": "step 200"}) == []


def test_what_changes_and_changes_back_between_two_requests_is_scanned_again() -> None:
    watch = Watch()
    watch.tick(0, {"shop": "a"})
    assert watch.tick(30, {"shop": "b"}) == []  # the scan of 0 may have seen this
    assert watch.tick(40, {"shop": "a"}) == []
    assert watch.tick(60, {"shop": "a"}) == ["shop"]
    assert watch.tick(200, {"shop": "a"}) == []


def test_nothing_is_requested_while_a_scan_is_under_way_and_nothing_is_lost_by_that() -> None:
    watch = Watch()
    watch.tick(0, {"shop": "a"})
    for now in (100, 200, 300):
        assert watch.tick(now, {"shop": "b"}, busy={"shop"}) == []
        assert watch.last is not None
        assert watch.last.waiting == ("shop",)
    assert watch.tick(400, {"shop": "b"}) == ["shop"]


def test_requests_of_one_tick_are_bounded_and_all_are_made_in_the_end() -> None:
    watch = Watch(Limits(requests=2))
    markers = dict.fromkeys("abcde", "a")
    assert [watch.tick(now, markers) for now in (0, 1, 2, 3)] == [["a", "b"], ["c", "d"], ["e"], []]


def test_looks_of_one_tick_are_bounded_and_go_on_with_those_that_waited_longest() -> None:
    watch = Watch(Limits(looks=2))
    markers = dict.fromkeys("abcde", "a")
    assert [watch.tick(now, markers) for now in (0, 1, 2, 3, 4)] == [["a", "b"], ["c", "d"], ["e"], [], []]
    assert watch.tick(1000, {**markers, "d": "b"}) == []  # the turn of a and b
    assert watch.tick(1001, {**markers, "d": "b"}) == ["d"]


def test_a_project_that_fails_pauses_longer_each_time_and_keeps_nobody_waiting() -> None:
    watch = Watch()
    looked = []
    for now in range(0, 3600, 30):
        if "dead" in due({"dead", "shop"}, Remembered.from_json(watch.cursor), START + now):
            looked.append(now)
        watch.tick(now, {"dead": None, "shop": f"{now // 900}"})
    assert looked == [0, 60, 180, 420, 900, 1800, 2700]
    assert len(watch.keys) == 4  # the other one was scanned for each of its changes
    assert watch.tick(5000, {"dead": "a", "shop": "3"}) == ["dead"]
    assert Remembered.from_json(watch.cursor).failing == {}


def test_a_failed_look_is_not_a_change_and_forgets_nothing() -> None:
    watch = Watch()
    watch.tick(0, {"shop": "a"})
    assert watch.tick(100, {"shop": None}) == []
    assert watch.tick(1000, {"shop": "a"}) == []


def test_a_clock_that_is_set_back_does_not_stop_the_requests() -> None:
    watch = Watch()
    watch.tick(1_000_000, {"shop": "a"})
    assert watch.tick(1000, {"shop": "b"}) == ["shop"]


def test_memory_is_bounded_and_forgets_who_left() -> None:
    watch = Watch(Limits(looks=10_000, requests=10_000))
    markers = {f"project-{n:04}": f"{n:032x}"[::-1] for n in range(5000)}
    watch.tick(0, markers)
    watch.tick(1000, markers)
    assert watch.cursor is not None
    assert len(watch.cursor) < 250_000
    watch.tick(2000, {"project-0001": markers["project-0001"]})
    assert len(watch.cursor) < 200


def test_a_clock_that_was_ahead_leaves_no_project_unwatched() -> None:
    watch = Watch()
    watch.tick(365 * 86_400, {"shop": None})
    assert watch.tick(1000, {"shop": "a"}) == ["shop"]
