"""Known answers, committed: whoever changes what is drawn, encoded or sent sees it here."""
