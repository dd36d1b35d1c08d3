"""
What Voltrail says when it cannot do what it was asked.

`VoltrailError` is raised; `Refusal` is handed back as a value, for one line
of a report among many. Both carry the same five fields, so that a person in
a workshop reads the same words on the command line, on a page and in JSON.

The tree; catch the narrowest you can act on:

    VoltrailError
    ├── CodeError             a battery code that does not parse
    ├── IdentityError         a credit code, LEI, GLN, VIN or Digital Link that does not check
    ├── LineError             the bytes of a line are not in the strict form
    ├── EventError            a line in good form that is not a known event
    ├── TableError            a spreadsheet that cannot be read as a whole
    ├── CellError             a cell of it, or a row, that cannot be read; handed back, not raised
    ├── FrameError            bytes of a vehicle that are no frame, or values that do not go into one
    ├── PassportError         a passport made by others that cannot be read as a whole
    ├── ReportError           a report file: layout, signature, root, origin
    ├── NoteError             a signed note, key or policy that does not read
    ├── ProofError            a Merkle proof that does not lead to the root
    ├── VerificationError     evidence or a receipt that does not hold
    ├── WitnessError          a checkpoint that is not cosigned, or a witness that answers wrongly
    ├── ServerError           a registry's server that cannot be reached, or answers as none does
    ├── ProviderError         an identity provider that cannot be reached or believed
    ├── NotFound              there is nothing by that name
    │   ├── UnknownBattery
    │   └── UnknownOrganisation
    ├── AccessError           this audience may not
    ├── RegistryError         the registry's own settings or database
    │   └── RegistryClosed    writes are refused until a person has looked
    └── UsageError            the command or call was put together wrongly
"""

from __future__ import annotations

from typing import Any

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """
    Why one line was not taken.

    `rule` is dotted, from the general to the particular (`identity.code`);
    programs may match on it, so it does not change its meaning. `message`
    says what is wrong, `fix` what to do about it, `line` counts from 1, and
    `source` cites the standard or law the rule comes from.
    """

    rule: str
    message: str
    fix: str = ""
    line: int | None = None
    source: str | None = None


class VoltrailError(Exception):
    """
    The base of every error Voltrail raises on purpose.

    The five fields are those of `Refusal`. Anything else that escapes is a
    defect in Voltrail.
    """

    def __init__(
        self,
        rule: str,
        message: str,
        fix: str = "",
        line: int | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(rule, message, fix, line, source)
        self.rule = rule
        self.message = message
        self.fix = fix
        self.line = line
        self.source = source

    def __str__(self) -> str:
        """Return the message and what to do, for a terminal; no rule name."""
        where = "" if self.line is None else f"Line {self.line}: "
        return f"{where}{self.message} {self.fix}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """Return the one error shape of the API, all five fields always present."""
        return {
            "error": {
                "rule": self.rule,
                "message": self.message,
                "fix": self.fix,
                "line": self.line,
                "source": self.source,
            }
        }

    def as_refusal(self, line: int | None = None) -> Refusal:
        """Return the same five fields as a value; `line` overrides the error's own."""
        at = self.line if line is None else line
        return Refusal(self.rule, self.message, self.fix, at, self.source)


class CodeError(VoltrailError):
    """
    A battery code does not parse.

    `positions` are the places of the wrong characters, counting from 1; more
    than one when only together they are wrong, as in a date the calendar does
    not have; none when the whole is wrong, as in its length.
    `suggestion` is the code that was probably meant, when one stands out.
    """

    def __init__(
        self,
        rule: str,
        message: str,
        fix: str = "",
        line: int | None = None,
        source: str | None = None,
        *,
        positions: tuple[int, ...] = (),
        suggestion: str | None = None,
    ) -> None:
        super().__init__(rule, message, fix, line, source)
        self.positions = positions
        self.suggestion = suggestion


class IdentityError(VoltrailError):
    """An identifier of an organisation, place, vehicle or trade item does not check."""


class LineError(VoltrailError):
    """The bytes of a line are not in the strict form that commitments need."""


class EventError(VoltrailError):
    """A line in good form is not a known event with the members it needs."""


class TableError(VoltrailError):
    """A spreadsheet, or how its columns are mapped, cannot be read as a whole; `line` is a row of it."""


class CellError(VoltrailError):
    """A cell does not hold what its column is for, or a row is none; told where it stands in the table."""


class FrameError(VoltrailError):
    """Bytes are not one whole frame of GB/T 32960, or a frame cannot be written, opened or believed."""


class PassportError(VoltrailError):
    """The file of a passport that others made cannot be read as a whole, or is in no form that is known."""


class ReportError(VoltrailError):
    """A report file cannot be taken as a whole: layout, signature, root or origin."""


class NoteError(VoltrailError):
    """A signed note, a key or a policy does not read, or no known key signed it."""


class ProofError(VoltrailError):
    """A Merkle proof does not lead from what it proves to the root."""


class VerificationError(VoltrailError):
    """Evidence or a receipt does not hold against the policy and keys given."""


class WitnessError(VoltrailError):
    """
    A witness does not cosign a checkpoint, or does not answer as it must.

    `known_size` is the size of the last checkpoint it cosigned, where that is what stands in the way.
    """

    def __init__(
        self,
        rule: str,
        message: str,
        fix: str = "",
        line: int | None = None,
        source: str | None = None,
        *,
        known_size: int | None = None,
    ) -> None:
        super().__init__(rule, message, fix, line, source)
        self.known_size = known_size


class ServerError(VoltrailError):
    """A registry's server cannot be reached, or does not answer as a registry does."""


class ProviderError(VoltrailError):
    """An identity provider cannot be reached, or what it says cannot be believed."""


class NotFound(VoltrailError):
    """There is nothing here by that name."""


class UnknownBattery(NotFound):
    """No event names this battery, as far as this audience may know."""


class UnknownOrganisation(NotFound):
    """No organisation is registered under this identifier."""


class AccessError(VoltrailError):
    """What was asked for exists, and this audience may not have it."""


class RegistryError(VoltrailError):
    """The registry's settings, keys or database are not in order."""


class RegistryClosed(RegistryError):
    """Writes are refused until a person has looked; reading goes on."""


class UsageError(VoltrailError):
    """The command or the call was put together wrongly; nothing was done."""
