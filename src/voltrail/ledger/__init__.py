"""The record's cryptography, pure: bytes in, bytes out. Formats are those of RFC 6962 and C2SP."""
