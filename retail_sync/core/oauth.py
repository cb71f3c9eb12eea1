"""OAuth2 with refresh tokens that change: one refresher at a time, and the newest token is on the disk before it is used.

Whoever loses a rotated refresh token loses the connection, and two processes that refresh at once are the classic way to
lose it. So the tokens lie in one file of the home's state (mode 0600), and are renewed under a lock of the kernel. The
refresh token of the environment starts it; when a person puts another one there, that one takes over.

Where refresh tokens do not change there is nothing to lose: without a file the tokens live as long as the process.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from urllib.parse import urlencode

from retail_sync.core.disk import sync
from retail_sync.core.errors import SettingsError, SignInRefused, StorageError
from retail_sync.core.http import HttpClient
from retail_sync.core.http_errors import Answered, HttpError, NoConnection, NotDelivered
from retail_sync.core.locks import exclusive

_SPARE_SECONDS = 120
_LOCK_WAIT_SECONDS = 60
# The words of RFC 6749 (5.2). What else a refusal says may repeat a secret, so nothing of it is shown.
_REFUSALS = {
    "invalid_client": "client id and secret do not go together, or the secret was replaced by a newer one",
    "invalid_grant": "the refresh token was copied wrongly, has expired, was withdrawn, or is another app's",
    "unauthorized_client": "the refresh token is another app's, or the app may not use any",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the environment gives."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @classmethod
    def read(cls, system: str, environment: Mapping[str, str] | None = None) -> Credentials:
        """Read RETAIL_SYNC_<SYSTEM>_CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN. Raises SettingsError naming what lacks."""
        found = os.environ if environment is None else environment
        names = [f"RETAIL_SYNC_{system.upper()}_{part.name.upper()}" for part in fields(cls)]
        missing = [name for name in names if not found.get(name)]
        if missing:
            raise SettingsError(
                f"{', '.join(missing)} not set", "docs/runbooks/connect_ledger.md says where the values come from"
            )
        return cls(*(found[name] for name in names))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the file holds. `seed` is a hash of the environment's refresh token that these tokens come from."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float
    seed: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a system takes credentials, where it does not take them as most do.

    `header` carries the access token, after `prefix`. `is_in_form`: our own id and secret stand in the form of the token
    request, not in HTTP Basic. `help` says how to connect again.
    """

    header: str = "Authorization"
    prefix: str = "Bearer "
    is_in_form: bool = False
    help: str = "docs/runbooks/connect_ledger.md"


class OAuth:
    """Credentials for a client, renewed when they run out or are refused. `store` is None where no token must be kept."""

    def __init__(
        self,
        token_client: HttpClient,
        token_path: str,
        credentials: Credentials,
        store: Path | None,
        sign_in: SignIn | None = None,
    ) -> None:
        self._client = token_client
        self._token_path = token_path
        self._credentials = credentials
        self._store = store
        self._sign_in = sign_in or SignIn()
        self._seed = hashlib.sha256(credentials.refresh_token.encode()).hexdigest()
        self._tokens = Tokens("", credentials.refresh_token, 0, self._seed)

    def __repr__(self) -> str:
        return f"OAuth({self._client.system!r})"

    def headers(self) -> Mapping[str, str]:
        """Return the header of the access token, with one that lasts a while."""
        if not self._is_fresh(self._tokens):
            self._renew(self._tokens.access_token)
        return {self._sign_in.header: f"{self._sign_in.prefix}{self._tokens.access_token}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Get another token where the server refused this one, unless another process has got one meanwhile."""
        self._renew(refused.get(self._sign_in.header, "").removeprefix(self._sign_in.prefix))

    def secrets(self) -> Iterable[str]:
        """Return every text that no message may show."""
        yield self._credentials.client_secret
        yield self._credentials.refresh_token
        yield self._tokens.access_token
        yield self._tokens.refresh_token

    def _renew(self, useless: str) -> None:
        if self._store is None:
            self._tokens = self._refreshed(self._credentials.refresh_token)
            return
        with exclusive(self._store.with_suffix(".lock"), _LOCK_WAIT_SECONDS, "renew the access token"):
            stored = self._stored(self._store)
            if self._is_fresh(stored) and stored.access_token != useless:
                self._tokens = stored
                return
            self._tokens = self._refreshed(stored.refresh_token)
            self._keep(self._tokens, self._store)

    def _is_fresh(self, tokens: Tokens) -> bool:
        return bool(tokens.access_token) and tokens.expires_at - _SPARE_SECONDS > self._client.clock.wall()

    def _stored(self, store: Path) -> Tokens:
        try:
            stored = Tokens(**json.loads(store.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self._tokens
        except (ValueError, TypeError):
            raise SettingsError(f"{store} is damaged", f"delete it and connect again: {self._sign_in.help}") from None
        is_ours = stored.seed == self._seed
        return stored if is_ours else Tokens("", self._credentials.refresh_token, 0, self._seed)

    def _refreshed(self, refresh_token: str) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        ours = self._credentials
        if self._sign_in.is_in_form:
            form |= {"client_id": ours.client_id, "client_secret": ours.client_secret}
        else:
            both = f"{ours.client_id}:{ours.client_secret}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        try:
            # Repeated where the answer is lost: servers take the last token again for a while, for that very reason.
            answer = self._client.request(
                "POST",
                self._token_path,
                body=urlencode(form).encode(),
                headers=headers,
                may_repeat=True,
            )
        except Answered as refused:
            if refused.status in (400, 401, 403):
                raise SignInRefused(
                    f"{self._client.system} does not accept our connection: {_told(refused)}",
                    f"correct the secret in the environment of the runs, or connect again: {self._sign_in.help}",
                ) from None
            raise NotDelivered(refused.message, refused.remedy) from None
        except NoConnection:
            raise
        except HttpError as error:  # what needed the token was not sent
            raise NotDelivered(error.message, error.remedy) from None
        now = self._client.clock.wall()
        try:
            given = answer.document
            return Tokens(
                str(given["access_token"]),
                given.get("refresh_token") or refresh_token,
                now + int(given["expires_in"]),
                self._seed,
            )
        except (KeyError, TypeError, ValueError):
            raise NotDelivered(f"{self._client.system} answered without a token", "run again later") from None

    def _keep(self, tokens: Tokens, store: Path) -> None:
        """Write the file anew, for our eyes only, and wait for the disk."""
        fresh = store.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(tokens), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(store)
            sync(store.parent)
        except OSError as error:
            raise StorageError(f"{store} could not be written: {error.strerror}", "free space, run again") from None


def _told(refused: Answered) -> str:
    """Say why, as far as it is one of the words that every sign-in uses."""
    word = refused.document.get("error") if isinstance(refused.document, Mapping) else None
    why = _REFUSALS.get(word) if isinstance(word, str) else None
    return f"{why} ({refused.status} {word})" if why else f"it answers {refused.status}"
