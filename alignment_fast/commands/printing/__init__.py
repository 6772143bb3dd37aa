"""What commands print and save: tables, cells, files of results."""
