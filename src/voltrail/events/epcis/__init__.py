"""EPCIS 2.0: documents of others read, checked and turned into lines of ours, and back."""
