"""`voltrail account`: who may sign in, from the terminal of the registry's machine."""

from __future__ import annotations

import click
import msgspec

from voltrail.accounts import Account, Accounts
from voltrail.accounts.person import ROLES
from voltrail.accounts.trail import Actor
from voltrail.cli.common import json_option, print_json, registry_options
from voltrail.registry.registry import Registry


@click.group()
def account() -> None:
    """Say who may sign in."""


@account.command("add")
@click.argument("login")
@click.option("--organisation", required=True, help="Its identifier: a credit code, an LEI, or the host's.")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@registry_options
@json_option
def add_account(*, login: str, organisation: str, role: str, registry: Registry, as_json: bool) -> None:
    """Make an account; its one-time password is printed once, and changed at the first sign-in."""
    _say(login, Accounts(registry.database).add(login, organisation, role, Actor()), as_json=as_json)


@account.command("list")
@registry_options
@json_option
def list_accounts(*, registry: Registry, as_json: bool) -> None:
    """List the accounts."""
    accounts = Accounts(registry.database)
    found: list[Account] = []
    while page := accounts.page(found[-1].login if found else ""):
        found += page
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    for one in found:
        state = "disabled" if one.disabled_at else "one-time password" if one.one_time_until else ""
        click.echo(f"{one.login:<24} {one.role:<14} {one.organisation:<24} {state}".rstrip())


@account.command("disable")
@click.argument("login")
@registry_options
def disable_account(*, login: str, registry: Registry) -> None:
    """Shut an account out at once, with its sessions and tokens."""
    Accounts(registry.database).disable(login, Actor())
    click.echo(f"{login} is disabled; its sessions and tokens have ended.")


@account.command("reset")
@click.argument("login")
@registry_options
@json_option
def reset_account(*, login: str, registry: Registry, as_json: bool) -> None:
    """
    Print a new one-time password for an account.

    Its sessions and tokens end, a lock-out ends, and an account that was disabled opens again.
    """
    _say(login, Accounts(registry.database).reset(login, Actor()), as_json=as_json)


def first_administrator(registry: Registry) -> str | None:
    """Make the first administrator where there is none; return its one-time password."""
    return Accounts(registry.database).begin(registry.settings.host)


def said_once(login: str, password: str) -> str:
    """Return the words in which a one-time password is printed."""
    return f"  {login}   one-time password: {password}   (for 7 days; it is not shown again)"


def _say(login: str, password: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"login": login, "one_time_password": password})
        return
    click.echo(said_once(login, password))
