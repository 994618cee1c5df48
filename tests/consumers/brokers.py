"""Which real brokers there are to test with."""

from __future__ import annotations

import pytest

from bench.redis_server import installed

needs_redis = pytest.mark.skipif(not installed(), reason="no redis-server here (Debian package redis-server)")
