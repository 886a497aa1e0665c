"""A stranger's code in a box: what runs outside of it, the wire, and what runs inside."""
