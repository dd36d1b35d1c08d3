"""
GB/T 32960.3, editions of 2016 (frames begin with ##) and 2025 ($$): bytes to values and back, nothing else.

Where to begin: `frame.read_frame` and `writing.make_frame` for one frame, `batch.Decoder` for millions,
`stream.split` for where frames stand in bytes, `sealing` for signatures and encryption. What the standards
say of fields stands in `layout_2016.json` and `layout_2025.json`, and in no code.
"""
