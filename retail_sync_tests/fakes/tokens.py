"""An OAuth2 token endpoint whose refresh tokens rotate; the one before stays good until its successor is used."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import parse_qsl

from retail_sync_tests.fakes.server import Reply, Request

TOKEN_PATH = "/token"  # noqa: S105


class FakeTokens:
    """Tokens of one connected app."""

    def __init__(self, now: Callable[[], float], lasts: float = 3_600) -> None:
        self._now = now
        self._lasts = lasts
        self._issued = 0
        self._good_refresh = {"refresh-0"}
        self._access: dict[str, float] = {}
        self.refreshes = 0

    def expire(self) -> None:
        """Refuse every access token given so far."""
        self._access.clear()

    def revoke(self) -> None:
        """Refuse every token, as after the user disconnected the app."""
        self._access.clear()
        self._good_refresh.clear()

    def admits(self, request: Request) -> bool:
        """Whether a request carries an access token that is good now."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self._access.get(token, 0) > self._now()

    def answer(self, request: Request) -> Reply:
        """Give new tokens for a refresh token."""
        form = dict(parse_qsl(request.body.decode()))
        basic = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if basic != "app:app-secret":
            return Reply(401, {"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") not in self._good_refresh:
            return Reply(400, {"error": "invalid_grant"})
        self.refreshes += 1
        self._issued += 1
        fresh = f"refresh-{self._issued}"
        self._good_refresh = {form["refresh_token"], fresh}
        self._access[f"access-{self._issued}"] = self._now() + self._lasts
        return Reply(
            200, {"access_token": f"access-{self._issued}", "refresh_token": fresh, "expires_in": int(self._lasts)}
        )
