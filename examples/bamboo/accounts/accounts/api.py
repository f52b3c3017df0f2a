"""What the service answers under /accounts/."""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import accounts, http
from .database import database
from .health import health


class Accounts(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        page = http.query(request, http.Page)
        return http.listed(request, page, await database(request).run(accounts.list_after, page.after, page.limit))

    async def post(self, request: Request) -> Response:
        new = await http.body(request, accounts.NewAccount)
        try:
            account = await database(request).run(accounts.create, new)
        except accounts.Taken as taken:
            raise http.Problem(409, f"there is an account with the address {taken} already") from taken
        return http.reply(account, 201, Location=f"/accounts/{account.id}", ETag=etag(account))


class Account(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        account_id = http.id_of(request, "account")
        account = await database(request).run(accounts.find, account_id)
        if account is None:
            raise http.missing("account", account_id)
        return http.reply(account, ETag=etag(account))

    async def patch(self, request: Request) -> Response:
        """Change an account; with `If-Match`, only if nobody else has changed it since it was read."""
        account_id = http.id_of(request, "account")
        version = version_of(request.headers.get("If-Match"))
        wanted = await http.body(request, accounts.Change)
        try:
            account = await database(request).run(accounts.change, account_id, wanted, version)
        except accounts.Taken as taken:
            raise http.Problem(409, f"there is an account with the address {taken} already") from taken
        if account is None:
            if version is None or await database(request).run(accounts.find, account_id) is None:
                raise http.missing("account", account_id)
            raise http.Problem(412, f"account {account_id} has been changed since; read it again")
        return http.reply(account, ETag=etag(account))


def etag(account: accounts.Account) -> str:
    return f'"{account.version}"'


def version_of(if_match: str | None) -> int | None:
    """Read `If-Match`: None stands for any version."""
    if if_match is None or if_match.strip() == "*":
        return None
    number = if_match.strip().strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise http.Problem(412, 'If-Match takes the ETag of an answer, such as "3"')
    return int(number)


ROUTES: list[BaseRoute] = [
    Route("/accounts/health", health),
    Route("/accounts/", Accounts),
    Route("/accounts/{id:int}", Account),
]
