"""Pages and their tokens."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.service import ServiceError
from express.service.pages import LIFETIME, Pager


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def itself(item: int) -> int:
    return item


@given(st.sets(st.integers(0, 100), max_size=30), st.integers(1, 12))
def test_pages_make_up_the_list(items: set[int], size: int) -> None:
    pager = Pager(Clock())
    found: list[int] = []
    token = None
    while True:
        page, token = pager.page(sorted(items), itself, of="list", token=token, max_results=size)
        found += page
        if token is None:
            break
        assert len(page) == size
    assert found == sorted(items)


def test_what_comes_and_goes_between_pages_disturbs_nothing_else() -> None:
    pager = Pager(Clock())
    page, token = pager.page([1, 3, 5, 7], itself, of="list", max_results=2)
    assert page == [1, 3]
    assert pager.page([0, 2, 5, 6, 7], itself, of="list", token=token)[0] == [5, 6, 7]


@pytest.mark.parametrize("size", [0, None])
def test_a_hundred_unless_told_otherwise(size: int | None) -> None:
    page, token = Pager(Clock()).page(range(101), itself, of="list", max_results=size)
    assert len(page) == 100
    assert token is not None


def test_tokens_are_good_for_their_list_and_a_day() -> None:
    clock = Clock()
    pager = Pager(clock)
    _, token = pager.page(range(3), itself, of="list", max_results=1)
    assert token is not None
    clock.now += LIFETIME
    assert pager.page(range(3), itself, of="list", token=token)[0] == [1, 2]
    with pytest.raises(ServiceError, match="InvalidToken: Invalid Token: 'Invalid token'"):
        pager.page(range(3), itself, of="another", token=token)
    with pytest.raises(ServiceError, match="InvalidToken"):
        Pager(clock).page(range(3), itself, of="list", token=token)
    clock.now += 1
    with pytest.raises(ServiceError, match="InvalidToken"):
        pager.page(range(3), itself, of="list", token=token)


@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_nobody_makes_up_a_token(token: str) -> None:
    with pytest.raises(ServiceError, match="InvalidToken"):
        Pager(Clock()).page(range(3), itself, of="list", token=token)


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 10), st.integers(1, 12))
def test_a_page_ends_where_an_item_does_not_fit(sizes: list[int], room: int, most: int) -> None:
    """Every item is seen all the same: the first of a page has room in any case."""
    pager = Pager(Clock())
    found: list[tuple[int, int]] = []
    token = None
    while True:
        left = room

        def fits(item: tuple[int, int]) -> bool:
            nonlocal left
            left -= item[1]
            return left >= 0

        page, token = pager.page(
            enumerate(sizes), lambda item: item[0], of="list", token=token, max_results=most, fits=fits
        )
        assert sum(size for _, size in page[1:]) <= room
        found += page
        if token is None:
            break
    assert found == list(enumerate(sizes))
