"""
People who sign in, and their programs: accounts, sessions, API tokens, and the trail of what they did; and
owners of vehicles, who have no account but show a token.

Of passwords, sessions and tokens only hashes are kept, in the registry's database, so that all servers
share them; times are the database's. Nothing here touches the log.
"""

from voltrail.accounts.accounts import Account, Accounts
from voltrail.accounts.followed import Followed
from voltrail.accounts.owners import Owners
from voltrail.accounts.person import Person, Scope

__all__ = ["Account", "Accounts", "Followed", "Owners", "Person", "Scope"]
