"""
The record's cryptography, pure: bytes in, bytes out. Formats are those of RFC 6962 and C2SP.

From the ground up: `merkle` trees; `keys` and signed `notes`; `commitments` to
members and `reports` over them; `entries` of the log and their chains;
`receipts` for reporters; `evidence` for everyone, which `verify` checks with
the `trust` that the record itself shows.
"""
