"""Front ends with the names, arguments and results of other libraries."""
