"""The border: what every public function does with its arguments and its results, written once."""
