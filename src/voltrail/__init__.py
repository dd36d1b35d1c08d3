"""
Voltrail: a digital ID for every power battery, and its whole life on a record that anyone can verify.

Start with `voltrail.codes`: the ID itself. `docs/architecture.md` says what stands and what is being built.
"""
