"""The gateway of telematics: frames come in over TCP, are kept as segments, and become Parquet."""
