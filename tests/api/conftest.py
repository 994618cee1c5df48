"""One endpoint and one boto3 client for all tests here; each test has a service of its own behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.answers import check_answers
from tests.api.serving import make_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.service import Service
    from tests.api.serving import Served


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(scope="session")
def shared_client(served: Served) -> Iterator[Any]:
    client = make_client(served.url)
    check_answers(client)
    yield client
    client.close()


@pytest.fixture
def service(served: Served) -> Iterator[Service]:
    with served.renew() as service:
        yield service


@pytest.fixture
def client(shared_client: Any, service: Service) -> Any:
    """boto3 against an empty service."""
    return shared_client
