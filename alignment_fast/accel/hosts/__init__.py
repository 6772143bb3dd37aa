"""Fast versions of other packages' functions: one module per host, imported once the host is.

`FUNCTIONS` of each maps a module of the host to {function: fast version}; a fast version takes the arguments of the
host's function, defaults filled in, positional ones by position.
"""
