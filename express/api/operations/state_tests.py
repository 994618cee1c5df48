"""TestState: tests a single state. Source: API reference TestState; answers as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, operation

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service


@operation("TestState")
async def perform_test(service: Service, request: Request) -> Answer:
    return await service.tests.test(request)
