"""One module per data set; the catalog names them."""
