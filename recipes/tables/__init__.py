"""Tables that compare systems on one machine, beside the papers' own."""
