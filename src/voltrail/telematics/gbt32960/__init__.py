"""GB/T 32960.3, both editions: frames of the 2016 edition begin with ##, those of 2025 with $$."""
