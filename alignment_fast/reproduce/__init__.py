"""The figures and tables of the papers that this package follows, computed again; one package per paper."""
